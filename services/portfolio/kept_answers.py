"""Answers that are encoded already and stay so until what they were made from changes: what people poll."""

from collections.abc import Callable, Hashable
from typing import Any

import msgspec

from shared.bus.messages import Reply

#: Answers that are kept at most, and bytes of them; when it is more, all are let go of.
_COUNT = 256
_BYTES = 16 * 1024 * 1024

_encode = msgspec.json.Encoder().encode


class KeptAnswers:
    """The answers to requests of one kind."""

    def __init__(self) -> None:
        self._state: Any = None
        self._replies: dict[Hashable, Reply] = {}
        self._bytes = 0

    def answer(self, state: Any, request: Hashable, make: Callable[[], Any]) -> Reply:
        """Return the answer to `request`, of what `make` returns.

        `state` is equal to that of the call before as long as `make` would return the same.
        """
        if state != self._state:
            self._let_go()
        # Also where it is equal: then the next comparison is one of identities.
        self._state = state
        reply = self._replies.get(request)
        if reply is None:
            reply = Reply(_encode(make()))
            if len(self._replies) >= _COUNT or self._bytes + len(reply.body) > _BYTES:
                self._let_go()
            self._replies[request] = reply
            self._bytes += len(reply.body)
        return reply

    def _let_go(self) -> None:
        self._replies.clear()
        self._bytes = 0
