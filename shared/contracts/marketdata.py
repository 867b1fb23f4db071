"""What the marketdata service answers to and what it sends while markets move: rules, prices, books, rates.

Trading rules are exact decimals, text on the wire. Prices and book levels are doubles: observations, not money.
Times of the market are Unix seconds.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from shared.contracts.credentials import Nothing
from shared.contracts.declaration import EDGE, OUTSIDE, Command, Event, Live
from shared.contracts.portfolio import OrderType, TradingPair
from shared.errors import ErrorCode
from shared.names import Name

SERVICE = "marketdata"

#: Pairs that one question may name.
MAX_PAIRS = 1000
#: Levels a side that `LiveBook` has at most.
LIVE_LEVELS = 50
Pairs = Annotated[tuple[TradingPair, ...], msgspec.Meta(max_length=MAX_PAIRS)]
Depth = Annotated[int, msgspec.Meta(ge=1, le=1000)]
#: An interval's name, as `1m`; which there are is for the service to say.
IntervalName = Annotated[str, msgspec.Meta(min_length=1, max_length=8)]
UnixSeconds = Annotated[float, msgspec.Meta(ge=0, lt=1e11)]
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


class CandleInterval(StrEnum):
    """How long a candle lasts; a connector has those that its exchange has."""

    S1 = "1s"
    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"
    D3 = "3d"
    W1 = "1w"
    MO1 = "1M"


class Candle(msgspec.Struct, frozen=True):
    """What was traded from `timestamp` (the opening time) on, for one interval. What an exchange does not tell: 0."""

    timestamp: float
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_asset_volume: float
    n_trades: float
    taker_buy_base_volume: float
    taker_buy_quote_volume: float


class RecentCandles(msgspec.Struct, frozen=True):
    """The last candles of a pair, the running one included. An unknown interval is refused by the service (REFUSED)."""

    connector_name: Name
    trading_pair: TradingPair
    interval: IntervalName = "1m"
    max_records: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 500


class CandleRange(msgspec.Struct, frozen=True):
    """The candles of a pair that open from `start_time` to `end_time`, both included, in Unix seconds."""

    connector_name: Name
    trading_pair: TradingPair
    interval: IntervalName
    start_time: UnixSeconds
    end_time: UnixSeconds


class BookQuestion(StrEnum):
    """What is asked of a book; the value's unit follows from it."""

    PRICE_FOR_VOLUME = "price_for_volume"
    VOLUME_FOR_PRICE = "volume_for_price"
    PRICE_FOR_QUOTE_VOLUME = "price_for_quote_volume"
    QUOTE_VOLUME_FOR_PRICE = "quote_volume_for_price"
    VWAP_FOR_VOLUME = "vwap_for_volume"


class BookQuery(msgspec.Struct, frozen=True):
    """A question to the book of a pair; a buyer takes asks. `value`: base units, quote units or a price, above zero."""

    connector_name: Name
    trading_pair: TradingPair
    is_buy: bool
    question: BookQuestion
    value: Annotated[float, msgspec.Meta(gt=0)]


class BookAnswer(msgspec.Struct, frozen=True):
    """The answer to a `BookQuery`; what does not apply is None. Results are what the book holds, if that is less."""

    trading_pair: str
    is_buy: bool
    query_volume: float | None
    query_price: float | None
    result_price: float | None
    result_volume: float | None
    result_quote_volume: float | None
    average_price: float | None
    timestamp: float


class FeedKind(StrEnum):
    """What a feed follows."""

    BOOK = "order_book"
    TRADES = "trades"
    CANDLES = "candles"
    TICKER = "ticker"
    FUNDING = "funding"


class FeedRef(msgspec.Struct, frozen=True):
    """A feed. `interval` is needed for candles, and for nothing else."""

    kind: FeedKind
    connector_name: Name
    trading_pair: TradingPair
    interval: IntervalName | None = None


class FeedFollowed(msgspec.Struct, frozen=True):
    """A feed that runs and has its first state. It ends when nobody asks for it within `seconds`."""

    feed: str
    seconds: float


class ActiveFeed(msgspec.Struct, frozen=True):
    """A feed as it runs: asked for when, in Unix seconds, and ending when. `config` says in words what it follows."""

    feed_type: FeedKind
    last_access_time: float
    seconds_since_access: float
    will_expire_in: float
    config: str


class PairRef(msgspec.Struct, frozen=True):
    """A pair whose book is to be followed, or not any more. `timeout`: seconds to wait for its first state."""

    connector_name: Name
    trading_pair: TradingPair
    timeout: Annotated[float, msgspec.Meta(ge=1, le=120)] = 30.0


class PairTracked(msgspec.Struct, frozen=True):
    """Whether the book of the pair is followed now (or was until now), with a reason in words."""

    success: bool
    connector_name: str
    trading_pair: str
    message: str


