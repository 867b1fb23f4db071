"""Funding of perpetuals: paid at every multiple of the interval, each time at its own mark price and rate.

What fell due while the simulator was off, or could store nothing, is paid before anything else is done, as it would
have been at its time. All that is due is paid within one turn of the loop, and so is stored in one transaction with the
time until which nothing more is due: it is paid once, whenever the simulator is killed.
"""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from services.simulator.engine.units import RATE_ONE
from services.simulator.interest import Interest
from services.simulator.market.intervals import HOUR
from shared.telemetry.logs import logger

if TYPE_CHECKING:
    from services.simulator.exchange import Exchange

_log = logger("simulator")


class _Payment(NamedTuple):
    """What is paid in one symbol at one time; the mark price is in ticks."""

    symbol: str
    time: int
    rate: Decimal
    mark: int


class Funding:
    """Pays what is due in the pairs in which users have something."""

    def __init__(self, exchange: "Exchange", interest: Interest) -> None:
        self._exchange = exchange
        self._interest = interest
        self._interval = exchange.funding_hours * HOUR
        self._paid = 0

    async def start(self) -> None:
        """Pay what fell due since the engine was stored last; others have their turn while that is reckoned up."""
        now, engine = self._exchange.market_ms(), self._exchange.usdm
        # An engine that was never stored has no positions.
        self._paid = engine.now or now
        payments = []
        for time in self._due(now):
            for symbol in self._symbols():
                payments.append(self._payment(symbol, time))
                await asyncio.sleep(0)
        self._paid = now
        engine.advance(now)
        self._pay(payments)

    def pay(self, now: int) -> None:
        """Pay what is due; to be called before anything else that is done at `now`."""
        due = self._due(now)
        if due:
            self._paid = now
            self._pay([self._payment(symbol, time) for time in due for symbol in self._symbols()])

    def _due(self, now: int) -> range:
        following = (self._paid // self._interval + 1) * self._interval
        return range(following, now + 1, self._interval)

    def _symbols(self) -> list[str]:
        offered = self._exchange.usdm.symbols
        return [name for venue, name in self._interest.pairs() if venue == "usdm" and name in offered]

    def _payment(self, name: str, time: int) -> _Payment:
        exchange, symbol = self._exchange, self._exchange.usdm.symbols[name]
        rate = exchange.market.funding_rate(symbol, time - self._interval, time, exchange.funding_hours)
        mark = exchange.market.mark_price(symbol, time) // symbol.tick_unit
        return _Payment(name, time, Decimal(rate) / RATE_ONE, mark)

    def _pay(self, payments: list[_Payment]) -> None:
        for payment in payments:
            self._exchange.usdm.apply_funding(payment.symbol, payment.rate, payment.time, payment.mark)
            _log.info("funding paid", symbol=payment.symbol, rate=f"{payment.rate:f}", time=payment.time)
