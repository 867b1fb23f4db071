"""The trades of one pair, sent on as they are made. There is nothing to be asked of it but that it runs."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from services.marketdata.failures import NoAnswer
from services.marketdata.missed_trades import Counting, follows, missed, still_untold
from services.marketdata.supply import BEAT, Supply
from shared.contracts.marketdata.trades import LiveTrades, MarketTrade
from shared.exchanges.errors import ExchangeDown, ExchangeError
from shared.exchanges.interface import Market
from shared.exchanges.traffic import Patience
from shared.seen_ids import SeenIds
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Trades by whose ids those that come twice are known.
REMEMBERED = 5000
#: Many feeds that lose their socket at once must not use up what others may ask of the exchange.
CATCH_UP = Patience(2.0, 0.5, 0.5)
#: Seconds that a stream which broke is given to come back, before whoever waits for it is told.
GRACE = 2.0

_log = logger("marketdata")


class TradeFeed:
    """Follows the trades of `pair`; `publish` gets each once, if this replica leads."""

    def __init__(
        self,
        market: Market,
        pair: str,
        publish: Callable[[LiveTrades], None],
        bus: Callable[[], AsyncGenerator[LiveTrades, None]],
        *,
        patience: float,
    ) -> None:
        self._market = market
        self._pair = pair
        self._publish = publish
        self._sequence = 0
        self._seen = SeenIds(REMEMBERED)
        self._last: MarketTrade | None = None
        #: Trades that came from the exchange while another replica led, and that are not known to be on the bus.
        self._untold: tuple[MarketTrade, ...] = ()
        self._published_at = 0.0
        self._arrived = asyncio.Event()
        self.supply: Supply[tuple[MarketTrade, ...]] = Supply(
            f"{market.connector} trades of {pair}",
            self._from_exchange,
            lambda: self._from_bus(bus()),
            self._take,
            patience,
        )
        self.asked_at = time.monotonic()
        self.supply.start()

    def now(self) -> bool:
        """Return whether the stream stands."""
        self.asked_at = time.monotonic()
        return self.supply.live_since is not None

    async def get(self, seconds: float) -> None:
        """Return when the stream stands.

        Raises:
            ExchangeError: if it does not within `seconds`, or breaks and does not come back soon.
        """
        until = time.monotonic() + seconds
        arriving = asyncio.create_task(self._until_live())
        try:
            while time.monotonic() < until:
                await asyncio.wait({arriving}, timeout=max(0.0, min(GRACE, until - time.monotonic())))
                if arriving.done():
                    return
                if self.supply.why_not is not None:
                    raise ExchangeDown(self.supply.why_not)
            raise NoAnswer
        finally:
            await end_task(arriving)

    def beat(self) -> None:
        """Send a message without trades if none was sent for a while: who follows us hears that we are there."""
        leads = self.supply.leads and self.supply.live_since is not None
        if leads and time.monotonic() - self._published_at >= BEAT:
            self._send(())

    async def stop(self) -> None:
        """End the stream."""
        await self.supply.stop()

    async def _until_live(self) -> None:
        while self.supply.live_since is None:
            self._arrived.clear()
            await self._arrived.wait()

    async def _from_exchange(self) -> AsyncIterator[tuple[MarketTrade, ...]]:
        """Follow the exchange; where trades were known before, those that were missed meanwhile come first.

        It is asked for them when the stream stands and, as not every exchange says when it does, again with the first
        trades that do not follow what is known; later where the ids show that the stream left some out.
        """
        is_new = self._last is not None
        counting = Counting()
        brought = self._market.watch_trades(self._pair)
        try:
            async for trades in brought:
                if not trades:
                    yield trades
                last = self._last or next(iter(trades), None)
                if last is not None:
                    shows_gap = counting.shows_gap(trades, last)
                    if shows_gap or (is_new and not (trades and follows(trades[0], last))):
                        found = await self._missed(last)
                        yield self._noted(found)
                        if shows_gap and not found:
                            counting.was_wrong()
                if trades:
                    is_new = False
                    yield self._noted(trades)
        finally:
            if isinstance(brought, AsyncGenerator):
                await brought.aclose()

    async def _missed(self, last: MarketTrade) -> tuple[MarketTrade, ...]:
        try:
            async with asyncio.timeout(CATCH_UP.seconds + 1.0):
                told = await self._market.fetch_trades(self._pair, CATCH_UP)
        except (ExchangeError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            _log.info("missed trades not told", connector=self._market.connector, pair=self._pair, why=why)
            return ()
        return missed(told, last, self._seen)

    async def _from_bus(self, messages: AsyncGenerator[LiveTrades, None]) -> AsyncIterator[tuple[MarketTrade, ...]]:
        async with aclosing(messages) as brought:
            async for message in brought:
                # Where we lead one day the numbers go on from those of the owner before.
                self._sequence = max(self._sequence, message.sequence)
                self._untold = still_untold(self._untold, message.trades)
                yield message.trades

    def _take(self, trades: tuple[MarketTrade, ...]) -> None:
        # Woken in the next turn of the loop, when the stream counts as live.
        asyncio.get_running_loop().call_soon(self._arrived.set)
        new = tuple([trade for trade in trades if trade.id is None or self._seen.add(trade.id)])
        if new:
            self._last = new[-1]
        if self.supply.leads and (new or self._untold):
            untold, self._untold = self._untold, ()
            self._send(untold + new)

    def _noted(self, trades: tuple[MarketTrade, ...]) -> tuple[MarketTrade, ...]:
        """Return trades of the exchange; keep those that are not ours to tell now, but may be lost with who leads."""
        if not self.supply.leads:
            new = [trade for trade in trades if trade.id is not None and trade.id not in self._seen]
            self._untold = (self._untold + tuple(new))[-REMEMBERED:]
        return trades

    def _send(self, trades: tuple[MarketTrade, ...]) -> None:
        self._published_at = time.monotonic()
        self._sequence += 1
        self._publish(LiveTrades(self._market.connector, self._pair, trades, self._sequence))