class TrackedBook(msgspec.Struct, frozen=True):
    """A followed book in figures."""

    best_bid: float | None
    best_ask: float | None
    bid_count: int
    ask_count: int
    snapshot_uid: int
    last_diff_uid: int


class BookDiagnostics(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the books of a connector are followed; `error` instead of the rest for an unknown connector."""

    connector_name: str
    connector_type: str = ""
    has_order_book_tracker: bool = False
    tracker_ready: bool = False
    tasks: dict[str, str] = {}
    trading_pairs: tuple[str, ...] = ()
    order_books: dict[str, TrackedBook] = {}
    metrics: dict[str, float] = {}
    websocket_status: str = ""
    error: str | None = None


class BooksRestarted(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which books of a connector are followed anew; `error` for an unknown connector."""

    success: bool
    message: str = ""
    trading_pairs: tuple[str, ...] = ()
    error: str | None = None


class TickersFilter(msgspec.Struct, frozen=True):
    """The tickers of these connectors (None: of the rate sources). `max_age`: seconds that they may be old."""

    connector_names: tuple[Name, ...] | None = None
    refresh: bool = False
    max_age: Annotated[float, msgspec.Meta(ge=0)] | None = None


class TickerRow(msgspec.Struct, frozen=True):
    """A pair's price with what was traded in 24 h, where the exchange tells it."""

    price: float
    base_volume: float | None
    quote_volume: float | None
    timestamp: float


class Tickers(msgspec.Struct, frozen=True):
    """Tickers by connector and pair; connectors that failed stand in `errors` with the reason."""

    tickers: dict[str, dict[str, TickerRow]]
    counts: dict[str, int]
    updated_at: dict[str, float]
    errors: dict[str, str]


class FundingRef(msgspec.Struct, frozen=True):
    """A perpetual contract."""

    connector_name: Name
    trading_pair: TradingPair


class FundingInfo(msgspec.Struct, frozen=True):
    """A perpetual's next funding: the rate as a fraction, when in Unix seconds, and the prices it is made of."""

    trading_pair: str
    funding_rate: float
    next_funding_time: float
    mark_price: float
    index_price: float


class RatesFilter(msgspec.Struct, frozen=True):
    """The rates of pairs by the prices of a connector (None: of the rate source). `fresh`: none older than a moment."""

    trading_pairs: Pairs
    connector_name: Name | None = None
    fresh: bool = False


class Rates(msgspec.Struct, frozen=True):
    """A rate for each pair: quote units for one base unit; None where there is no way to one, or only an old price."""

    source: str
    quote_token: str
    rates: dict[str, float | None]
    reasons: dict[str, str]


class OraclePrices(msgspec.Struct, frozen=True):
    """Every price of the rate source."""

    source: str
    quote_token: str
    prices: dict[str, float]


class OracleConfig(msgspec.Struct, frozen=True):
    """Where rates come from, and the token that values are given in, with its symbol. `version` grows by one with each
    change; 0: nobody has changed anything.
    """

    source: str
    quote_token: str
    quote_symbol: str
    available_sources: tuple[str, ...] = ()
    version: int = 0


class OracleChange(msgspec.Struct, frozen=True):
    """What of the configuration is to be another; None stays as it is."""

    source: Name | None = None
    quote_token: Token | None = None
    quote_symbol: Annotated[str, msgspec.Meta(min_length=1, max_length=8)] | None = None


class LiveCandle(msgspec.Struct, frozen=True):
    """The running candle, or one that has just ended (`closed`)."""

    connector_name: str
    trading_pair: str
    interval: str
    candle: Candle
    closed: bool


class MarketTrade(msgspec.Struct, frozen=True):
    """A trade on the market; `side` is the taker's."""

    timestamp: float
    price: float
    amount: float
    side: Literal["buy", "sell"]


class LiveTrades(msgspec.Struct, frozen=True):
    """Trades since the last message, the oldest first. `sequence` grows by one with each message of a feed's owner."""

    connector_name: str
    trading_pair: str
    trades: tuple[MarketTrade, ...]
    sequence: int


class LiveFunding(msgspec.Struct, frozen=True):
    """A perpetual's funding and prices, as in `FundingInfo`."""

    connector_name: str
    trading_pair: str
    funding_rate: float
    next_funding_time: float
    mark_price: float
    index_price: float
    timestamp: float


class DownloadProgress(msgspec.Struct, frozen=True):
    """How far a long download of candles is: opening times in Unix seconds, `share` from 0 to 1."""

    connector_name: str
    trading_pair: str
    interval: str
    start_time: float
    end_time: float
    share: float


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
RECENT_CANDLES = Command(
    SERVICE, "candle", "recent", RecentCandles, list[Candle], "Give a pair's last candles, from a live feed.",
    errors=_OF_A_CONNECTOR, timeout=30.0, streams=True,
)  # fmt: skip
CANDLE_HISTORY = Command(
    SERVICE, "candle", "history", CandleRange, list[Candle], "Give the candles of a time, stored or asked for.",
    errors=_OF_A_CONNECTOR, timeout=60.0, streams=True,
)  # fmt: skip
LIST_CANDLE_CONNECTORS = Command(
    SERVICE, "candle", "connectors", Nothing, list[str], "List the connectors that have candles.",
)  # fmt: skip
QUERY_BOOK = Command(
    SERVICE, "book", "query", BookQuery, BookAnswer, "Say what taking from a book gives and costs.",
    errors=_OF_A_CONNECTOR, timeout=10.0,
)  # fmt: skip
DIAGNOSE_BOOKS = Command(
    SERVICE, "book", "diagnose", MarketRef, BookDiagnostics, "Say how the books of a connector are followed.",
)  # fmt: skip
RESTART_BOOKS = Command(
    SERVICE, "book", "restart", MarketRef, BooksRestarted, "Follow the books of a connector anew.", changes_state=True,
)  # fmt: skip
TRACK_PAIR = Command(
    SERVICE, "pair", "add", PairRef, PairTracked, "Follow the book of a pair.", changes_state=True,
    errors=_OF_A_CONNECTOR, timeout=125.0,
)  # fmt: skip
UNTRACK_PAIR = Command(
    SERVICE, "pair", "remove", PairRef, PairTracked, "Follow the book of a pair no more.", changes_state=True,
)  # fmt: skip
FOLLOW_FEED = Command(
    SERVICE, "feed", "follow", FeedRef, FeedFollowed, "Have a feed run, and its first state there.",
    errors=_OF_A_CONNECTOR, timeout=30.0,
)  # fmt: skip
LIST_FEEDS = Command(SERVICE, "feed", "list", Nothing, dict[str, ActiveFeed], "List the feeds that run.")
LIST_TICKERS = Command(
    SERVICE, "ticker", "list", TickersFilter, Tickers, "Give the tickers of connectors.",
    errors=_OF_A_CONNECTOR, timeout=15.0, streams=True,
)  # fmt: skip
GET_FUNDING = Command(
    SERVICE, "funding", "get", FundingRef, FundingInfo, "Give the next funding of a perpetual.",
    errors=_OF_A_CONNECTOR, timeout=10.0,
)  # fmt: skip
GET_RATES = Command(
    SERVICE, "rate", "get", RatesFilter, Rates, "Give the rates of pairs.", errors=_OF_A_CONNECTOR, timeout=10.0,
)  # fmt: skip
ORACLE_PRICES = Command(
    SERVICE, "rate", "prices", Nothing, OraclePrices, "Give all prices of the rate source.",
    errors=_OF_A_CONNECTOR, timeout=10.0, streams=True,
)  # fmt: skip
ORACLE_CONFIG = Command(SERVICE, "rate", "config", Nothing, OracleConfig, "Say where rates come from.")
CONFIGURE_ORACLE = Command(
    SERVICE, "rate", "configure", OracleChange, OracleConfig, "Have rates come from elsewhere.", changes_state=True,
    errors=frozenset({ErrorCode.REFUSED}),
)  # fmt: skip

COMMANDS = (
    LIST_RULES, LIST_ORDER_TYPES, GET_PRICES, GET_BOOK, FEED_SETTINGS, VALUE_TOKENS, RECENT_CANDLES, CANDLE_HISTORY,
    LIST_CANDLE_CONNECTORS, QUERY_BOOK, DIAGNOSE_BOOKS, RESTART_BOOKS, TRACK_PAIR, UNTRACK_PAIR, FOLLOW_FEED,
    LIST_FEEDS, LIST_TICKERS, GET_FUNDING, GET_RATES, ORACLE_PRICES, ORACLE_CONFIG, CONFIGURE_ORACLE,
)  # fmt: skip

DOWNLOAD_PROGRESSED = Event(
    SERVICE, "download", "progressed", DownloadProgress, "A long download of candles has come further.",
    keys=("connector_name", "trading_pair", "interval"),
)  # fmt: skip
ORACLE_CONFIGURED = Event(SERVICE, "rate", "configured", OracleConfig, "Rates come from elsewhere.")

EVENTS = (DOWNLOAD_PROGRESSED, ORACLE_CONFIGURED)

TICKER = Live(SERVICE, "ticker", LiveTicker, "The top of a book has moved, or a trade was made.")
BOOK = Live(SERVICE, "book", LiveBook, "The best levels of a book have changed.")

CANDLE = Live(
    SERVICE, "candle", LiveCandle, "The running candle has changed, or a candle has ended.", keys=("interval",)
)
TRADES = Live(SERVICE, "trades", LiveTrades, "Trades were made on a market.")
FUNDING = Live(SERVICE, "funding", LiveFunding, "A perpetual's funding or mark price has changed.")

LIVE = (TICKER, BOOK, CANDLE, TRADES, FUNDING)
