"""Orders, fills and incomes of users: what is asked about the past of an account."""

from collections.abc import Awaitable, Callable, Sequence

from services.simulator.engine.events import Income, IncomeKind, OrderRow, OrderUpdate
from services.simulator.store import Store, Window
from services.simulator.venue import Venue


class History:
    """Reads what is durable, after it has waited for what was done so far to be so: nobody misses their own order.

    Lists are in the order of time and ids. With a start (`from_id`, `start_ms`) the first `limit` from there on are
    meant, without one the last `limit` up to `end_ms`, which is the last moment that counts.
    """

    def __init__(self, store: Store, durable: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._durable = durable

    async def order(
        self, venue: Venue, account: str, symbol: str, *, order_id: int | None, client_order_id: str | None
    ) -> OrderRow | None:
        """Return an order as it stands; of several with a client order id the newest."""
        await self._durable()
        return await self._store.order(venue, account, symbol, order_id, client_order_id)

    async def orders(
        self,
        venue: Venue,
        account: str,
        symbol: str | None,
        *,
        from_id: int | None,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
    ) -> Sequence[OrderRow]:
        """Return orders by time of creation; `from_id` is an order id."""
        await self._durable()
        return await self._store.orders(venue, account, symbol, Window(from_id, start_ms, end_ms, limit))

    async def fills(
        self,
        venue: Venue,
        account: str,
        symbol: str | None,
        *,
        order_id: int | None,
        from_id: int | None,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
    ) -> Sequence[OrderUpdate]:
        """Return fills; `from_id` is a trade id."""
        await self._durable()
        return await self._store.fills(venue, account, symbol, order_id, Window(from_id, start_ms, end_ms, limit))

    async def incomes(
        self,
        account: str,
        symbol: str | None,
        kind: IncomeKind | None,
        *,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
    ) -> Sequence[Income]:
        """Return incomes of a futures account."""
        await self._durable()
        return await self._store.incomes(account, symbol, kind, Window(None, start_ms, end_ms, limit))
