"""The commands about candles: message in, domain call, answer out."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec

from services.marketdata.candles.answer import Answer, Tell
from services.marketdata.candles.feeds import CandleFeeds
from services.marketdata.candles.intervals import INTERVALS
from services.marketdata.candles.spans import Span
from services.marketdata.failures import NoAnswer
from services.marketdata.venue import Venue, Venues, check_known
from services.marketdata.waiting import Later, Waiting, seconds_for
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply, Streamed
from shared.bus.streaming import PIECE_BYTES
from shared.connectors.catalogue import CONNECTORS
from shared.contracts.credentials import Nothing
from shared.contracts.marketdata import SERVICE
from shared.contracts.marketdata.candles import (
    CANDLE_HISTORY,
    DOWNLOAD_PROGRESSED,
    LIST_CANDLE_CONNECTORS,
    RECENT_CANDLES,
    CandleRange,
    DownloadProgress,
    RecentCandles,
)
from shared.database.unit_of_work import UnitOfWork
from shared.errors import CommandError, ErrorCode, FieldError, invalid, not_found
from shared.exchanges.candles import has_candles

#: Candles that one question may span: 23 days of seconds, nearly four years of minutes.
MOST = 2_000_000

_encode = msgspec.json.Encoder().encode


class CandleHandlers:
    """Handlers of the commands about candles."""

    def __init__(self, venues: Venues, feeds: CandleFeeds, unit: UnitOfWork, waiting: Waiting) -> None:
        self._venues = venues
        self._feeds = feeds
        self._unit = unit
        self._waiting = waiting
        self._connectors = sorted(name for name, connector in CONNECTORS.items() if has_candles(connector))

    def register(self, dispatcher: Dispatcher) -> None:
        """Let `dispatcher` hand the commands to these handlers."""
        dispatcher.on(RECENT_CANDLES, self.recent)
        dispatcher.on(CANDLE_HISTORY, self.history)
        dispatcher.on(LIST_CANDLE_CONNECTORS, self.connectors)

    def connectors(self, _: Nothing, __: Call) -> list[str]:
        return self._connectors

    def recent(self, request: RecentCandles, call: Call) -> Reply | Later[Reply | Streamed]:
        venue = self._venues[request.connector_name]
        pair, interval, count = request.trading_pair, request.interval, request.max_records
        _check_interval(venue, interval)
        rules = venue.rules_now()
        if rules is not None and pair in rules:
            candles = self._feeds.feed(venue, pair, interval).now(count)
            if candles:
                reply = Reply(_encode(candles))
                if len(reply.body) <= PIECE_BYTES:
                    return reply

        async def later() -> Reply | Streamed:
            until = time.monotonic() + seconds_for(call)
            check_known(venue, await venue.rules(until - time.monotonic()), pair)
            found = await self._feeds.feed(venue, pair, interval).get(count, until - time.monotonic())
            if not found:
                raise not_found(f"There are no {interval} candles of '{pair}' on '{venue.name}'")
            reply = Reply(_encode(found))
            return reply if len(reply.body) <= PIECE_BYTES else Streamed(_whole(reply.body))

        return self._waiting.for_exchange(venue, later)

    def history(self, request: CandleRange, call: Call) -> Later[Streamed]:
        venue = self._venues[request.connector_name]
        _check_interval(venue, request.interval)
        span = _span(request)

        async def later() -> Streamed:
            until = time.monotonic() + seconds_for(call)
            check_known(venue, await venue.rules(until - time.monotonic()), request.trading_pair)
            archive = self._feeds.archive(venue, request.trading_pair, request.interval)
            pieces = Answer(archive, span, self._telling(request)).pieces(until - time.monotonic())
            try:
                async with asyncio.timeout(max(0.0, until - time.monotonic())):
                    first = await anext(pieces)
            except TimeoutError:
                raise NoAnswer from None
            return Streamed(_with_first(first, pieces))

        return self._waiting.for_exchange(venue, later)

    def _telling(self, request: CandleRange) -> Tell:
        async def tell(share: float) -> None:
            progress = DownloadProgress(
                connector_name=request.connector_name,
                trading_pair=request.trading_pair,
                interval=request.interval,
                start_time=request.start_time,
                end_time=request.end_time,
                share=share,
            )
            await self._unit.tell(SERVICE, (DOWNLOAD_PROGRESSED, progress))

        return tell


def _check_interval(venue: Venue, interval: str) -> None:
    offered = venue.market.candles().intervals
    if not offered:
        raise CommandError(ErrorCode.REFUSED, f"Connector '{venue.name}' has no candles")
    if interval not in offered:
        raise CommandError(
            ErrorCode.REFUSED, f"'{venue.name}' has no candles of this interval; there are {', '.join(offered)}"
        )


def _span(request: CandleRange) -> Span:
    """Return the times that are asked for, in ms; the end is one of them.

    Raises:
        CommandError: INVALID if there are none, or too many candles.
    """
    span = Span(-int(-request.start_time * 1000 // 1), int(request.end_time * 1000) + 1)
    if request.end_time < request.start_time:
        raise _not_fit("end_time", "expected an end that is not before the start")
    most = INTERVALS[request.interval].most_in(span.start, span.end)
    if most > MOST:
        raise _not_fit("start_time", f"expected a time of at most {MOST} candles, was {most}")
    return span


def _not_fit(field: str, text: str) -> CommandError:
    return invalid(f"{field}: {text}", FieldError((field,), text, "value_error"))


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _with_first(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """Give `first` and then `rest`, which is closed also if nobody wants it."""
    try:
        yield first
        async for piece in rest:
            yield piece
    finally:
        await rest.aclose()
