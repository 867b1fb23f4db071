"""The funding of one perpetual: in memory from its first question on, kept true by a stream, else asked for by REST."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from services.marketdata.shared_fetch import SharedFetch
from services.marketdata.soonest import soonest
from services.marketdata.supply import BEAT, Supply
from shared.contracts.marketdata.funding import LiveFunding
from shared.exchanges.errors import ExchangeError
from shared.exchanges.interface import Market

#: Seconds that an answer by REST is good for while there is no stream.
REST_AGE = 1.0


class FundingFeed:
    """Follows the funding of `pair`; `publish` gets it when it has changed, if this replica leads."""

    def __init__(
        self,
        market: Market,
        pair: str,
        publish: Callable[[LiveFunding], None],
        bus: Callable[[], AsyncGenerator[LiveFunding, None]],
        *,
        patience: float,
        max_age: float,
    ) -> None:
        self._market = market
        self._pair = pair
        self._publish = publish
        self._max_age = max_age
        self._state: LiveFunding | None = None
        self._heard = 0.0
        self._published_at = 0.0
        self._arrived = asyncio.Event()
        name = f"{market.connector} funding of {pair}"
        self._fetch = SharedFetch(name, self._ask)
        self.supply: Supply[LiveFunding] = Supply(name, lambda: market.watch_funding(pair), bus, self._take, patience)
        self.asked_at = time.monotonic()
        self.supply.start()

    def now(self) -> LiveFunding | None:
        """Return the present funding from memory; None if it is not there."""
        self.asked_at = time.monotonic()
        return self._state if self.supply.live_since is not None else self._fetch.kept(REST_AGE)

    async def get(self, seconds: float) -> LiveFunding:
        """Return the funding, by its stream or by REST, whichever is first; at once the last if REST is in trouble.

        Raises:
            ExchangeError: if the exchange does not give it within `seconds` and memory holds none that is young enough.
        """
        return await soonest(
            self._fetch, self._until_there, lambda: self._by_rest(seconds), self._last, seconds=seconds
        )

    def beat(self) -> None:
        """Send the last state again if nothing was sent for a while: who follows us hears that we are there."""
        leads = self.supply.leads and self.supply.live_since is not None
        if self._state is not None and leads and time.monotonic() - self._published_at >= BEAT:
            self._send(self._state)

    async def stop(self) -> None:
        """End the stream."""
        await self.supply.stop()
        await self._fetch.stop()

    def _last(self) -> LiveFunding | None:
        """Return what was heard last, if it is young enough."""
        return None if time.monotonic() - self._heard > self._max_age else self._state

    async def _ask(self) -> LiveFunding:
        found = await self._market.fetch_funding(self._pair)
        if self.supply.live_since is None:
            self._state, self._heard = found, time.monotonic()
        return found

    async def _until_there(self) -> LiveFunding:
        while (state := self.now()) is None:
            self._arrived.clear()
            await self._arrived.wait()
        return state

    async def _by_rest(self, seconds: float) -> LiveFunding | ExchangeError:
        try:
            return await self._fetch.get(REST_AGE, seconds)
        except ExchangeError as error:
            return error

    def _take(self, state: LiveFunding) -> None:
        changed = self._state is None or _without_time(state) != _without_time(self._state)
        self._state, self._heard = state, time.monotonic()
        self._arrived.set()
        if changed and self.supply.leads:
            self._send(state)

    def _send(self, state: LiveFunding) -> None:
        self._published_at = time.monotonic()
        self._publish(state)


def _without_time(state: LiveFunding) -> tuple[float, ...]:
    return state.funding_rate, state.next_funding_time, state.mark_price, state.index_price
