"""What an engine tells: the immutable events of one command, in the order in which they happened.

All prices are in ticks, quantities in steps, amounts in units of 10^-8 (see `units`), times in milliseconds since the
epoch. Rows are whole: of several rows with the same key in one outcome, the last is the state afterwards. Synthetic
(unbounded) accounts cause trades and book changes, but no updates of orders, balances or positions.
"""

from enum import StrEnum

import msgspec

from services.simulator.engine.terms import (
    Execution,
    OrderStatus,
    OrderType,
    PositionSide,
    SelfTrade,
    Side,
    TimeInForce,
    WorkingType,
)


class OrderRow(msgspec.Struct, frozen=True, gc=False):
    """An order as it stands. Its key is `order_id`, which no other order of the engine has.

    `type` becomes LIMIT or MARKET when a conditional futures order triggers; `original_type` stays. `working` is
    whether the order is or was on the book, i.e. did not wait for its trigger; `working_time` since when. `priority`
    says its place among the orders at its price: the smaller is served first. `prevented` is what was cut off by
    self-trade prevention. `amendments` is how often its user changed it.
    """

    account: str
    symbol: str
    order_id: int
    client_order_id: str
    side: Side
    type: OrderType
    original_type: OrderType
    time_in_force: TimeInForce
    price: int
    quantity: int
    quote_quantity: int
    stop_price: int
    status: OrderStatus
    executed: int
    cumulative_quote: int
    prevented: int
    created: int
    updated: int
    working: bool
    working_time: int
    priority: int
    self_trade: SelfTrade
    position_side: PositionSide
    reduce_only: bool
    close_position: bool
    working_type: WorkingType
    amendments: int = 0


class OrderUpdate(msgspec.Struct, frozen=True, gc=False):
    """One execution report: why it was sent, the order after it, and of a trade the facts of that fill.

    `trade_id` is -1 and the other facts of a fill are 0 or empty where there was none. `request_client_order_id` is the
    id of the cancel request; of a spot order that was amended, the client order id that it had before. `reason` says in
    words why an order expired or was rejected.
    """

    order: OrderRow
    execution: Execution
    execution_id: int
    time: int
    last_quantity: int = 0
    last_price: int = 0
    last_quote: int = 0
    commission: int = 0
    commission_asset: str = ""
    trade_id: int = -1
    is_maker: bool = False
    realized_profit: int = 0
    request_client_order_id: str = ""
    reason: str = ""


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A public trade. Successive fills of one taker at one price have the same `aggregate_id`."""

    symbol: str
    time: int
    trade_id: int
    aggregate_id: int
    price: int
    quantity: int
    quote: int
    buyer_account: str
    seller_account: str
    buyer_order_id: int
    seller_order_id: int
    buyer_is_maker: bool


class BookChange(msgspec.Struct, frozen=True):
    """The levels that differ after a command: (price, quantity now), best first, quantity 0 where a level is gone.

    `first_update_id` is always one more than the `last_update_id` of the book's change before.
    """

    symbol: str
    time: int
    first_update_id: int
    last_update_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


class Reason(StrEnum):
    """Why balances or positions changed, in the words of the futures' ACCOUNT_UPDATE."""

    ORDER = "ORDER"
    DEPOSIT = "DEPOSIT"
    FUNDING_FEE = "FUNDING_FEE"


class BalanceRow(msgspec.Struct, frozen=True, gc=False):
    """A balance as it stands; its key is (account, asset). Futures have it all in `free`: it is the wallet balance.

    `change` is by how much a deposit, a withdrawal or funding changed it in this command; trading is not in it.
    """

    account: str
    asset: str
    free: int
    locked: int
    change: int = 0


class PositionRow(msgspec.Struct, frozen=True, gc=False):
    """A position as it stands; its key is (account, symbol, position_side).

    `quantity` is in steps and negative for a short one. `cost` is what it was entered for, with the same sign: the
    entry price is cost / quantity. `realized` is the profit realised so far, before fees; `unrealized` is at the mark
    price of the moment.
    """

    account: str
    symbol: str
    position_side: PositionSide
    quantity: int
    cost: int
    realized: int
    unrealized: int
    updated: int


class AccountChange(msgspec.Struct, frozen=True):
    """The balances and positions of one account that a command changed."""

    account: str
    time: int
    reason: Reason
    balances: tuple[BalanceRow, ...]
    positions: tuple[PositionRow, ...] = ()


class IncomeKind(StrEnum):
    TRANSFER = "TRANSFER"
    REALIZED_PNL = "REALIZED_PNL"
    COMMISSION = "COMMISSION"
    FUNDING_FEE = "FUNDING_FEE"


class Income(msgspec.Struct, frozen=True, gc=False):
    """A row of a futures account's income history; `tran_id` is its key. `amount` is negative for what was paid."""

    account: str
    symbol: str
    kind: IncomeKind
    asset: str
    amount: int
    time: int
    tran_id: int
    trade_id: int = -1


class AccountRow(msgspec.Struct, frozen=True):
    """An account and its settings. `hedge` and `leverages` (symbol to leverage, where it was set) are of futures."""

    account: str
    unbounded: bool = False
    hedge: bool = False
    leverages: dict[str, int] = {}


class SettingsChange(msgspec.Struct, frozen=True):
    """An account was opened, or its settings were changed; `symbol` says whose leverage."""

    settings: AccountRow
    time: int
    symbol: str = ""


class AccountClosed(msgspec.Struct, frozen=True):
    """An account is gone, with its orders, balances and positions."""

    account: str
    time: int


Event = OrderUpdate | Trade | BookChange | AccountChange | Income | SettingsChange | AccountClosed


class Outcome(msgspec.Struct, frozen=True):
    """All that a command caused. `order` is the order that was placed or cancelled, as it stands afterwards."""

    events: tuple[Event, ...]
    order: OrderRow | None = None
