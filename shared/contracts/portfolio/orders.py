"""Orders: placed, cancelled, listed and searched."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from shared.contracts.declaration import Command, Event
from shared.contracts.portfolio.fields import (
    SERVICE,
    SESSION_ERRORS,
    SESSION_KEYS,
    SOON,
    ClientOrderId,
    Cursor,
    Limit,
    OrderId,
    TradingPair,
)
from shared.errors import ErrorCode
from shared.names import Name


class TradeType(StrEnum):
    """The side of an order."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """How an order meets the book. LIMIT_MAKER is refused where it would take."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"


class PositionAction(StrEnum):
    """Whether an order on a perpetual opens a position or closes one. Without a meaning on spot."""

    OPEN = "OPEN"
    CLOSE = "CLOSE"


class OrderStatus(StrEnum):
    """Where an order stands, in the words of the Hummingbot API.

    SUBMITTED: recorded, and the exchange has not said yet that it has it, or not that it has not.
    """

    SUBMITTED = "SUBMITTED"
    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to such an order any more."""
        return self in _FINAL


_FINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.FAILED})


class OrderPlace(msgspec.Struct, frozen=True):
    """An order to be placed. `price` is needed for LIMIT and LIMIT_MAKER.

    `client_order_id` is also the idempotency key: the same id with the same content gives the first outcome.
    """

    account_name: Name
    connector_name: Name
    trading_pair: TradingPair
    trade_type: TradeType
    amount: Decimal
    client_order_id: ClientOrderId
    order_type: OrderType = OrderType.LIMIT
    price: Decimal | None = None
    position_action: PositionAction = PositionAction.OPEN


class OrderCancel(msgspec.Struct, frozen=True):
    """An order to be cancelled, by its client order id or the exchange's."""

    account_name: Name
    connector_name: Name
    order_id: OrderId


class OrderRef(msgspec.Struct, frozen=True):
    """An order of a session, by its client order id or the exchange's."""

    account_name: Name
    connector_name: Name
    order_id: OrderId


class Order(msgspec.Struct, frozen=True):
    """An order as it is stored. `version` grows by one with each change of it.

    `amount` and `price` are what was sent: rounded to the trading rules. `price` is None for market orders. Where an
    order would close more of a position than there is, `amount` is what the exchange has cut it to.
    """

    client_order_id: str
    account_name: str
    connector_name: str
    trading_pair: str
    trade_type: TradeType
    order_type: OrderType
    position_action: PositionAction
    amount: Decimal
    price: Decimal | None
    status: OrderStatus
    filled_amount: Decimal
    average_fill_price: Decimal | None
    fee_paid: Decimal | None
    fee_currency: str | None
    exchange_order_id: str | None
    error_message: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class OrderCancelled(msgspec.Struct, frozen=True):
    """The order that is, or is being, cancelled."""

    order: Order


class OrderFilter(msgspec.Struct, frozen=True):
    """Which active orders: of these accounts, connectors and pairs (None: any), after the cursor."""

    account_names: tuple[Name, ...] | None = None
    connector_names: tuple[Name, ...] | None = None
    trading_pairs: tuple[TradingPair, ...] | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


class OrderSearch(msgspec.Struct, frozen=True):
    """Which stored orders, newest first. `start_time` is included, `end_time` too."""

    account_names: tuple[Name, ...] | None = None
    connector_names: tuple[Name, ...] | None = None
    trading_pairs: tuple[TradingPair, ...] | None = None
    status: OrderStatus | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


class OrderPage(msgspec.Struct, frozen=True):
    """A page of orders; `next_cursor` is None on the last page.

    `total` counts all that match; of stored ones beyond 5,000 it is an estimate.
    """

    orders: tuple[Order, ...]
    total: int
    next_cursor: str | None = None


PLACE_ORDER = Command(
    SERVICE, "order", "place", OrderPlace, Order, "Place an order.",
    changes_state=True, errors=SESSION_ERRORS | {ErrorCode.CONFLICT}, owner_keys=SESSION_KEYS, timeout=SOON,
)  # fmt: skip
CANCEL_ORDER = Command(
    SERVICE, "order", "cancel", OrderCancel, OrderCancelled, "Cancel an order.",
    changes_state=True, errors=SESSION_ERRORS, owner_keys=SESSION_KEYS, timeout=SOON,
)  # fmt: skip
GET_ORDER = Command(
    SERVICE, "order", "get", OrderRef, Order, "Give one order as it is stored.",
    errors=frozenset({ErrorCode.NOT_FOUND}),
)  # fmt: skip
ORDER_OUTCOME = Command(
    SERVICE, "order", "outcome", OrderPlace, Order,
    "Say what became of an order that was placed before, by the same request; any replica can.",
    errors=frozenset({ErrorCode.NOT_FOUND, ErrorCode.CONFLICT}),
)  # fmt: skip
ACTIVE_ORDERS = Command(
    SERVICE, "order", "active", OrderFilter, OrderPage, "List orders that are not final, by client order id.",
)  # fmt: skip
SEARCH_ORDERS = Command(SERVICE, "order", "search", OrderSearch, OrderPage, "Search the stored orders.")
ORDER_CHANGED = Event(
    SERVICE, "order", "changed", Order, "An order is recorded, or has changed.",
    keys=SESSION_KEYS, account="account_name",
)  # fmt: skip

COMMANDS = (PLACE_ORDER, CANCEL_ORDER, GET_ORDER, ORDER_OUTCOME, ACTIVE_ORDERS, SEARCH_ORDERS)
EVENTS = (ORDER_CHANGED,)
