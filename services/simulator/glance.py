"""Prices of very many pairs at once, without having them all quoted.

A pair that is quoted has them in its engine. Of one that is not, where no user has an order, they are what its makers
would quote and its market would say, were it quoted now.
"""

from collections.abc import Callable

from services.simulator.engine.registry import Depth
from services.simulator.engine.symbol import Symbol
from services.simulator.engines import LiveFutures, LiveSpot
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.quoting import UPDATES_A_MS, Quoting


class Glance:
    """The prices of any pair at the moment. To have a pair quoted from now on, look at it before: `Exchange.look`."""

    def __init__(
        self, spot: LiveSpot, usdm: LiveFutures, market: SyntheticMarket, quoting: Quoting, now: Callable[[], int]
    ) -> None:
        self._spot, self._usdm = spot, usdm
        self._market = market
        self._quoting = quoting
        self._now = now

    def top(self, symbol: Symbol) -> Depth:
        """Return the best level of each side."""
        if self._quoting.has(symbol.market, symbol.name):
            return self._engine(symbol).depth_as_is(symbol.name, 1)
        now = self._now()
        bid, ask = self._market.touch(symbol, now)
        return Depth(now * UPDATES_A_MS, (bid,), (ask,))

    def last_price(self, symbol: Symbol) -> int:
        """Return the last price in ticks."""
        if self._quoting.has(symbol.market, symbol.name):
            return self._engine(symbol).last_price_as_is(symbol.name)
        return self._market.price(symbol, self._now())

    def mark_price(self, symbol: Symbol) -> int:
        """Return the mark price of a perpetual in units of 10^-8; the engine has it from the market as well."""
        return self._market.mark_price(symbol, self._now())

    def _engine(self, symbol: Symbol) -> LiveSpot | LiveFutures:
        return self._spot if symbol.market == "spot" else self._usdm
