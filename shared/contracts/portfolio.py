"""What the portfolio service answers to and what it tells: sessions, balances, orders, trades.

Amounts are in base units, prices in quote units, both decimals and text on the wire. Times are UTC.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from shared.contracts.credentials import CredentialRef, SecretRequest
from shared.contracts.declaration import EDGE, OUTSIDE, Command, Event
from shared.errors import ErrorCode
from shared.names import Name

SERVICE = "portfolio"

#: What exchanges take: Binance 36, and it is the shortest that matters. A dot or a slash never gets into one.
CLIENT_ORDER_ID_PATTERN = r"^[A-Za-z0-9_-]{1,36}$(?!\n)"

ClientOrderId = Annotated[str, msgspec.Meta(pattern=CLIENT_ORDER_ID_PATTERN, max_length=36, min_length=1)]
#: An order by its client order id, or by the exchange's, which may be any short text.
OrderId = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
#: `BASE-QUOTE`; whether the connector knows it is said by the connector's rules.
TradingPair = Annotated[str, msgspec.Meta(min_length=3, max_length=64)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Cursor = Annotated[str, msgspec.Meta(max_length=256)]


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


class SessionState(StrEnum):
    """How a session of an account on a connector is.

    STARTING: its owner brings its records up to date. READY: it takes orders. WAITING: the exchange cannot be
    reached; it is tried again. REFUSED: the exchange refuses the keys. UNOWNED: no replica has it at the moment.
    """

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    REFUSED = "refused"
    UNOWNED = "unowned"


# Sessions


class SessionRef(msgspec.Struct, frozen=True):
    """The session of an account on a connector."""

    account_name: Name
    connector_name: Name


class Session(msgspec.Struct, frozen=True):
    """A session as it is: its state since when, and why it does not take orders, if it does not.

    `version` grows with each change of it. `silent_since` is when it was last READY: what is recorded of the account
    may have been out of date since then. It is None while the session is READY, and before it ever was.
    """

    account_name: str
    connector_name: str
    state: SessionState
    since: datetime
    reason: str = ""
    version: int = 0
    silent_since: datetime | None = None


class SessionList(msgspec.Struct, frozen=True):
    """All sessions, by account and connector."""

    sessions: tuple[Session, ...]


# Orders


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


class Order(msgspec.Struct, frozen=True):
    """An order as it is stored. `version` grows by one with each change of it.

    `amount` and `price` are what was sent: rounded to the trading rules. `price` is None for market orders.
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
    """A page of orders. `total` counts all that match; `next_cursor` is None on the last page."""

    orders: tuple[Order, ...]
    total: int
    next_cursor: str | None = None


class Trade(msgspec.Struct, frozen=True):
    """One fill of an order. `trade_id` is unique over all accounts; `order_id` is the client order id."""

    trade_id: str
    order_id: str
    account_name: str
    connector_name: str
    trading_pair: str
    trade_type: TradeType
    amount: Decimal
    price: Decimal
    fee_paid: Decimal
    fee_currency: str | None
    timestamp: datetime


class TradeSearch(msgspec.Struct, frozen=True):
    """Which trades, newest first. `start_time` is included, `end_time` too."""

    account_names: tuple[Name, ...] | None = None
    connector_names: tuple[Name, ...] | None = None
    trading_pairs: tuple[TradingPair, ...] | None = None
    trade_types: tuple[TradeType, ...] | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


class TradePage(msgspec.Struct, frozen=True):
    """A page of trades. `total` counts all that match; `next_cursor` is None on the last page."""

    trades: tuple[Trade, ...]
    total: int
    next_cursor: str | None = None


# Balances


class PortfolioFilter(msgspec.Struct, frozen=True):
    """Which accounts and connectors; None is all of them."""

    account_names: tuple[Name, ...] | None = None
    connector_names: tuple[Name, ...] | None = None


class PortfolioStateFilter(msgspec.Struct, frozen=True):
    """As `PortfolioFilter`. `refresh`: ask the exchanges before the answer."""

    account_names: tuple[Name, ...] | None = None
    connector_names: tuple[Name, ...] | None = None
    refresh: bool = False


