"""What becomes known of a session, written under its lease: orders, trades, balances, each change with its event."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from services.portfolio.changes import Change
from services.portfolio.commits import Commits, Committed
from services.portfolio.orders.state_machine import reported, traded
from services.portfolio.recording.balances import BalanceBook
from services.portfolio.recording.facts import Facts, Owners, trade_of
from services.portfolio.rows import StoredBalances, StoredOrder
from services.portfolio.sessions.desired import SessionKey
from shared.contracts.portfolio import SERVICE
from shared.contracts.portfolio.balances import BALANCES_CHANGED, BalanceAmount, BalancesChanged
from shared.contracts.portfolio.orders import ORDER_CHANGED
from shared.contracts.portfolio.trades import TRADE_RECORDED
from shared.exchanges.interface import VenueTrade
from shared.leases import Lease

#: Events of a session that are remembered.
_LATEST = 64

T = TypeVar("T")
Step = Callable[[StoredOrder, datetime], StoredOrder]


class Recorder:
    """Records for one tenure of a session. Recording the same again changes nothing and tells nothing.

    Every method raises `LeaseLost` when the session is not ours any more, and `CommandError` when the database cannot
    be asked; whether a commit that was lost has happened makes no difference to doing it again.
    """

    def __init__(self, commits: Commits, key: SessionKey, lease: Lease) -> None:
        self.key = key
        self.lease = lease
        self.book = BalanceBook()
        #: The ids of the latest events, for those who want to see what a question has brought.
        self.latest_events: deque[int] = deque(maxlen=_LATEST)
        self._commits = commits

    async def record(self, facts: Facts) -> Committed[tuple[StoredOrder, ...]]:
        """Record what the exchange has told; return the orders of ours that it concerns, as they are now."""
        self.book.tell(facts.balances)

        async def effect(change: Change) -> tuple[StoredOrder, ...]:
            orders = await self._record_orders(change, facts)
            if facts.balances:
                await self._record_balances(change, self.book.amounts())
            return orders

        return await self._fenced(SERVICE, effect)

    async def record_balances(self) -> None:
        """Record the balances as the book has them."""
        await self._fenced(SERVICE, lambda change: self._record_balances(change, self.book.amounts()))

    async def forget_balances(self) -> None:
        """Record that nothing is held here any more: the credential is gone."""
        await self._fenced(SERVICE, lambda change: self._record_balances(change, ()))

    async def step(self, client_order_id: str, step: Step, actor: str = SERVICE) -> Committed[StoredOrder]:
        """Take one step with an order of ours, in the name of `actor`; return it as it is now."""

        async def effect(change: Change) -> StoredOrder:
            before = (await change.repository.lock_orders(self.key, (client_order_id,), ()))[0]
            return await _change_order(change, before, step(before, datetime.now(UTC)))

        return await self._fenced(actor, effect)

    async def _fenced(self, actor: str, effect: Callable[[Change], Awaitable[T]]) -> Committed[T]:
        committed = await self._commits.fenced(self.lease, actor, effect)
        self.latest_events.extend(committed.events)
        return committed

    async def _record_orders(self, change: Change, facts: Facts) -> tuple[StoredOrder, ...]:
        if not facts.orders and not facts.trades:
            return ()
        repository = change.repository
        before = await repository.lock_orders(self.key, facts.client_ids(), facts.exchange_ids())
        now = {one.order.client_order_id: one for one in before}
        owners = Owners(before)
        at = datetime.now(UTC)
        for told in facts.orders:
            ours = owners.of(told)
            if ours is not None:
                client_order_id = ours.order.client_order_id
                now[client_order_id] = reported(now[client_order_id], told, at)
        fresh = await self._record_trades(change, facts.trades, owners)
        totals = await repository.trade_totals(fresh) if fresh else {}
        for client_order_id, exchange_order_id in fresh.items():
            now[client_order_id] = traded(now[client_order_id], totals[client_order_id], exchange_order_id, at)
        return tuple([await _change_order(change, one, now[one.order.client_order_id]) for one in before])

    async def _record_trades(self, change: Change, told: Iterable[VenueTrade], owners: Owners) -> dict[str, str]:
        """Store the trades of our orders; return the orders with new ones, each with its id on the exchange."""
        trades, orders = {}, {}
        for one in told:
            ours = owners.of(one)
            if ours is not None:
                trade = trade_of(self.key, ours, one)
                trades[trade.trade_id] = trade
                orders[trade.trade_id] = one.exchange_order_id
        fresh = await change.repository.add_trades(tuple(trades.values()))
        for trade_id, trade in trades.items():
            if trade_id in fresh:
                change.tell(TRADE_RECORDED, trade)
        return {trades[trade_id].order_id: orders[trade_id] for trade_id in fresh}

    async def _record_balances(self, change: Change, balances: tuple[BalanceAmount, ...] | None) -> None:
        if balances is None:
            return
        stored = await change.repository.lock_balances(self.key)
        if stored is not None and stored.balances == balances:
            return
        now = StoredBalances(balances, datetime.now(UTC), 1 if stored is None else stored.version + 1)
        await change.repository.write_balances(self.key, now)
        change.tell(BALANCES_CHANGED, BalancesChanged(*self.key, **msgspec.structs.asdict(now)))


async def _change_order(change: Change, before: StoredOrder, now: StoredOrder) -> StoredOrder:
    """Store an order that is locked if it has changed. Several steps at once are several versions, told as the last."""
    if now is not before:
        await change.repository.write_order(now)
        change.tell(ORDER_CHANGED, now.order)
    return now
