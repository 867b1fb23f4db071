"""The budgets that a request of one exchange counts against, and the waiting for them."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import msgspec

from shared.exchanges.errors import RateLimited
from shared.exchanges.rate_limits import Budget, Limit


class Patience(msgspec.Struct, frozen=True):
    """How long a request may wait for its turn, in seconds, and which share of the budgets it may use up.

    Questions leave a rest to orders, which must not wait for them. Beyond `burst` of the budgets requests come evenly.
    """

    seconds: float
    share: float
    burst: float = 1.0


QUESTION = Patience(8.0, 0.85)
ORDER = Patience(1.0, 1.0)
#: A long download leaves a rest to everybody else's questions, and would rather go slowly than wait for long: half a
#: window of its exchange at most.
DOWNLOAD = Patience(45.0, 0.6, 0.3)

_patience: ContextVar[Patience] = ContextVar("patience", default=QUESTION)


@contextmanager
def waiting_as(patience: Patience) -> Iterator[None]:
    """Have the requests within wait so long."""
    token = _patience.set(patience)
    try:
        yield
    finally:
        _patience.reset(token)


#: Seconds without requests where an exchange does not say how many.
_PAUSE = 5.0


class Traffic:
    """The budgets of an address and of one key on an exchange."""

    def __init__(self, name: str, address: Budget, orders: Budget) -> None:
        self._name = name
        self.address = address
        self.orders = orders

    async def enter(self, weight: float, new_orders: int) -> None:
        """Count a request, after waiting for its turn if need be.

        Raises:
            RateLimited: if that would take longer than the caller has patience for.
        """
        patience = _patience.get()
        waited = 0.0
        for budget, amount in ((self.address, weight), (self.orders, float(new_orders))):
            while amount and (wait := budget.take(amount, patience.share, patience.burst)):
                if waited + wait > patience.seconds:
                    what = "new orders" if budget is self.orders else "requests"
                    raise RateLimited(
                        f"{self._name}: limit of {what} reached; nothing was sent. Try again in {wait:.1f} s", wait
                    )
                waited += wait
                await asyncio.sleep(wait)

    def refused(self, retry_after: float | None) -> None:
        """Ask nothing for a while: the exchange has refused a request for their number."""
        self.address.block(retry_after if retry_after is not None else _PAUSE)

    def orders_refused(self, retry_after: float | None) -> None:
        """Send no new orders for a while: the exchange has refused one for their number."""
        self.orders.block(retry_after if retry_after is not None else _PAUSE)


#: ccxt's own pace for an exchange, as milliseconds of it that a request takes: two seconds' worth may come at once.
PACED = (Limit(2.0, 2000.0),)


def limits_told(rate_limits: Sequence[Mapping[str, Any]]) -> tuple[tuple[Limit, ...], tuple[Limit, ...]]:
    """Return the limits of an address and of an account's new orders, from `rateLimits` of Binance's exchangeInfo.

    Source: "ENUM definitions, Rate limiters" of Binance's spot documentation; futures have the same form.
    """
    lengths = {"SECOND": 1.0, "MINUTE": 60.0, "HOUR": 3600.0, "DAY": 86400.0}
    told: dict[str, list[Limit]] = {"REQUEST_WEIGHT": [], "ORDERS": []}
    for one in rate_limits:
        kind, interval = one.get("rateLimitType"), one.get("interval")
        if kind in told and interval in lengths:
            told[kind].append(Limit(lengths[interval] * int(one["intervalNum"]), float(one["limit"])))
    return tuple(told["REQUEST_WEIGHT"]), tuple(told["ORDERS"])
