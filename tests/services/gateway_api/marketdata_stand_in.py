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
from shared.contracts import marketdata as contract
from shared.contracts.declaration import AnyCommand, AnyLive
from shared.contracts.portfolio import OrderType
from shared.errors import CommandError, ErrorCode, FieldError, invalid, not_found
from shared.service import Health
from shared.settings import Settings

CONNECTOR = "paper"
#: A connector that only bots use.
BOTS_ONLY = "dexalot"
TIMESTAMP = 1767225600.25

_RULE = contract.TradingRule(
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
_FEED = contract.ActiveFeed(contract.FeedKind.CANDLES, TIMESTAMP, 1.5, 598.5, "1m candles of BTC-USDT")


def candle(timestamp: float) -> contract.Candle:
    """Return a candle that opened at `timestamp`."""
    return contract.Candle(timestamp, 65000.5, 65010.0, 64990.25, 65001.0, 12.5, 812506.25, 340.0, 6.1, 396503.05)


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
        self.oracle = contract.OracleConfig("gate_io", "USDT", "$", ("binance", "gate_io"))
        self.instead: dict[str, CommandError | bytes] = {}
        self.silent: set[str] = set()
        self.feed_seconds = 600.0
        self._settings = settings
        self._subjects = Subjects(settings.namespace)
        self._connection: Client | None = None
        self._stopping = asyncio.Event()
        self._dispatcher = Dispatcher(settings, contract.SERVICE)
        for command, handler in (
            (contract.LIST_RULES, self._rules),
            (contract.LIST_ORDER_TYPES, self._order_types),
            (contract.GET_PRICES, self._prices),
            (contract.GET_BOOK, self._book),
            (contract.FEED_SETTINGS, lambda request: contract.FeedSettings(300, 600, "Seconds")),
            (contract.RECENT_CANDLES, self._recent),
            (contract.CANDLE_HISTORY, self._history),
            (contract.LIST_CANDLE_CONNECTORS, lambda request: [CONNECTOR, PERPETUAL]),
            (contract.QUERY_BOOK, self._query),
            (contract.DIAGNOSE_BOOKS, self._diagnose),
            (contract.RESTART_BOOKS, self._restart),
            (contract.TRACK_PAIR, self._track),
            (contract.UNTRACK_PAIR, self._track),
            (contract.FOLLOW_FEED, self._follow),
            (contract.LIST_FEEDS, lambda request: {"one": _FEED}),
            (contract.LIST_TICKERS, self._tickers),
            (contract.GET_FUNDING, self._funding),
            (contract.GET_RATES, self._rates),
            (contract.ORACLE_PRICES, lambda request: contract.OraclePrices(self.oracle.source, "USDT", self.prices)),
            (contract.ORACLE_CONFIG, lambda request: self.oracle),
            (contract.CONFIGURE_ORACLE, self._configure),
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
            self._connection = await connect(self._settings, contract.SERVICE)
        await self._connection.publish(self._subjects.live(live, connector, pair, *keys), msgspec.json.encode(payload))
        await self._connection.flush()

    async def start(self) -> None:
        await self._dispatcher.start(lambda: Health(True))

    async def stop(self) -> None:
        self._stopping.set()
        await self._dispatcher.drain()
        await close(self._connection)

    def _rules(self, request: contract.RulesFilter) -> dict[str, contract.TradingRule]:
        self._check(request.connector_name)
        return {pair: _RULE for pair in self.prices if request.trading_pairs is None or pair in request.trading_pairs}

    def _order_types(self, request: contract.MarketRef) -> contract.OrderTypes:
        self._check(request.connector_name)
        return contract.OrderTypes(request.connector_name, (OrderType.LIMIT, OrderType.MARKET))

    def _prices(self, request: contract.PricesFilter) -> contract.Prices:
        self._check(request.connector_name)
        known = {pair: self.prices[pair] for pair in request.trading_pairs if pair in self.prices}
        return contract.Prices(request.connector_name, known, TIMESTAMP)

    def _book(self, request: contract.BookFilter) -> contract.Book:
        self._check(request.connector_name)
        self._check_pair(request.connector_name, request.trading_pair)
        price = self.prices[request.trading_pair]
        bids = tuple(contract.BookLevel(price - step, 0.5) for step in range(1, request.depth + 1))
        asks = tuple(contract.BookLevel(price + step, 0.25) for step in range(1, request.depth + 1))
        return contract.Book(request.trading_pair, bids, asks, TIMESTAMP)

    def _recent(self, request: contract.RecentCandles) -> list[contract.Candle]:
        self._check_candles(request)
        return [candle(60.0 * number) for number in range(request.max_records)]

    async def _history(self, request: contract.CandleRange) -> Streamed:
        self._check_candles(request)
        if request.end_time < request.start_time:
            text = "expected an end that is not before the start"
            raise invalid(text, FieldError(("end_time",), text, "value_error"))
        first, last = -int(-request.start_time // 60), int(request.end_time // 60)
        return Streamed(self._candles(first, last + 1))

    async def _candles(self, first: int, end: int) -> AsyncIterator[bytes]:
        yield b"["
        for number, begin in enumerate(range(first, end, CANDLES_A_PIECE)):
            await self.before_piece(number)
            self.pieces_made += 1
            some = [candle(60.0 * minute) for minute in range(begin, min(begin + CANDLES_A_PIECE, end))]
            yield (b"," if number else b"") + msgspec.json.encode(some)[1:-1]
        yield b"]"

    def _check_candles(self, request: contract.RecentCandles | contract.CandleRange) -> None:
        self._check(request.connector_name)
        if request.interval not in list(contract.CandleInterval):
            raise CommandError(ErrorCode.REFUSED, f"there are no candles of {request.interval}")
        self._check_pair(request.connector_name, request.trading_pair)

    def _query(self, request: contract.BookQuery) -> contract.BookAnswer:
        self._check(request.connector_name)
        self._check_pair(request.connector_name, request.trading_pair)
        by_price = request.question in (
            contract.BookQuestion.VOLUME_FOR_PRICE, contract.BookQuestion.QUOTE_VOLUME_FOR_PRICE
        )  # fmt: skip
        return contract.BookAnswer(
            request.trading_pair,
            request.is_buy,
            None if by_price else request.value,
            request.value if by_price else None,
            65001.5, 2.0, 130003.0, 65001.25, TIMESTAMP,
        )  # fmt: skip

    def _diagnose(self, request: contract.MarketRef) -> contract.BookDiagnostics:
        if request.connector_name != CONNECTOR:
            return contract.BookDiagnostics(request.connector_name, error="unknown connector")
        book = contract.TrackedBook(65000.0, None, 10, 0, 1, 2)
        return contract.BookDiagnostics(
            CONNECTOR, "exchange", True, True, {"BTC-USDT": "running"}, ("BTC-USDT",), {"BTC-USDT": book}
        )

    def _restart(self, request: contract.MarketRef) -> contract.BooksRestarted:
        if request.connector_name != CONNECTOR:
            return contract.BooksRestarted(False, error="unknown connector")
        return contract.BooksRestarted(True, "restarted", ("BTC-USDT",))

    def _track(self, request: contract.PairRef) -> contract.PairTracked:
        self._check(request.connector_name)
        self._check_pair(request.connector_name, request.trading_pair)
        return contract.PairTracked(True, request.connector_name, request.trading_pair, "done")

    async def _follow(self, request: contract.FeedRef) -> contract.FeedFollowed:
        self._check(request.connector_name)
        self._check_pair(request.connector_name, request.trading_pair)
        if request.interval == "7m":
            raise CommandError(ErrorCode.REFUSED, "there are no candles of 7m")
        await self.before_follow()
        return contract.FeedFollowed(f"{request.kind}.{request.trading_pair}.{request.interval}", self.feed_seconds)

    def _tickers(self, request: contract.TickersFilter) -> contract.Tickers:
        names = request.connector_names or (CONNECTOR,)
        for name in names:
            self._check(name)
        rows = {pair: contract.TickerRow(price, None, 1.5, TIMESTAMP) for pair, price in self.prices.items()}
        return contract.Tickers(
            dict.fromkeys(names, rows), dict.fromkeys(names, len(rows)), dict.fromkeys(names, TIMESTAMP), {}
        )

    def _funding(self, request: contract.FundingRef) -> contract.FundingInfo:
        if request.connector_name == CONNECTOR:
            raise CommandError(ErrorCode.REFUSED, f"{CONNECTOR} has no perpetuals")
        if request.connector_name != PERPETUAL:
            raise not_found(f"Connector '{request.connector_name}' does not exist")
        self._check_pair(request.connector_name, request.trading_pair)
        return contract.FundingInfo(request.trading_pair, 0.0001, 1767254400.0, 65000.5, 65001.0)

    def _rates(self, request: contract.RatesFilter) -> contract.Rates:
        self._check(request.connector_name or CONNECTOR)
        rates = {pair: self.prices.get(pair) for pair in request.trading_pairs}
        reasons = {pair: f"no way to {pair}" for pair, rate in rates.items() if rate is None}
        return contract.Rates(request.connector_name or self.oracle.source, "USDT", rates, reasons)

    def _configure(self, change: contract.OracleChange) -> contract.OracleConfig:
        if change.source is not None and change.source not in self.oracle.available_sources:
            raise CommandError(ErrorCode.REFUSED, f"there is no source {change.source}")
        self.oracle = contract.OracleConfig(
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
