"""What is to be written in one transaction: the rows of all commands since the last one, each as it stands now."""

from dataclasses import dataclass, field

from services.simulator.accounts import Account
from services.simulator.engine.events import (
    AccountRow,
    BalanceRow,
    BookChange,
    Event,
    Income,
    OrderRow,
    OrderUpdate,
    Outcome,
    PositionRow,
    Trade,
)
from services.simulator.engine.records import Counters, InstrumentRow, changed_rows
from services.simulator.venue import Venue


@dataclass(frozen=True, slots=True)
class VenueRow:
    """What a venue has beyond the rows of its users: the time, the last ids, and what only an audit asks for."""

    now: int = 0
    counters: Counters = field(default_factory=Counters)
    fees: dict[str, int] = field(default_factory=dict)
    abandoned: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class VenueChanges:
    """The rows of one venue by their keys; the last state of each is what counts."""

    settings: dict[str, AccountRow] = field(default_factory=dict)
    orders: dict[int, OrderRow] = field(default_factory=dict)
    fills: list[OrderUpdate] = field(default_factory=list)
    balances: dict[tuple[str, str], BalanceRow] = field(default_factory=dict)
    positions: dict[tuple[str, str, str], PositionRow] = field(default_factory=dict)
    incomes: list[Income] = field(default_factory=list)
    symbols: dict[str, None] = field(default_factory=dict)
    instruments: tuple[InstrumentRow, ...] = ()
    row: VenueRow = field(default_factory=VenueRow)


@dataclass(slots=True)
class Batch:
    """The changes of both venues. `durable` says whether there is anything that must be written."""

    spot: VenueChanges = field(default_factory=VenueChanges)
    usdm: VenueChanges = field(default_factory=VenueChanges)
    accounts: dict[str, Account] = field(default_factory=dict)
    closed: dict[str, None] = field(default_factory=dict)
    durable: bool = False

    def of(self, venue: Venue) -> VenueChanges:
        """Return the changes of `venue`."""
        return self.spot if venue == "spot" else self.usdm

    def open(self, account: Account) -> None:
        """Add a new account."""
        self.accounts[account.name] = account
        self.durable = True

    def add(self, venue: Venue, outcome: Outcome) -> bool:
        """Add what `outcome` changed; return whether that was anything of a user's."""
        if not touches_users(outcome.events):
            return False
        changes, rows = self.of(venue), changed_rows(outcome)
        changes.settings.update((row.account, row) for row in rows.accounts)
        changes.orders.update((row.order_id, row) for row in rows.orders)
        changes.fills += rows.fills
        changes.balances.update(((row.account, row.asset), row) for row in rows.balances)
        changes.positions.update(((row.account, row.symbol, row.position_side), row) for row in rows.positions)
        changes.incomes += rows.incomes
        changes.symbols.update((symbol, None) for symbol in rows.symbols)
        for name in rows.closed:
            self._close(name)
        self.durable = True
        return True

    def _close(self, name: str) -> None:
        """Drop all rows of an account: they are to be deleted in the same transaction."""
        self.closed[name] = None
        self.accounts.pop(name, None)
        for changes in (self.spot, self.usdm):
            changes.settings.pop(name, None)
            changes.orders = {key: row for key, row in changes.orders.items() if row.account != name}
            changes.fills = [fill for fill in changes.fills if fill.order.account != name]
            changes.balances = {key: row for key, row in changes.balances.items() if row.account != name}
            changes.positions = {key: row for key, row in changes.positions.items() if row.account != name}
            changes.incomes = [income for income in changes.incomes if income.account != name]


def touches_users(events: tuple[Event, ...]) -> bool:
    """Return whether one of `events` is of a user, and not only of the public."""
    return any(type(event) is not Trade and type(event) is not BookChange for event in events)
