"""The orders in memory that are not final, each encoded once: what people poll.

Filled from the database and kept true by events. Every change of an order has the next version, so it does not matter
in which order, and how often, they come.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from services.portfolio.pages import EncodedOrders, fitting
from services.portfolio.repository import Repository
from shared.contracts.declaration import AnyEvent
from shared.contracts.portfolio.orders import ORDER_CHANGED, Order, OrderFilter
from shared.database.failures import Connection

#: Orders that have ended and are remembered, so that an event from before does not bring one back: as many as events
#: are remembered one by one (`AppliedEvents`). An event that is later than that is from before a reload.
_REMEMBERED = 65_536

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Active:
    order: Order
    encoded: msgspec.Raw


class OrdersView:
    """The orders that are not final, by their client order ids."""

    def __init__(self) -> None:
        self._active: dict[str, _Active] = {}
        self._ended: OrderedDict[str, int] = OrderedDict()
        self._ids: list[str] | None = None
        #: Grows with each change of what can be seen here.
        self.generation = 0

    def __len__(self) -> int:
        return len(self._active)

    @property
    def events(self) -> Iterable[AnyEvent]:
        """The events that concern the view."""
        return (ORDER_CHANGED,)

    async def load(self, connection: Connection) -> None:
        """Take in what the database holds; what the view knows of later versions stays."""
        # Also those that the view holds: it may have missed that they have ended.
        for order in await Repository(connection).unfinished_orders(self._active):
            self._take(order)

    def apply(self, _: AnyEvent, payload: Any) -> None:
        """Take in one event; one that does not concern the view, or is older than it, changes nothing."""
        if isinstance(payload, Order):
            self._take(payload)

    def get(self, client_order_id: str) -> Order | None:
        """Return an order that is not final; None if there is none of this id."""
        known = self._active.get(client_order_id)
        return None if known is None else known.order

    def page(self, wanted: OrderFilter, sessions: Container[tuple[str, str]]) -> EncodedOrders:
        """Return those that `wanted` names, ascending by client order id, after its cursor, which is such an id.

        Only orders of `sessions` (account, connector) are active here: where a credential is gone, nobody can ask what
        becomes of its orders, nor end them.
        """
        if self._ids is None:
            self._ids = sorted(self._active)
        matching = [
            one
            for one in map(self._active.__getitem__, self._ids)
            if _matches(one.order, wanted) and (one.order.account_name, one.order.connector_name) in sessions
        ]
        first = 0
        if wanted.cursor is not None:
            first = bisect_right(matching, wanted.cursor, key=lambda one: one.order.client_order_id)
        rows = fitting(_encoded(matching, first), wanted.limit)
        end = first + len(rows)
        cursor = matching[end - 1].order.client_order_id if end < len(matching) else None
        return EncodedOrders(rows, len(matching), cursor)

    def _take(self, order: Order) -> None:
        name = order.client_order_id
        known = self._active.get(name)
        if self._ended.get(name, 0 if known is None else known.order.version) >= order.version:
            return
        if order.status.is_final:
            self._end(order)
        else:
            # One that was taken for ended, as nobody could find it, may turn up on the exchange after all.
            self._ended.pop(name, None)
            self._active[name] = _Active(order, msgspec.Raw(_encode(order)))
            self.generation += 1
            if known is None:
                self._ids = None

    def _end(self, order: Order) -> None:
        self._ended[order.client_order_id] = order.version
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        if self._active.pop(order.client_order_id, None) is not None:
            self.generation += 1
            self._ids = None


def _encoded(active: list[_Active], first: int) -> Iterator[msgspec.Raw]:
    for place in range(first, len(active)):
        yield active[place].encoded


def _matches(order: Order, wanted: OrderFilter) -> bool:
    return (
        (wanted.account_names is None or order.account_name in wanted.account_names)
        and (wanted.connector_names is None or order.connector_name in wanted.connector_names)
        and (wanted.trading_pairs is None or order.trading_pair in wanted.trading_pairs)
    )
