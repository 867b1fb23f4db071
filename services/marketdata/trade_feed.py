"""The trades of one pair, sent on as they are made. There is nothing to be asked of it but that it runs."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from services.marketdata.failures import NoAnswer
from services.marketdata.supply import BEAT, Supply
from shared.contracts.marketdata.trades import LiveTrades, MarketTrade
from shared.exchanges.errors import ExchangeDown
from shared.exchanges.interface import Market
from shared.tasks import end_task

#: Seconds that a stream which broke is given to come back, before whoever waits for it is told.
GRACE = 2.0


class TradeFeed:
    """Follows the trades of `pair`; `publish` gets them, if this replica leads."""

    def __init__(
        self,
        market: Market,
        pair: str,
        publish: Callable[[LiveTrades], None],
        bus: Callable[[], AsyncGenerator[LiveTrades, None]],
        *,
        patience: float,
    ) -> None:
        self._connector = market.connector
        self._pair = pair
        self._publish = publish
        self._sequence = 0
        self._published_at = 0.0
        self._arrived = asyncio.Event()
        self.supply: Supply[tuple[MarketTrade, ...]] = Supply(
            f"{market.connector} trades of {pair}",
            lambda: market.watch_trades(pair),
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

    async def _from_bus(self, messages: AsyncGenerator[LiveTrades, None]) -> AsyncIterator[tuple[MarketTrade, ...]]:
        async with aclosing(messages) as brought:
            async for message in brought:
                # Where we lead one day the numbers go on from those of the owner before.
                self._sequence = message.sequence
                yield message.trades

    def _take(self, trades: tuple[MarketTrade, ...]) -> None:
        # Woken in the next turn of the loop, when the stream counts as live.
        asyncio.get_running_loop().call_soon(self._arrived.set)
        if self.supply.leads and trades:
            self._send(trades)

    def _send(self, trades: tuple[MarketTrade, ...]) -> None:
        self._published_at = time.monotonic()
        self._sequence += 1
        self._publish(LiveTrades(self._connector, self._pair, trades, self._sequence))
