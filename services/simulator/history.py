"""Orders, fills and incomes of users: what is asked about the past of an account."""

from collections.abc import Awaitable, Callable, Sequence

from services.simulator.asked_rows import Orders, SoughtOrder, Window
from services.simulator.engine.events import Income, IncomeKind, OrderRow, OrderUpdate
from services.simulator.store import Store
from services.simulator.venue import Venue


class History:
    """Reads what is durable, after it has waited for what was done so far to be so: nobody misses their own order.

    Lists are in the order of time and ids.
    """

    def __init__(self, store: Store, durable: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._durable = durable

    async def order(self, venue: Venue, account: str, sought: SoughtOrder) -> OrderRow | None:
        """Return an order as it stands."""
        await self._durable()
        return await self._store.order(venue, account, sought)

    async def orders(
        self, venue: Venue, account: str, symbol: str | None, window: Window, kind: Orders = Orders.ALL
    ) -> Sequence[OrderRow]:
        """Return orders by time of creation; `from_id` is an order id."""
        await self._durable()
        return await self._store.orders(venue, account, symbol, kind, window)

    async def fills(
        self, venue: Venue, account: str, symbol: str | None, order_id: int | None, window: Window
    ) -> Sequence[OrderUpdate]:
        """Return fills; `from_id` is a trade id."""
        await self._durable()
        return await self._store.fills(venue, account, symbol, order_id, window)

    async def incomes(
        self, account: str, symbol: str | None, kind: IncomeKind | None, window: Window
    ) -> Sequence[Income]:
        """Return incomes of a futures account."""
        await self._durable()
        return await self._store.incomes(account, symbol, kind, window)
