"""Conditional orders that wait for a price."""

from bisect import bisect_left, insort
from typing import Generic

from services.simulator.engine.book import O
from services.simulator.engine.terms import waits_for_rise


class Triggers(Generic[O]):
    """The waiting orders of one symbol, found by price without looking at the others.

    Due orders come nearest stop price first, of one price the older first; risen ones before fallen ones.
    """

    __slots__ = ("_falls", "_orders", "_rises")

    def __init__(self) -> None:
        self._rises: list[tuple[int, int]] = []  # (stop price, order id), lowest first
        self._falls: list[tuple[int, int]] = []  # (-stop price, order id), highest stop price first
        self._orders: dict[int, O] = {}

    def __contains__(self, order: O) -> bool:
        return order.id in self._orders

    def add(self, order: O) -> None:
        """Let `order` wait."""
        self._orders[order.id] = order
        line, entry = self._place(order)
        insort(line, entry)

    def remove(self, order: O) -> None:
        """Forget a waiting `order`."""
        del self._orders[order.id]
        line, entry = self._place(order)
        del line[bisect_left(line, entry)]

    def pop_due(self, low: int, high: int) -> O | None:
        """Take out and return the next order that is due when the price was between `low` and `high`, if any."""
        if self._rises and self._rises[0][0] <= high:
            return self._orders.pop(self._rises.pop(0)[1])
        if self._falls and -self._falls[0][0] >= low:
            return self._orders.pop(self._falls.pop(0)[1])
        return None

    def _place(self, order: O) -> tuple[list[tuple[int, int]], tuple[int, int]]:
        if waits_for_rise(order.type, order.side):
            return self._rises, (order.stop_price, order.id)
        return self._falls, (-order.stop_price, order.id)


def is_due(order: O, price: int) -> bool:
    """Return whether `order` triggers at `price`."""
    if waits_for_rise(order.type, order.side):
        return price >= order.stop_price
    return price <= order.stop_price
