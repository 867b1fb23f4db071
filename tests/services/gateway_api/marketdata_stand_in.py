"""The marketdata service as the edge sees it, in memory: two connectors, a pair or two, and what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import msgspec

from shared.bus.connection import Client, close, connect
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply, Streamed
from shared.bus.subjects import Subjects
from shared.contracts.declaration import AnyCommand, AnyLive
from shared.contracts.marketdata import SERVICE
from shared.contracts.marketdata.books import (
    DIAGNOSE_BOOKS,
    GET_BOOK,
    QUERY_BOOK,
    RESTART_BOOKS,
    TRACK_PAIR,
    UNTRACK_PAIR,
    Book,
    BookAnswer,
    BookDiagnostics,
    BookFilter,
    BookLevel,
    BookQuery,
    BookQuestion,
    BooksRestarted,
    PairRef,
    PairTracked,
    TrackedBook,
)
from shared.contracts.marketdata.candles import (
    CANDLE_HISTORY,
    LIST_CANDLE_CONNECTORS,
    RECENT_CANDLES,
    Candle,
    CandleInterval,
    CandleRange,
    RecentCandles,
)
from shared.contracts.marketdata.feeds import (
    FEED_SETTINGS,
    FOLLOW_FEED,
    LIST_FEEDS,
    ActiveFeed,
    FeedFollowed,
    FeedKind,
    FeedRef,
    FeedSettings,
)
from shared.contracts.marketdata.fields import MarketRef
from shared.contracts.marketdata.funding import GET_FUNDING, FundingInfo, FundingRef
from shared.contracts.marketdata.rates import (
    CONFIGURE_ORACLE,
    GET_RATES,
    ORACLE_CONFIG,
    ORACLE_PRICES,
    OracleChange,
    OracleConfig,
    OraclePrices,
    Rates,
    RatesFilter,
)
from shared.contracts.marketdata.rules import LIST_ORDER_TYPES, LIST_RULES, OrderTypes, RulesFilter, TradingRule
from shared.contracts.marketdata.tickers import (
    GET_PRICES,
    LIST_TICKERS,
    Prices,
    PricesFilter,
    TickerRow,
    Tickers,
    TickersFilter,
)
from shared.contracts.portfolio.orders import OrderType
from shared.errors import CommandError, ErrorCode, FieldError, invalid, not_found
from shared.service import Health
from shared.settings import Settings

CONNECTOR = "paper"
#: A connector that only bots use.
BOTS_ONLY = "dexalot"
TIMESTAMP = 1767225600.25

_RULE = TradingRule(
    Decimal("0.00001"),
    None,
    Decimal("0.01"),
    Decimal("0.00001"),
    Decimal("1E-8"),
    Decimal(5),
    Decimal(5),
    Decimal(0),
    True,
    True,
    "USDT",
    "USDT",
)

#: A connector with perpetuals.
PERPETUAL = "paper_perpetual"
CANDLES_A_PIECE = 1000
_FEED = ActiveFeed(FeedKind.CANDLES, TIMESTAMP, 1.5, 598.5, "1m candles of BTC-USDT")


def candle(timestamp: float) -> Candle:
    """Return a candle that opened at `timestamp`."""
    return Candle(timestamp, 65000.5, 65010.0, 64990.25, 65001.0, 12.5, 812506.25, 340.0, 6.1, 396503.05)


async def _now() -> None:
    """Wait for nothing."""


async def _at_once(number: int) -> None:
    """Wait for nothing."""


class MarketdataStandIn:
    """Answers the edge's commands. `prices` may be changed by a test; `asked` holds every request."""

    def __init__(self, settings: Settings) -> None:
        self.prices = {"BTC-USDT": 65000.5, "ETH-USDT": 3000.25}
        self.asked: list[Any] = []
        #: Called with the number of each piece of candles before it is sent; may wait, or raise.
        self.before_piece: Callable[[int], Awaitable[None]] = _at_once
        self.pieces_made = 0
        #: Awaited before it is said that a feed runs.
        self.before_follow: Callable[[], Awaitable[object]] = _now
        self.oracle = OracleConfig("gate_io", "USDT", "$", ("binance", "gate_io"))
        self.instead: dict[str, CommandError | bytes] = {}
        self.silent: set[str] = set()
        self.feed_seconds = 600.0
        #: When a pair has its first candle, where that is later than the beginning of time.
        self.first_candle: dict[str, float] = {}
        self._settings = settings
        self._subjects = Subjects(settings.namespace)
        self._connection: Client | None = None
        self._stopping = asyncio.Event()
        self._dispatcher = Dispatcher(settings, SERVICE)
        for command, handler in (
            (LIST_RULES, self._rules),
            (LIST_ORDER_TYPES, self._order_types),
            (GET_PRICES, self._prices),
            (GET_BOOK, self._book),
            (FEED_SETTINGS, lambda request: FeedSettings(300, 600, "Seconds")),
            (RECENT_CANDLES, self._recent),
            (CANDLE_HISTORY, self._history),
            (LIST_CANDLE_CONNECTORS, lambda request: [CONNECTOR, PERPETUAL]),
            (QUERY_BOOK, self._query),
            (DIAGNOSE_BOOKS, self._diagnose),
            (RESTART_BOOKS, self._restart),
            (TRACK_PAIR, self._track),
            (UNTRACK_PAIR, self._track),
            (FOLLOW_FEED, self._follow),
            (LIST_FEEDS, lambda request: {"one": _FEED}),
            (LIST_TICKERS, self._tickers),
            (GET_FUNDING, self._funding),
            (GET_RATES, self._rates),
            (ORACLE_PRICES, lambda request: OraclePrices(self.oracle.source, "USDT", self.prices, TIMESTAMP)),
            (ORACLE_CONFIG, lambda request: self.oracle),
            (CONFIGURE_ORACLE, self._configure),
        ):
            self._on(command, handler)

    def _on(self, command: AnyCommand, handler: Callable[[Any], Any]) -> None:
        def answer(request: Any, call: Call) -> Any | Awaitable[Any]:
            self.asked.append(request)
            if command.key in self.silent:
                return self._say_nothing()
            instead = self.instead.get(command.key)
            if isinstance(instead, CommandError):
                raise instead
            return handler(request) if instead is None else Reply(instead)

        self._dispatcher.on(command, answer)

    async def _say_nothing(self) -> None:
        await self._stopping.wait()

    async def live(self, live: AnyLive, connector: str, pair: str, payload: object, *keys: str) -> None:
        """Send what moves."""
        if self._connection is None:
            self._connection = await connect(self._settings, SERVICE)
        await self._connection.publish(self._subjects.live(live, connector, pair, *keys), msgspec.json.encode(payload))
        await self._connection.flush()

    async def start(self) -> None:
        await self._dispatcher.start(lambda: Health(True))

    async def stop(self) -> None:
        self._stopping.set()
        await self._dispatcher.drain()
        await close(self._connection)

    def _rules(self, request: RulesFilter) -> dict[str, TradingRule]:
        self._check(request.connector_name)
        return {pair: _RULE for pair in self.prices if request.trading_pairs is None or pair in request.trading_pairs}

    def _order_types(self, request: MarketRef) -> OrderTypes:
        self._check(request.connector_name)
        return OrderTypes(request.connector_name, (OrderType.LIMIT, OrderType.MARKET))

    def _prices(self, request: PricesFilter) -> Prices:
        self._check(request.connector_name)
        known = {pair: self.prices[pair] for pair in request.trading_pairs if pair in self.prices}
        return Prices(request.connector_name, known, TIMESTAMP)

    def _book(self, request: BookFilter) -> Book:
        self._check(request.connector_name)
        self._check_pair(request.connector_name, request.trading_pair)
        price = self.prices[request.trading_pair]
        bids = tuple(BookLevel(price - step, 0.5) for step in range(1, request.depth + 1))
        asks = tuple(BookLevel(price + step, 0.25) for step in range(1, request.depth + 1))
        return Book(request.trading_pair, bids, asks, TIMESTAMP)

    def _recent(self, request: RecentCandles) -> list[Candle]:
        self._check_candles(request)
        return [candle(60.0 * number) for number in range(request.max_records)]

    async def _history(self, request: CandleRange) -> Streamed:
        self._check_candles(request)
        if request.end_time < request.start_time:
            text = "expected an end that is not before the start"
            raise invalid(text, FieldError(("end_time",), text, "value_error"))
        start = max(request.start_time, self.first_candle.get(request.trading_pair, 0.0))
        first, last = -int(-start // 60), int(request.end_time // 60)
        return Streamed(self._candles(first, last + 1))

    async def _candles(self, first: int, end: int) -> AsyncIterator[bytes]:
        if first >= end:
            yield b"[]"
            return
        yield b"["
        for number, begin in enumerate(range(first, end, CANDLES_A_PIECE)):
            await self.before_piece(number)
            self.pieces_made += 1
            some = [candle(60.0 * minute) for minute in range(begin, min(begin + CANDLES_A_PIECE, end))]
            yield (b"," if number else b"") + msgspec.json.encode(some)[1:-1]
        yield b"]"

    def _check_candles(self, request: RecentCandles | CandleRange) -> None:
        self._check(request.connector_name)
        if request.interval not in list(CandleInterval):
            raise CommandError(ErrorCode.REFUSED, f"there are no candles of {request.interval}")
        self._check_pair(request.connector_name, request.trading_pair)

    def _query(self, request: BookQuery) -> BookAnswer:
        self._check(request.connector_name)
        self._check_pair(request.connector_name, request.trading_pair)
        by_price = request.question in (
            BookQuestion.VOLUME_FOR_PRICE, BookQuestion.QUOTE_VOLUME_FOR_PRICE
        )  # fmt: skip
        return BookAnswer(
            request.trading_pair,
            request.is_buy,
            None if by_price else request.value,
            request.value if by_price else None,
            65001.5, 2.0, 130003.0, 65001.25, TIMESTAMP,
        )  # fmt: skip

    def _diagnose(self, request: MarketRef) -> BookDiagnostics:
        if request.connector_name == PERPETUAL:
            return BookDiagnostics(PERPETUAL, "exchange", websocket_status="not connected")
        if request.connector_name != CONNECTOR:
            return BookDiagnostics(request.connector_name, error="unknown connector")
        book = TrackedBook(65000.0, None, 10, 0, 1, 2)
        return BookDiagnostics(
            CONNECTOR, "exchange", True, True, {"BTC-USDT": "running"}, ("BTC-USDT",), {"BTC-USDT": book}
        )

    def _restart(self, request: MarketRef) -> BooksRestarted:
        if request.connector_name != CONNECTOR:
            return BooksRestarted(False, error="unknown connector")
        return BooksRestarted(True, "restarted", ("BTC-USDT",))

    def _track(self, request: PairRef) -> PairTracked:
        self._check(request.connector_name)
        self._check_pair(request.connector_name, request.trading_pair)
        return PairTracked(True, request.connector_name, request.trading_pair, "done")

    async def _follow(self, request: FeedRef) -> FeedFollowed:
        self._check(request.connector_name)
        self._check_pair(request.connector_name, request.trading_pair)
        if request.interval == "7m":
            raise CommandError(ErrorCode.REFUSED, "there are no candles of 7m")
        await self.before_follow()
        return FeedFollowed(f"{request.kind}.{request.trading_pair}.{request.interval}", self.feed_seconds)

    def _tickers(self, request: TickersFilter) -> Tickers:
        names = request.connector_names or (CONNECTOR,)
        for name in names:
            self._check(name)
        rows = {pair: TickerRow(price, None, 1.5, TIMESTAMP) for pair, price in self.prices.items()}
        return Tickers(dict.fromkeys(names, rows), dict.fromkeys(names, len(rows)), dict.fromkeys(names, TIMESTAMP), {})

    def _funding(self, request: FundingRef) -> FundingInfo:
        if request.connector_name == CONNECTOR:
            raise CommandError(ErrorCode.REFUSED, f"{CONNECTOR} has no perpetuals")
        if request.connector_name != PERPETUAL:
            raise not_found(f"Connector '{request.connector_name}' does not exist")
        self._check_pair(request.connector_name, request.trading_pair)
        return FundingInfo(request.trading_pair, 0.0001, 1767254400.0, 65000.5, 65001.0, TIMESTAMP)

    def _rates(self, request: RatesFilter) -> Rates:
        self._check(request.connector_name or CONNECTOR)
        rates = {pair: self.prices.get(pair) for pair in request.trading_pairs}
        reasons = {pair: f"no way to {pair}" for pair, rate in rates.items() if rate is None}
        return Rates(request.connector_name or self.oracle.source, "USDT", rates, reasons, TIMESTAMP)

    def _configure(self, change: OracleChange) -> OracleConfig:
        if change.source is not None and change.source not in self.oracle.available_sources:
            raise CommandError(ErrorCode.REFUSED, f"there is no source {change.source}")
        self.oracle = OracleConfig(
            change.source or self.oracle.source,
            change.quote_token or self.oracle.quote_token,
            change.quote_symbol or self.oracle.quote_symbol,
            self.oracle.available_sources,
        )
        return self.oracle

    def _check_pair(self, connector_name: str, trading_pair: str) -> None:
        if trading_pair not in self.prices:
            raise not_found(f"{connector_name} has no trading pair {trading_pair}")

    def _check(self, connector_name: str) -> None:
        if connector_name == BOTS_ONLY:
            raise CommandError(ErrorCode.REFUSED, f"{BOTS_ONLY} has no market data on this server")
        if connector_name not in (CONNECTOR, PERPETUAL):
            raise not_found(f"Connector '{connector_name}' does not exist")
