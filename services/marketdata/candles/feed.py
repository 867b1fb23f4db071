"""The last candles of one series: in memory from the first question on, kept true by a stream, repaired by REST."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from services.marketdata.candles.archive import SETTLING, opened
from services.marketdata.candles.intervals import Interval
from services.marketdata.candles.series import Series
from services.marketdata.candles.window import Verdict, Window
from services.marketdata.shared_fetch import SharedFetch
from services.marketdata.soonest import soonest
from services.marketdata.supply import BEAT, Supply
from shared.contracts.marketdata.candles import Candle, LiveCandle
from shared.exchanges.errors import ExchangeError
from shared.exchanges.interface import CandleUpdate, Market

#: Seconds that an answer by REST is good for while there is no stream.
REST_AGE = 1.0
#: Seconds after a candle's end in which nothing has to be heard of the next one.
SLACK = 3.0
#: Candles that a feed has at least.
LEAST = 100


class CandleFeed:
    """Follows the candles of `series`; `bus` opens the stream of a replica that does so already.

    `publish` gets the running candle when it changes, and each that has ended, if this replica leads. One that leads
    after another begins with the candles that have ended since that was heard last, wherever it knows them from.
    """

    def __init__(
        self,
        market: Market,
        series: Series,
        interval: Interval,
        publish: Callable[[LiveCandle], None],
        bus: Callable[[], AsyncGenerator[LiveCandle, None]],
        *,
        patience: float,
        max_age: float,
    ) -> None:
        self.series = series
        self._market = market
        self._interval = interval
        self._publish = publish
        self._max_age = max_age
        self._window = Window(interval, LEAST)
        self._whole = False
        self._heard = 0.0
        #: When the last candle opened whose end the bus was told of, in ms, by whichever replica; None: of none yet.
        self._told: int | None = None
        self._arrived = asyncio.Event()
        self._fetch = SharedFetch(str(series), self._ask)
        pair, name = series.trading_pair, series.interval
        self._published_at = 0.0
        self.supply: Supply[CandleUpdate] = Supply(
            str(series), lambda: market.watch_candles(pair, name), lambda: self._from_bus(bus()), self._take, patience
        )
        self.asked_at = time.monotonic()
        self.supply.start()

    def now(self, count: int) -> list[Candle] | None:
        """Return the last `count` candles, or all there are, from memory; None if it is not sure to have them."""
        self.asked_at = time.monotonic()
        if self._window.size < count or not self._whole:
            return None
        is_live = self.supply.live_since is not None and self._window.is_current(_now_ms(), int(SLACK * 1000))
        if is_live or self._fetch.kept(REST_AGE) is not None:
            return self._window.newest(count)
        return None

    async def get(self, count: int, seconds: float) -> list[Candle]:
        """Return the last `count` candles, or all there are; at once those that are known if REST is in trouble.

        Raises:
            ExchangeError: if the exchange does not give them within `seconds` and memory holds none that are young
                enough.
        """
        until = time.monotonic() + seconds
        if count > self._window.size:
            self._window.size, self._whole = count, False
        return await soonest(
            self._fetch,
            lambda: self._until_there(count),
            lambda: self._by_rest(count, until),
            lambda: self._last(count),
            seconds=seconds,
        )

    def beat(self) -> None:
        """Tell the newest candle again if nothing was told for a while: who follows us hears that we are there."""
        if self.supply.live_since is not None and time.monotonic() - self._published_at >= BEAT:
            self._tell()

    async def stop(self) -> None:
        """End the stream."""
        await self.supply.stop()
        await self._fetch.stop()

    def _last(self, count: int) -> list[Candle] | None:
        """Return the last `count` candles, or all there are, if they are known and were heard of lately enough."""
        is_young = self._heard > 0 and time.monotonic() - self._heard <= self._max_age
        are_known = self._whole or len(self._window) >= count
        return self._window.newest(count) if is_young and are_known else None

    async def _until_there(self, count: int) -> list[Candle]:
        while (candles := self.now(count)) is None:
            self._arrived.clear()
            await self._arrived.wait()
        return candles

    async def _by_rest(self, count: int, until: float) -> list[Candle] | ExchangeError:
        try:
            # Again where a question was under way already that had begun before so many were wanted.
            while (candles := self.now(count)) is None:
                await self._fetch.get(0.0, until - time.monotonic())
        except ExchangeError as error:
            return error
        return candles

    async def _ask(self) -> bool:
        """Ask for what is not known, and tell what has come of it."""
        size = self._window.size
        was_whole, since = self._whole, self._window.ask_from
        if since is None or not was_whole:
            since = self._interval.open_at(_now_ms())
            for _ in range(size - 1):
                since = self._interval.open_at(since - 1)
        told = await self._told_since(max(0, since))
        final_before = _now_ms() - SETTLING * 1000
        final_before = self._interval.ended_before(final_before)
        if told:
            final_before = max(final_before, opened(told[-1]))
        news = self._window.told(told, final_before)
        self._whole = self._whole or self._window.size == size
        self._heard = time.monotonic()
        last = self._window.last
        if self._told is None and last is not None:
            # Of the first answer only the newest is news to anybody.
            self._told = opened(last) - 1
        if news:
            self._tell()
        self._arrived.set()
        return True

    async def _told_since(self, since: int) -> list[Candle]:
        told: list[Candle] = []
        page = self._market.candles().page
        while True:
            limit = min(page, self._interval.most_in(since, _now_ms()) + 2)
            candles = await self._market.fetch_candles(self.series.trading_pair, self.series.interval, since, limit)
            told += candles
            if not candles or self._interval.end_of(opened(candles[-1])) > _now_ms():
                return told
            since = self._interval.end_of(opened(candles[-1]))

    async def _from_bus(self, messages: AsyncGenerator[LiveCandle, None]) -> AsyncIterator[CandleUpdate]:
        async with aclosing(messages) as brought:
            async for message in brought:
                # A running candle is told after the ends of all before it.
                ended = opened(message.candle) - (0 if message.closed else 1)
                self._told = ended if self._told is None else max(self._told, ended)
                yield CandleUpdate(message.candle, message.closed)

    def _take(self, update: CandleUpdate) -> None:
        verdict = self._window.take(update)
        self._heard = time.monotonic()
        if verdict is Verdict.GAP:
            # Every update says so again until it is repaired, so one that fails is tried again.
            self._fetch.begin()
        elif verdict is not Verdict.OLD:
            self._tell()
            self._arrived.set()

    def _tell(self) -> None:
        """Tell the candles whose end was not told, and the newest, if this replica leads."""
        last = self._window.last
        if last is None or not self.supply.leads:
            return
        self._published_at = time.monotonic()
        ended = [] if self._told is None else self._window.final_after(self._told)
        for candle in ended:
            self._send(candle, closed=True)
            self._told = opened(candle)
        if not (ended and ended[-1] is last):
            self._send(last, closed=self._window.is_final(last))

    def _send(self, candle: Candle, *, closed: bool) -> None:
        series = self.series
        self._publish(LiveCandle(series.connector_name, series.trading_pair, series.interval, candle, closed))


def _now_ms() -> int:
    return int(time.time() * 1000)
