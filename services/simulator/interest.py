"""In which pairs users have orders or positions: these trade on, even if nobody looks."""

from collections.abc import Iterable

from services.simulator.engine.events import AccountChange, AccountClosed, OrderRow, OrderUpdate, Outcome, PositionRow
from services.simulator.engine.terms import OPEN_STATUSES
from services.simulator.venue import Venue

_Pair = tuple[Venue, str]


class Interest:
    """The open orders and positions of users, by pair; kept up by the outcomes of commands."""

    def __init__(self) -> None:
        self._held: dict[_Pair, set[tuple[str, str]]] = {}

    def has(self, venue: Venue, symbol: str) -> bool:
        """Return whether a user has an open order or a position there."""
        return (venue, symbol) in self._held

    def pairs(self) -> tuple[_Pair, ...]:
        """Return all pairs where users have something."""
        return tuple(self._held)

    def heard(self, venue: Venue, outcome: Outcome) -> None:
        """Follow the outcome of a command."""
        for event in outcome.events:
            match event:
                case OrderUpdate():
                    self.order(venue, event.order)
                case AccountChange() if event.positions:
                    self.positions(venue, event.positions)
                case AccountClosed():
                    self._forget(venue, event.account)
                case _:
                    pass

    def order(self, venue: Venue, order: OrderRow) -> None:
        """Follow an order."""
        key = (order.account, f"order {order.order_id}")
        self._set((venue, order.symbol), key, held=order.status in OPEN_STATUSES)

    def positions(self, venue: Venue, rows: Iterable[PositionRow]) -> None:
        """Follow positions."""
        for row in rows:
            self._set((venue, row.symbol), (row.account, f"position {row.position_side}"), held=row.quantity != 0)

    def _set(self, pair: _Pair, key: tuple[str, str], *, held: bool) -> None:
        if held:
            self._held.setdefault(pair, set()).add(key)
        elif (keys := self._held.get(pair)) is not None:
            keys.discard(key)
            if not keys:
                del self._held[pair]

    def _forget(self, venue: Venue, account: str) -> None:
        for pair in [pair for pair in self._held if pair[0] == venue]:
            for key in [key for key in self._held[pair] if key[0] == account]:
                self._set(pair, key, held=False)
