"""The state of an engine as plain rows, to be stored and to be built again from.

The orders of unbounded accounts are not in it: their owner quotes anew. What is left out of the rest changes nothing
for the others; a store may keep only users' rows. The rolling average price is not kept: after a restart percent
filters refer to the last price until something trades.
"""

import msgspec

from services.simulator.engine.events import (
    AccountChange,
    AccountClosed,
    AccountRow,
    BalanceRow,
    Income,
    IncomeKind,
    OrderRow,
    OrderUpdate,
    Outcome,
    PositionRow,
    SettingsChange,
    Trade,
)
from services.simulator.engine.terms import Execution


class InstrumentRow(msgspec.Struct, frozen=True):
    """The last ids and prices of a symbol; prices in ticks, `funding_time` in milliseconds."""

    symbol: str
    trade_id: int = 0
    aggregate_id: int = 0
    update_id: int = 0
    last_price: int = 0
    mark: int = 0
    funding_time: int = 0


class Counters(msgspec.Struct, frozen=True):
    """The last ids that were given, over all symbols."""

    order_id: int = 0
    execution_id: int = 0
    priority: int = 0
    tran_id: int = 0


class State(msgspec.Struct, frozen=True):
    """Everything that an engine is built again from. `orders` are the open ones; `abandoned` is of futures.

    `fees` and `abandoned` (symbol to quantity and cost) only matter to whoever checks that nothing is lost.
    """

    now: int = 0
    counters: Counters = Counters()
    instruments: tuple[InstrumentRow, ...] = ()
    accounts: tuple[AccountRow, ...] = ()
    balances: tuple[BalanceRow, ...] = ()
    positions: tuple[PositionRow, ...] = ()
    orders: tuple[OrderRow, ...] = ()
    fees: dict[str, int] = {}
    abandoned: dict[str, tuple[int, int]] = {}


class Changes(msgspec.Struct, frozen=True):
    """The rows that a command changed, each as it stands afterwards, and those that it added.

    Orders that have ended are among `orders`, with a status that says so. `symbols` are those that traded or paid
    funding: their `InstrumentRow` has changed, as have the `Counters` whenever anything has. `closed` accounts are gone
    with all their rows.
    """

    accounts: tuple[AccountRow, ...]
    closed: tuple[str, ...]
    orders: tuple[OrderRow, ...]
    fills: tuple[OrderUpdate, ...]
    balances: tuple[BalanceRow, ...]
    positions: tuple[PositionRow, ...]
    incomes: tuple[Income, ...]
    symbols: tuple[str, ...]


def changed_rows(outcome: Outcome) -> Changes:
    """Return what a store must write for `outcome`, in one transaction."""
    accounts: dict[str, AccountRow] = {}
    orders: dict[int, OrderRow] = {}
    balances: dict[tuple[str, str], BalanceRow] = {}
    positions: dict[tuple[str, str, str], PositionRow] = {}
    symbols: dict[str, None] = {}
    closed: list[str] = []
    fills: list[OrderUpdate] = []
    incomes: list[Income] = []
    for event in outcome.events:
        match event:
            case OrderUpdate():
                orders[event.order.order_id] = event.order
                if event.execution is Execution.TRADE:
                    fills.append(event)
            case AccountChange():
                balances.update({(row.account, row.asset): row for row in event.balances})
                positions.update({(row.account, row.symbol, row.position_side): row for row in event.positions})
            case Trade():
                symbols[event.symbol] = None
            case Income():
                incomes.append(event)
                if event.kind is IncomeKind.FUNDING_FEE:
                    symbols[event.symbol] = None
            case SettingsChange():
                accounts[event.settings.account] = event.settings
            case AccountClosed():
                closed.append(event.account)
            case _:
                pass  # a book is not stored
    return Changes(
        tuple(accounts.values()),
        tuple(closed),
        tuple(orders.values()),
        tuple(fills),
        tuple(balances.values()),
        tuple(positions.values()),
        tuple(incomes),
        tuple(symbols),
    )
