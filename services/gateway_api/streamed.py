"""Answers that are larger than memory should hold: sent piece by piece, each asked for when the client took the last.

What breaks off on the way ends with the connection and without an end of the body: a client must not take what it has
for all there is. Not compressed, as that would take longer than to send it.
"""

import asyncio
from collections.abc import AsyncGenerator

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from services.gateway_api.answers import Answer
from services.gateway_api.departure import departure
from services.gateway_api.errors import RefusedCommand
from shared.http.protocol import HANG_UP
from shared.tasks import end_task
from shared.telemetry.logs import logger

Pieces = AsyncGenerator[bytes, None]

#: Seconds that a client may take for a piece; a service forgets an answer that nobody asks more of after half of it.
PIECE_TIMEOUT = 60.0
_HANG_UP_TIMEOUT = 5.0
_HEADERS = [(b"content-type", b"application/json")]

_log = logger("edge")


async def answer_of(pieces: Pieces) -> "Answer | StreamedAnswer":
    """Return the answer that consists of `pieces`.

    Raises:
        RefusedCommand: if there is not even a first piece.
    """
    try:
        first = await anext(pieces, b"")
        second = await anext(pieces, None)
    except BaseException:
        await pieces.aclose()
        raise
    return Answer(first) if second is None else StreamedAnswer([first, second], pieces)


class StreamedAnswer(ASGIResponse):
    """An answer whose first pieces are there."""

    def __init__(self, first: list[bytes], rest: Pieces) -> None:
        self._first = first
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer until its end, or until its client has gone."""
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        sending = asyncio.create_task(self._send(send), name="streamed answer")
        leaving = asyncio.create_task(departure(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and (fault := sending.exception()) is not None:
                _log.warning("answer broke off", path=scope["path"], error=_reason(fault))
                hang_up = "abort" if isinstance(fault, TimeoutError) else "call"
                scope["extensions"][HANG_UP][hang_up]()  # type: ignore[index, operator]
                await asyncio.wait((leaving,), timeout=_HANG_UP_TIMEOUT)
        finally:
            await end_task(sending)
            await end_task(leaving)
            await self._rest.aclose()

    async def _send(self, send: Send) -> None:
        self._first.reverse()
        while self._first:
            await _piece(send, self._first.pop())
        async for piece in self._rest:
            await _piece(send, piece)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _piece(send: Send, body: bytes) -> None:
    async with asyncio.timeout(PIECE_TIMEOUT):
        await send({"type": "http.response.body", "body": body, "more_body": True})


def _reason(fault: BaseException) -> str:
    if isinstance(fault, TimeoutError):
        return f"the client took nothing for {PIECE_TIMEOUT:g} s"
    return str(fault.error if isinstance(fault, RefusedCommand) else fault) or type(fault).__name__
