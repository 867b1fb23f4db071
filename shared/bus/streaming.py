"""Answers that are too large for one message: pieces that the caller asks for one after the other.

A piece's NATS reply subject is where the next one is to be asked for; the last piece has none. So nothing is produced
before somebody wants it, and memory does not grow with the answer. Each ask is good once. Whoever wants no more says so
with an ask that has no reply subject of its own; whoever dies is forgotten after `IDLE`.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from nats.aio.msg import Msg

from shared.errors import CommandError, ErrorCode
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Bytes of a piece at most: half of what NATS takes, as its headers count too.
PIECE_BYTES = 512 * 1024
#: Seconds that an answer waits to be asked for more.
IDLE = 30.0
#: Seconds that making one piece may take.
PIECE_TIMEOUT = 60.0

_log = logger("streaming")

#: Sends a piece to an inbox, with the subject to ask for the next one (empty: it was the last).
SendPiece = Callable[[str, bytes, str], Awaitable[None]]
SendError = Callable[[str, CommandError], Awaitable[None]]


@dataclass(slots=True)
class _Open:
    pieces: AsyncIterator[bytes]
    #: The number of the ask that is due, so that one that comes twice gets nothing.
    due: int = 0
    ahead: bytes | None = None
    idle: asyncio.TimerHandle | None = None
    #: What is under way, with the inbox that waits for it (empty: nobody does).
    work: dict["asyncio.Task[None]", str] = field(default_factory=dict)


class OpenStreams:
    """The answers of one replica that are under way."""

    def __init__(self, prefix: str, send: SendPiece, send_error: SendError) -> None:
        """`prefix` is the subject, without its last token, on which the asks come; it is this replica's alone."""
        self._prefix = prefix
        self._send = send
        self._send_error = send_error
        self._open: dict[str, _Open] = {}

    def __len__(self) -> int:
        return len(self._open)

    async def begin(self, inbox: str, pieces: AsyncIterator[bytes]) -> None:
        """Send the first piece of an answer to `inbox`.

        Raises:
            CommandError: if the first piece could not be made.
        """
        token = secrets.token_hex(8)
        stream = _Open(_bounded(pieces))
        try:
            async with asyncio.timeout(PIECE_TIMEOUT):
                first = await anext(stream.pieces, b"")
        except BaseException:
            await _close(stream)
            raise
        self._open[token] = stream
        await self._deliver(token, stream, inbox, first)

    async def received(self, message: Msg) -> None:
        """Answer an ask for the next piece."""
        token, _, number = message.subject[len(self._prefix) :].partition("-")
        stream = self._open.get(token)
        if stream is None or number != str(stream.due):
            if message.reply:
                gone = CommandError(ErrorCode.EXPIRED, "this answer is not open any more")
                await self._send_error(message.reply, gone)
            return
        stream.due += 1
        if stream.idle is not None:
            stream.idle.cancel()
        work = self._next(token, stream, message.reply) if message.reply else self._end(token)
        self._keep(stream, asyncio.create_task(work, name="piece of an answer"), message.reply)

    async def stop(self) -> None:
        """Give up all answers. Who waits for a piece is told, as nobody would answer the ask that was taken already."""
        for token, stream in list(self._open.items()):
            for task, inbox in tuple(stream.work.items()):
                if not task.done():
                    await end_task(task)
                    if inbox:
                        await self._send_error(inbox, CommandError(ErrorCode.UNAVAILABLE, "the service stops"))
            await self._end(token)

    @staticmethod
    def _keep(stream: _Open, task: "asyncio.Task[None]", inbox: str) -> None:
        stream.work[task] = inbox
        task.add_done_callback(lambda done: stream.work.pop(done, None))

    async def _next(self, token: str, stream: _Open, inbox: str) -> None:
        piece, stream.ahead = stream.ahead, None
        assert piece is not None, "expected a piece that was made ahead"
        await self._deliver(token, stream, inbox, piece)

    async def _deliver(self, token: str, stream: _Open, inbox: str, piece: bytes) -> None:
        """Send `piece`; the one after it is made first, as only it tells whether there is more."""
        try:
            async with asyncio.timeout(PIECE_TIMEOUT):
                stream.ahead = await anext(stream.pieces, None)
        except CommandError as error:
            await self._end(token)
            await self._send_error(inbox, error)
            return
        except Exception:  # the caller must not take what it has for all there is
            _log.exception("answer broken off")
            await self._end(token)
            await self._send_error(inbox, CommandError(ErrorCode.INTERNAL, "the answer broke off"))
            return
        if stream.ahead is None:
            await self._end(token)
            await self._send(inbox, piece, "")
            return
        stream.idle = asyncio.get_running_loop().call_later(IDLE, self._forget, token)
        await self._send(inbox, piece, f"{self._prefix}{token}-{stream.due}")

    def _forget(self, token: str) -> None:
        stream = self._open.get(token)
        if stream is not None:
            self._keep(stream, asyncio.create_task(self._end(token), name="forgotten answer"), "")

    async def _end(self, token: str) -> None:
        stream = self._open.pop(token, None)
        if stream is not None:
            await _close(stream)


async def _close(stream: _Open) -> None:
    if stream.idle is not None:
        stream.idle.cancel()
    close = getattr(stream.pieces, "aclose", None)
    if close is not None:
        with contextlib.suppress(CommandError):
            await close()


async def _bounded(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give `pieces` in messages of at most `PIECE_BYTES`, small ones together."""
    held = bytearray()
    try:
        async for piece in pieces:
            held += piece
            while len(held) >= PIECE_BYTES:
                yield bytes(held[:PIECE_BYTES])
                del held[:PIECE_BYTES]
        if held:
            yield bytes(held)
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
