"""The candles of a time as one JSON array, made in pieces while they are read, and asked for a little ahead of that."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable

import msgspec

from services.marketdata.candles.archive import Archive, Outcome, opened
from services.marketdata.candles.spans import Span, holes, joined, pages
from services.marketdata.failures import command_error
from shared.contracts.marketdata.candles import Candle
from shared.exchanges.errors import ExchangeError
from shared.tasks import end_task

#: Candles that are read from storage at once: about half a megabyte of JSON.
AT_ONCE = 2000
#: Parts that are read from storage before they are needed.
READ_AHEAD = 2
#: Pages that are asked for before they are needed.
AHEAD = 8
#: Seconds of a download before its progress is told, and between two such words of a series.
QUIET = 2.0
TELL_EVERY = 1.0

#: Is told from 0 to 1 how far a download is.
Tell = Callable[[float], Awaitable[None]]

_encode = msgspec.json.Encoder().encode


class Answer:
    """The candles of `archive` that open within `wanted`, whose end may be after the last one.

    `tell` is called while a download takes long.
    """

    def __init__(self, archive: Archive, wanted: Span, tell: Tell) -> None:
        self._archive = archive
        self._wanted = wanted
        self._settled = wanted.within(Span(0, archive.settled_before()))
        self._tell = tell
        self._covered: tuple[Span, ...] = ()
        self._asked: dict[Span, asyncio.Task[Outcome]] = {}
        self._began = time.monotonic()
        self._told = False

    async def pieces(self, seconds: float) -> AsyncGenerator[bytes, None]:
        """Give the array in pieces; the exchange's running candle is waited for up to `seconds`.

        Raises:
            CommandError: why there is not all of it, also after some pieces.
        """
        try:
            last = await self._last(seconds)
            separator = b"["
            async for part in self._stored():
                yield separator + part
                separator = b","
            if last:
                yield separator + _encode(last)[1:]
            else:
                yield b"[]" if separator == b"[" else b"]"
        except ExchangeError as error:
            raise command_error(self._archive.series.connector_name, error) from error

    async def _last(self, seconds: float) -> tuple[Candle, ...]:
        """Return the candles that are not final; first, as without them there is no answer."""
        rest = Span(max(self._wanted.start, self._settled.end), self._wanted.end)
        if rest.is_empty or rest.start > self._archive.now():
            return ()
        return tuple(
            candle for candle in await self._archive.running(seconds) if rest.start <= opened(candle) < rest.end
        )

    async def _stored(self) -> AsyncGenerator[bytes, None]:
        if self._settled.is_empty:
            return
        self._covered = await self._archive.covered(self._settled)
        reads: deque[asyncio.Task[bytes]] = deque()
        try:
            for page in pages(self._settled, AT_ONCE * self._archive.interval.length):
                span = page.within(self._settled)
                await self._complete(span)
                reads.append(asyncio.create_task(self._archive.json(span), name=f"read {self._archive.series}"))
                if len(reads) > READ_AHEAD and (part := await reads.popleft()):
                    yield part
            while reads:
                if part := await reads.popleft():
                    yield part
        finally:
            for read in reads:
                await end_task(read)
        if self._told:
            await self._tell(1.0)

    async def _complete(self, span: Span) -> None:
        """Return when what there is of `span` is stored; meanwhile have what comes after it asked for."""
        while holes(span, self._covered):
            self._ask(Span(span.start, span.end + AHEAD * self._archive.page_length).within(self._settled))
            page, task = next(iter(self._asked.items()))
            outcome = await asyncio.shield(task)
            if not isinstance(outcome, Span):
                raise outcome.with_traceback(None)
            self._covered = joined((*self._covered, outcome))
            self._asked = {page: task for page, task in self._asked.items() if holes(page, self._covered)}
            await self._tell_now_and_then(page.end)

    def _ask(self, reach: Span) -> None:
        for page in pages(reach, self._archive.page_length):
            if len(self._asked) >= AHEAD:
                return
            if page not in self._asked and holes(page.within(reach), self._covered):
                self._asked[page] = self._archive.complete(page)

    async def _tell_now_and_then(self, reached: int) -> None:
        now = time.monotonic()
        if now - self._began < QUIET or now - self._archive.told_at < TELL_EVERY:
            return
        self._told, self._archive.told_at = True, now
        share = (reached - self._settled.start) / (self._settled.end - self._settled.start)
        await self._tell(min(share, 1.0))
