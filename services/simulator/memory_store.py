"""The state of an exchange that keeps nothing: what can be asked about the past of an account, while it runs."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from services.simulator.asked_rows import Orders, SoughtOrder, Window
from services.simulator.batch import Batch
from services.simulator.engine.events import Income, IncomeKind, OrderRow, OrderUpdate
from services.simulator.engine.terms import OPEN_STATUSES
from services.simulator.live_minute import LiveMinute
from services.simulator.store import Kept
from services.simulator.venue import VENUES, Venue

#: Rows of each kind that are kept of an account and venue, and minutes of a pair; the oldest are forgotten.
ROWS_KEPT = 10_000
MINUTES_KEPT = 1_500

R = TypeVar("R")


@dataclass(slots=True)
class _Past:
    orders: OrderedDict[int, OrderRow] = field(default_factory=OrderedDict)
    fills: deque[OrderUpdate] = field(default_factory=lambda: deque(maxlen=ROWS_KEPT))
    incomes: deque[Income] = field(default_factory=lambda: deque(maxlen=ROWS_KEPT))


class MemoryStore:
    """A store that ends with the process."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[Venue, str], _Past] = {}
        self._minutes: dict[tuple[Venue, str], OrderedDict[int, LiveMinute]] = {}

    async def start(self) -> Kept:
        """Return nothing, as nothing was kept."""
        return Kept()

    async def stop(self) -> None:
        """Do nothing."""

    async def write(self, batch: Batch) -> None:
        """Remember orders, fills and incomes."""
        for venue in VENUES:
            changes = batch.of(venue)
            for row in changes.orders.values():
                self._remember(venue, row)
            for fill in changes.fills:
                self._past(venue, fill.order.account).fills.append(fill)
            for income in changes.incomes:
                self._past(venue, income.account).incomes.append(income)
            for name in batch.closed:
                self._accounts.pop((venue, name), None)

    async def order(self, venue: Venue, account: str, sought: SoughtOrder) -> OrderRow | None:
        """Return an order as it was written last."""
        orders = self._past(venue, account).orders
        rows = orders.values() if sought.order_id is None else filter(None, (orders.get(sought.order_id),))
        fitting = (
            row
            for row in rows
            if sought.symbol in {None, row.symbol}
            and sought.client_order_id in {None, row.client_order_id}
            and _is_of(sought.kind, row)
        )
        return max(fitting, key=lambda row: row.order_id, default=None)

    async def orders(
        self, venue: Venue, account: str, symbol: str | None, kind: Orders, window: Window
    ) -> Sequence[OrderRow]:
        """Return orders by id."""
        rows = sorted(self._past(venue, account).orders.values(), key=lambda row: row.order_id)
        chosen = (row for row in rows if symbol in {None, row.symbol} and _is_of(kind, row))
        return _within(chosen, window, lambda row: row.order_id, lambda row: row.created)

    async def fills(
        self, venue: Venue, account: str, symbol: str | None, order_id: int | None, window: Window
    ) -> Sequence[OrderUpdate]:
        """Return fills in their order."""
        rows = self._past(venue, account).fills
        chosen = (row for row in rows if symbol in {None, row.order.symbol} and order_id in {None, row.order.order_id})
        return _within(chosen, window, lambda row: row.trade_id, lambda row: row.time)

    async def incomes(
        self, account: str, symbol: str | None, kind: IncomeKind | None, window: Window
    ) -> Sequence[Income]:
        """Return incomes in their order."""
        rows = self._past("usdm", account).incomes
        chosen = (row for row in rows if symbol in {None, row.symbol} and kind in {None, row.kind})
        return _within(chosen, window, lambda row: row.tran_id, lambda row: row.time)

    async def write_minutes(self, minutes: Sequence[tuple[Venue, str, LiveMinute]]) -> None:
        """Remember minutes of live candles."""
        for venue, symbol, minute in minutes:
            kept = self._minutes.setdefault((venue, symbol), OrderedDict())
            kept[minute.open_time] = minute
            while len(kept) > MINUTES_KEPT:
                kept.popitem(last=False)

    async def recent_minutes(self, start_ms: int) -> Sequence[tuple[Venue, str, LiveMinute]]:
        """Return nothing: it is asked at the start."""
        return ()

    async def drop_minutes(self, before_ms: int) -> int:
        """Forget the minutes before `before_ms` in which no user traded."""
        dropped = 0
        for kept in self._minutes.values():
            old = [time for time, minute in kept.items() if time < before_ms and not minute.by_user]
            for time in old:
                del kept[time]
            dropped += len(old)
        return dropped

    async def minutes(
        self, venue: Venue, symbol: str, start_ms: int, end_ms: int, *, seconds: bool
    ) -> Sequence[LiveMinute]:
        """Return minutes of live candles in order."""
        kept = self._minutes.get((venue, symbol)) or OrderedDict()
        return [kept[time] for time in sorted(kept) if start_ms <= time < end_ms]

    def _past(self, venue: Venue, account: str) -> _Past:
        past = self._accounts.get((venue, account))
        if past is None:
            past = self._accounts[venue, account] = _Past()
        return past

    def _remember(self, venue: Venue, row: OrderRow) -> None:
        orders = self._past(venue, row.account).orders
        orders[row.order_id] = row
        if len(orders) > ROWS_KEPT:
            ended = next((key for key, order in orders.items() if order.status not in OPEN_STATUSES), None)
            if ended is not None:
                del orders[ended]


def _is_of(kind: Orders, row: OrderRow) -> bool:
    return kind is Orders.ALL or (row.working if kind is Orders.WORKING else row.stop_price > 0)


def _within(rows: Iterable[R], window: Window, id_of: Callable[[R], int], time_of: Callable[[R], int]) -> list[R]:
    chosen = [
        row
        for row in rows
        if (window.from_id is None or id_of(row) >= window.from_id)
        and (window.start_ms is None or time_of(row) >= window.start_ms)
        and (window.end_ms is None or time_of(row) <= window.end_ms)
    ]
    return chosen[: window.limit] if window.forward else chosen[-window.limit :]
