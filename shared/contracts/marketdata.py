"""What the marketdata service answers to and what it sends while markets move: rules, prices, books, rates.

Trading rules are exact decimals, text on the wire. Prices and book levels are doubles: observations, not money.
Times of the market are Unix seconds.
"""

from decimal import Decimal
from typing import Annotated

import msgspec

from shared.contracts.credentials import Nothing
from shared.contracts.declaration import EDGE, OUTSIDE, Command, Live
from shared.contracts.portfolio import OrderType, TradingPair
from shared.errors import ErrorCode
from shared.names import Name

SERVICE = "marketdata"

#: Pairs that one question may name.
MAX_PAIRS = 1000
Pairs = Annotated[tuple[TradingPair, ...], msgspec.Meta(max_length=MAX_PAIRS)]
Depth = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Token = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class MarketRef(msgspec.Struct, frozen=True):
    """A connector by its name."""

    connector_name: Name


class RulesFilter(msgspec.Struct, frozen=True):
    """The trading rules of a connector; of these pairs, or of all."""

    connector_name: Name
    trading_pairs: Pairs | None = None


class TradingRule(msgspec.Struct, frozen=True):
    """What orders of a pair must keep to. Sizes in base units, prices and notional values in quote units.

    A value of zero means that there is no such rule; `max_order_size` is None where there is no bound.
    """

    min_order_size: Decimal
    max_order_size: Decimal | None
    min_price_increment: Decimal
    min_base_amount_increment: Decimal
    min_quote_amount_increment: Decimal
    min_notional_size: Decimal
    min_order_value: Decimal
    max_price_significant_digits: Decimal
    supports_limit_orders: bool
    supports_market_orders: bool
    buy_order_collateral_token: str | None
    sell_order_collateral_token: str | None


class OrderTypes(msgspec.Struct, frozen=True):
    """The order types that a connector takes."""

    connector: str
    supported_order_types: tuple[OrderType, ...]


class PricesFilter(msgspec.Struct, frozen=True):
    """The prices of these pairs."""

    connector_name: Name
    trading_pairs: Annotated[tuple[TradingPair, ...], msgspec.Meta(min_length=1, max_length=MAX_PAIRS)]


class Prices(msgspec.Struct, frozen=True):
    """Mid prices, or last ones where a side of the book is empty; a pair that is unknown is left out.

    `timestamp` is that of the oldest of them.
    """

    connector: str
    prices: dict[str, float]
    timestamp: float


class BookFilter(msgspec.Struct, frozen=True):
    """The order book of a pair, `depth` levels a side."""

    connector_name: Name
    trading_pair: TradingPair
    depth: Depth = 10


class BookLevel(msgspec.Struct, frozen=True):
    """What rests at a price."""

    price: float
    amount: float


class Book(msgspec.Struct, frozen=True):
    """An order book: bids from the highest, asks from the lowest."""

    trading_pair: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    timestamp: float


class FeedSettings(msgspec.Struct, frozen=True):
    """How long a feed lives without anybody who asks, and how often that is looked at; in seconds."""

    cleanup_interval: int
    feed_timeout: int
    description: str


class Valuation(msgspec.Struct, frozen=True):
    """What these tokens are worth in `quote`, by the prices of a connector."""

    connector_name: Name
    tokens: Annotated[tuple[Token, ...], msgspec.Meta(max_length=MAX_PAIRS)]
    quote: Token = "USD"


class Valued(msgspec.Struct, frozen=True):
    """The price of each token; one without a price by a direct pair or over one other token is left out.

    `timestamp` is that of the oldest price used.
    """

    quote: str
    prices: dict[str, float]
    timestamp: float


class LiveTicker(msgspec.Struct, frozen=True):
    """The top of a book and the last trade. Zero where a side is empty or nothing was traded."""

    connector_name: str
    trading_pair: str
    bid: float
    bid_amount: float
    ask: float
    ask_amount: float
    last: float
    timestamp: float


class LiveBook(msgspec.Struct, frozen=True):
    """The best levels of a book, as `[price, amount]`: bids from the highest, asks from the lowest."""

    connector_name: str
    trading_pair: str
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    timestamp: float


_OF_A_CONNECTOR = frozenset({ErrorCode.NOT_FOUND, ErrorCode.REFUSED, ErrorCode.UPSTREAM})

LIST_RULES = Command(
    SERVICE, "rule", "list", RulesFilter, dict[str, TradingRule],
    "Give the trading rules of a connector's pairs; unknown pairs are left out.",
    errors=_OF_A_CONNECTOR, timeout=15.0, streams=True,
)  # fmt: skip
LIST_ORDER_TYPES = Command(
    SERVICE, "order_type", "list", MarketRef, OrderTypes, "List the order types that a connector takes.",
    errors=_OF_A_CONNECTOR,
)  # fmt: skip
GET_PRICES = Command(
    SERVICE, "price", "get", PricesFilter, Prices, "Give the prices of pairs.", errors=_OF_A_CONNECTOR, timeout=10.0,
)  # fmt: skip
GET_BOOK = Command(
    SERVICE, "book", "get", BookFilter, Book, "Give the order book of a pair.", errors=_OF_A_CONNECTOR, timeout=10.0,
)  # fmt: skip
FEED_SETTINGS = Command(
    SERVICE, "feed", "settings", Nothing, FeedSettings, "Say how long feeds live without anybody who asks.",
)  # fmt: skip
VALUE_TOKENS = Command(
    SERVICE, "rate", "value", Valuation, Valued, "Say what tokens are worth by the prices of a connector.",
    callers=frozenset({EDGE, OUTSIDE, "portfolio"}), errors=_OF_A_CONNECTOR, timeout=10.0,
)  # fmt: skip

COMMANDS = (LIST_RULES, LIST_ORDER_TYPES, GET_PRICES, GET_BOOK, FEED_SETTINGS, VALUE_TOKENS)
EVENTS = ()

TICKER = Live(SERVICE, "ticker", LiveTicker, "The top of a book has moved, or a trade was made.")
BOOK = Live(SERVICE, "book", LiveBook, "The best levels of a book have changed.")

LIVE = (TICKER, BOOK)
