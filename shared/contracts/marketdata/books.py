"""Order books: their levels, what taking from them costs, how they are followed. Levels are doubles."""

from enum import StrEnum
from typing import Annotated

import msgspec

from shared.contracts.declaration import Command, Live
from shared.contracts.marketdata.fields import OF_A_CONNECTOR, SERVICE, MarketRef
from shared.contracts.portfolio.fields import TradingPair
from shared.errors import ErrorCode
from shared.names import Name

#: Levels a side that `LiveBook` has at most.
LIVE_LEVELS = 50
Depth = Annotated[int, msgspec.Meta(ge=1, le=1000)]


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


class LiveBook(msgspec.Struct, frozen=True):
    """The best levels of a book, as `[price, amount]`: bids from the highest, asks from the lowest."""

    connector_name: str
    trading_pair: str
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    timestamp: float


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


GET_BOOK = Command(
    SERVICE, "book", "get", BookFilter, Book, "Give the order book of a pair.", errors=OF_A_CONNECTOR, timeout=10.0,
)  # fmt: skip
QUERY_BOOK = Command(
    SERVICE, "book", "query", BookQuery, BookAnswer, "Say what taking from a book gives and costs.",
    errors=OF_A_CONNECTOR, timeout=10.0,
)  # fmt: skip
DIAGNOSE_BOOKS = Command(
    SERVICE, "book", "diagnose", MarketRef, BookDiagnostics, "Say how the books of a connector are followed.",
)  # fmt: skip
RESTART_BOOKS = Command(
    SERVICE, "book", "restart", MarketRef, BooksRestarted, "Follow the books of a connector anew.", changes_state=True,
)  # fmt: skip
TRACK_PAIR = Command(
    SERVICE, "pair", "add", PairRef, PairTracked, "Follow the book of a pair.", changes_state=True,
    errors=OF_A_CONNECTOR, timeout=125.0,
)  # fmt: skip
UNTRACK_PAIR = Command(
    SERVICE, "pair", "remove", PairRef, PairTracked, "Follow the book of a pair no more.", changes_state=True,
    errors=frozenset({ErrorCode.NOT_FOUND}),
)  # fmt: skip
BOOK = Live(SERVICE, "book", LiveBook, "The best levels of a book have changed.")

COMMANDS = (GET_BOOK, QUERY_BOOK, DIAGNOSE_BOOKS, RESTART_BOOKS, TRACK_PAIR, UNTRACK_PAIR)
LIVE = (BOOK,)
