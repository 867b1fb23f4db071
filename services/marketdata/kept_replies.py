"""Replies that are encoded already, for as long as what they were made from is the same: what people poll."""

from collections.abc import Callable, Hashable
from typing import Any

import msgspec

from shared.bus.messages import Reply

#: Replies that are kept at most; the one that was made longest ago goes first.
_COUNT = 128

_encode = msgspec.json.Encoder().encode


class KeptReplies:
    """The replies to requests of one kind, each with the immutable objects that it was made from."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[tuple[object, ...], Reply]] = {}

    def reply(self, request: Hashable, sources: tuple[object, ...], make: Callable[[], Any]) -> Reply:
        """Return the reply to `request`, of what `make` returns for these `sources` and the same for the same.

        Without sources nothing tells that it would be the same, and it is made anew.
        """
        if not sources:
            return Reply(_encode(make()))
        kept = self._kept.get(request)
        if kept is not None and _are(kept[0], sources):
            return kept[1]
        reply = Reply(_encode(make()))
        self._kept.pop(request, None)
        if len(self._kept) >= _COUNT:
            del self._kept[next(iter(self._kept))]
        self._kept[request] = (sources, reply)
        return reply


def _are(ones: tuple[object, ...], others: tuple[object, ...]) -> bool:
    """Return whether they are the same objects: comparing what they hold would cost as much as a reply."""
    return len(ones) == len(others) and all(one is other for one, other in zip(ones, others, strict=True))
