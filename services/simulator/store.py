"""What the exchange needs of whoever keeps its state, in PostgreSQL (`repository`) or in memory (`memory_store`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.simulator.accounts import Account
from services.simulator.asked_rows import Orders, SoughtOrder, Window
from services.simulator.batch import Batch
from services.simulator.engine.events import Income, IncomeKind, OrderRow, OrderUpdate
from services.simulator.engine.records import State
from services.simulator.live_minute import LiveMinute
from services.simulator.venue import Venue


@dataclass(frozen=True, slots=True)
class Kept:
    """What a store has of an exchange that ran before: accounts, and what each venue is built again from."""

    accounts: tuple[Account, ...] = ()
    spot: State = field(default_factory=State)
    usdm: State = field(default_factory=State)


class Store(Protocol):
    """Every method but `start` raises `CommandError` when the store can't be asked."""

    async def start(self) -> Kept: ...
    async def stop(self) -> None: ...

    async def write(self, batch: Batch) -> None:
        """Write a batch in one transaction; the same one again does no harm."""

    async def order(self, venue: Venue, account: str, sought: SoughtOrder) -> OrderRow | None:
        """Return an order as it was written last."""

    async def orders(
        self, venue: Venue, account: str, symbol: str | None, kind: Orders, window: Window
    ) -> Sequence[OrderRow]: ...

    async def fills(
        self, venue: Venue, account: str, symbol: str | None, order_id: int | None, window: Window
    ) -> Sequence[OrderUpdate]: ...

    async def incomes(
        self, account: str, symbol: str | None, kind: IncomeKind | None, window: Window
    ) -> Sequence[Income]: ...

    async def write_minutes(self, minutes: Sequence[tuple[Venue, str, LiveMinute]]) -> None:
        """Keep minutes of live candles, in place of what there was of the same minutes."""

    async def recent_minutes(self, start_ms: int) -> Sequence[tuple[Venue, str, LiveMinute]]:
        """Return all minutes of live candles since `start_ms`, in order of time; seconds only of those not complete."""

    async def drop_minutes(self, before_ms: int) -> int:
        """Forget the minutes before `before_ms` in which no user traded; return how many these were."""

    async def minutes(
        self, venue: Venue, symbol: str, start_ms: int, end_ms: int, *, seconds: bool
    ) -> Sequence[LiveMinute]:
        """Return the minutes of live candles that begin in the range, in order; with their `seconds` if so asked."""
