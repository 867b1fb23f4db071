"""Which fills have to be asked for, where an exchange tells of orders alone."""

from collections import OrderedDict
from collections.abc import Iterable
from decimal import Decimal

from shared.exchanges.interface import VenueOrder, VenueTrade

#: Fills may be listed later than the order tells of them, and with a time before that of others.
_OVERLAP_MS = 60_000
#: So often a pair is asked for while fills are missing; then they are left to whoever compares the records.
_TRIES = 5
#: Orders that are remembered.
_REMEMBERED = 10_000


class _Sums:
    """What an order tells to be filled, and what of it is known from fills."""

    __slots__ = ("filled", "known", "pair")

    def __init__(self, pair: str) -> None:
        self.pair = pair
        self.filled = Decimal(0)
        self.known = Decimal(0)


class MissingFills:
    """What orders tell to be filled, against the fills that are known. `since_ms`: from when on they matter."""

    def __init__(self, since_ms: int) -> None:
        self._first_ms = since_ms
        self._orders: OrderedDict[str, _Sums] = OrderedDict()
        self._known: dict[str, dict[str, int]] = {}
        self._tries: dict[str, int] = {}

    def note(self, order: VenueOrder) -> None:
        """Take note of what an order tells."""
        sums = self._sums(order.exchange_order_id, order.trading_pair)
        if order.filled > sums.filled:
            sums.filled = order.filled
            self._tries[order.trading_pair] = _TRIES

    def pairs(self) -> tuple[str, ...]:
        """Return the pairs that are to be asked for."""
        return tuple(self._tries)

    def since_ms(self, pair: str) -> int:
        """Return from when on a pair is to be asked for."""
        return max(self._first_ms, max(self._known.get(pair, {}).values(), default=0) - _OVERLAP_MS)

    def take(self, pair: str, listed: Iterable[VenueTrade]) -> tuple[VenueTrade, ...]:
        """Take what a pair's list has since `since_ms`; return the fills that are new."""
        known = self._known.setdefault(pair, {})
        new = tuple(one for one in listed if one.trade_id not in known)
        for one in new:
            known[one.trade_id] = one.at_ms
            self._sums(one.exchange_order_id, pair).known += one.amount
        oldest = self.since_ms(pair)
        self._known[pair] = {number: at_ms for number, at_ms in known.items() if at_ms >= oldest}
        left = self._tries.pop(pair, 0) - 1
        if left > 0 and any(sums.pair == pair and sums.known < sums.filled for sums in self._orders.values()):
            self._tries[pair] = left
        return new

    def _sums(self, order_id: str, pair: str) -> _Sums:
        sums = self._orders.get(order_id)
        if sums is None:
            sums = self._orders[order_id] = _Sums(pair)
            if len(self._orders) > _REMEMBERED:
                self._orders.popitem(last=False)
        return sums
