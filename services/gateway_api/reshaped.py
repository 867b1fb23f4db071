"""Replies made into what the HTTP API shows, each at most once while it does not change."""

from collections.abc import Callable, Hashable

#: Bytes of replies and answers that one kind of answer keeps.
MOST_BYTES = 8 * 1024 * 1024
_MOST_ENTRIES = 256


class Reshaped:
    """Answers by the replies that they were made from: who polls a state that stands still costs one look-up.

    Args:
        shape: makes the answer of a reply and of what else its form depends on. The same for the same.
        most_bytes: what is kept of replies and answers; the one that was not asked for longest goes first.
    """

    def __init__(self, shape: Callable[..., bytes], most_bytes: int = MOST_BYTES) -> None:
        self._shape = shape
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: dict[tuple[bytes, tuple[Hashable, ...]], bytes] = {}

    def of(self, reply: bytes, *form: Hashable) -> bytes:
        """Return the answer that `shape(reply, *form)` makes.

        Raises:
            Exception: what `shape` raises; nothing is kept then.
        """
        key = (reply, form)
        answer = self._kept.pop(key, None)
        if answer is None:
            answer = self._shape(reply, *form)
            self._bytes += len(reply) + len(answer)
            self._make_room()
        self._kept[key] = answer  # at the end: the last that was asked for
        return answer

    def _make_room(self) -> None:
        while self._kept and (self._bytes > self._most_bytes or len(self._kept) >= _MOST_ENTRIES):
            oldest = next(iter(self._kept))
            self._bytes -= len(oldest[0]) + len(self._kept.pop(oldest))