class Balance(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an account has of a token on a connector, and its value in USD, rounded to 6 places.

    `priced` is False where no price is known, or none of the last ten minutes; `price` and `value` are 0 then.
    `stale_since` is the session's last word where it is silent.
    """

    token: str
    units: Decimal
    available_units: Decimal
    price: Decimal
    value: Decimal
    priced: bool = True
    stale_since: datetime | None = None


#: Account to connector to balances; an account without credentials is an empty map.
PortfolioState = dict[str, dict[str, tuple[Balance, ...]]]


class TokenOnConnector(msgspec.Struct, frozen=True):
    """What of a token lies on one connector."""

    value: Decimal
    units: Decimal


class TokenInAccount(msgspec.Struct, frozen=True):
    """What of a token lies in one account; `percentage` of the token's total value."""

    value: Decimal
    units: Decimal
    percentage: Decimal
    connectors: dict[str, TokenOnConnector]


class TokenShare(msgspec.Struct, frozen=True):
    """A token's share of the portfolio; `percentage` of the portfolio's value, 0 to 100, 4 places."""

    token: str
    total_value: Decimal
    total_units: Decimal
    percentage: Decimal
    accounts: dict[str, TokenInAccount]


class Distribution(msgspec.Struct, frozen=True):
    """How the portfolio is spread over tokens, the most valuable first."""

    total_portfolio_value: Decimal
    token_count: int
    distribution: tuple[TokenShare, ...]
    account_filter: str


class ConnectorShare(msgspec.Struct, frozen=True):
    """A connector's share of the portfolio."""

    value: Decimal
    percentage: Decimal


class AccountShare(msgspec.Struct, frozen=True):
    """An account's share of the portfolio."""

    account: str
    total_value: Decimal
    percentage: Decimal
    connectors: dict[str, ConnectorShare]


class AccountsDistribution(msgspec.Struct, frozen=True):
    """How the portfolio is spread over accounts, the most valuable first."""

    total_portfolio_value: Decimal
    account_count: int
    distribution: tuple[AccountShare, ...]


# Keys


class KeyAsk(msgspec.Struct, frozen=True):
    """Which replica will check, and its signed request for the secret, as it would ask for a stored one."""

    checker: Name
    request: SecretRequest


class KeyCheck(msgspec.Struct, frozen=True):
    """A secret to be tried on the exchange, sealed to the request that `checker` made."""

    checker: Name
    account_name: Name
    connector_name: Name
    nonce: bytes
    sealed: bytes


class KeyVerdict(StrEnum):
    """What the exchange says of keys. UNKNOWN: it was slow, down or silent."""

    GOOD = "good"
    WRONG = "wrong"
    UNKNOWN = "unknown"


class KeyChecked(msgspec.Struct, frozen=True):
    """The verdict, its reason in words, and whether the keys can withdraw (None: the exchange does not say)."""

    verdict: KeyVerdict
    reason: str = ""
    can_withdraw: bool | None = None


# Events


class BalanceAmount(msgspec.Struct, frozen=True):
    """What an account has of a token on a connector."""

    token: str
    units: Decimal
    available_units: Decimal


class BalancesChanged(msgspec.Struct, frozen=True):
    """All balances of a session as they are now, those of zero left out. `version` grows with each change."""

    account_name: str
    connector_name: str
    balances: tuple[BalanceAmount, ...]
    at: datetime
    version: int


_SESSION_KEYS = ("account_name", "connector_name")
_SESSION_ERRORS = frozenset({ErrorCode.NOT_FOUND, ErrorCode.REFUSED, ErrorCode.UPSTREAM})

#: Seconds: an owner answers within two, so that one who says nothing for longer is not there.
_SOON = 3.0

LIST_SESSIONS = Command(SERVICE, "session", "list", PortfolioFilter, SessionList, "List the sessions and their state.")
GET_SESSION = Command(
    SERVICE, "session", "get", SessionRef, Session, "Say how the session of an account on a connector is.",
    errors=frozenset({ErrorCode.NOT_FOUND, ErrorCode.REFUSED}),
)  # fmt: skip
REFRESH_SESSION = Command(
    SERVICE, "session", "refresh", SessionRef, Session, "Ask the exchange for the balances and open orders now.",
    callers=frozenset({EDGE, OUTSIDE, SERVICE}), errors=_SESSION_ERRORS, owner_keys=_SESSION_KEYS,
)  # fmt: skip
PLACE_ORDER = Command(
    SERVICE, "order", "place", OrderPlace, Order, "Place an order.",
    changes_state=True, errors=_SESSION_ERRORS | {ErrorCode.CONFLICT}, owner_keys=_SESSION_KEYS, timeout=_SOON,
)  # fmt: skip
CANCEL_ORDER = Command(
    SERVICE, "order", "cancel", OrderCancel, OrderCancelled, "Cancel an order.",
    changes_state=True, errors=_SESSION_ERRORS, owner_keys=_SESSION_KEYS, timeout=_SOON,
)  # fmt: skip
ACTIVE_ORDERS = Command(
    SERVICE, "order", "active", OrderFilter, OrderPage, "List orders that are not final, by client order id.",
)  # fmt: skip
SEARCH_ORDERS = Command(SERVICE, "order", "search", OrderSearch, OrderPage, "Search the stored orders.")
SEARCH_TRADES = Command(SERVICE, "trade", "search", TradeSearch, TradePage, "Search the stored trades.")
PORTFOLIO_STATE = Command(
    SERVICE, "balance", "state", PortfolioStateFilter, PortfolioState, "Give balances and their value in USD.",
    timeout=10.0,
)  # fmt: skip
DISTRIBUTION = Command(
    SERVICE, "balance", "distribution", PortfolioFilter, Distribution, "Spread the portfolio over tokens.",
)  # fmt: skip
ACCOUNTS_DISTRIBUTION = Command(
    SERVICE, "balance", "accounts_distribution", PortfolioFilter, AccountsDistribution,
    "Spread the portfolio over accounts.",
)  # fmt: skip
ASK_KEY = Command(
    SERVICE, "key", "ask", CredentialRef, KeyAsk, "Ask for a new credential's values, to check them.",
    callers=frozenset({"credentials"}), timeout=2.0,
)  # fmt: skip
CHECK_KEY = Command(
    SERVICE, "key", "check", KeyCheck, KeyChecked, "Try a new credential on its exchange.",
    callers=frozenset({"credentials"}), errors=frozenset({ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN}),
    owner_keys=("checker",), timeout=6.0,
)  # fmt: skip

COMMANDS = (
    LIST_SESSIONS, GET_SESSION, REFRESH_SESSION, PLACE_ORDER, CANCEL_ORDER, ACTIVE_ORDERS, SEARCH_ORDERS,
    SEARCH_TRADES, PORTFOLIO_STATE, DISTRIBUTION, ACCOUNTS_DISTRIBUTION, ASK_KEY, CHECK_KEY,
)  # fmt: skip

SESSION_CHANGED = Event(
    SERVICE, "session", "changed", Session, "The session of an account on a connector has another state.",
    keys=_SESSION_KEYS, account="account_name",
)  # fmt: skip
ORDER_CHANGED = Event(
    SERVICE, "order", "changed", Order, "An order is recorded, or has changed.",
    keys=_SESSION_KEYS, account="account_name",
)  # fmt: skip
TRADE_RECORDED = Event(
    SERVICE, "trade", "recorded", Trade, "An order was filled, wholly or in part.",
    keys=_SESSION_KEYS, account="account_name",
)  # fmt: skip
BALANCES_CHANGED = Event(
    SERVICE, "balance", "changed", BalancesChanged, "The balances of an account on a connector are others.",
    keys=_SESSION_KEYS, account="account_name",
)  # fmt: skip

EVENTS = (SESSION_CHANGED, ORDER_CHANGED, TRADE_RECORDED, BALANCES_CHANGED)
