"""A market whose answers and streams a test decides, for what a real exchange does not do on demand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

from shared.contracts.marketdata.books import LiveBook
from shared.contracts.marketdata.candles import Candle
from shared.contracts.marketdata.funding import LiveFunding
from shared.contracts.marketdata.rules import TradingRule
from shared.contracts.marketdata.tickers import LiveTicker
from shared.contracts.marketdata.trades import MarketTrade
from shared.contracts.portfolio.orders import OrderType
from shared.exchanges.errors import ExchangeError
from shared.exchanges.interface import BookState, CandleOffer, CandleUpdate, DayTicker, few_levels
from shared.exchanges.traffic import QUESTION, Patience
from shared.exchanges.whole_book import WholeBook

RULE = TradingRule(
    min_order_size=Decimal("0.00001"),
    max_order_size=None,
    min_price_increment=Decimal("0.01"),
    min_base_amount_increment=Decimal("0.00001"),
    min_quote_amount_increment=Decimal("0.00000001"),
    min_notional_size=Decimal(5),
    min_order_value=Decimal(5),
    max_price_significant_digits=Decimal(0),
    supports_limit_orders=True,
    supports_market_orders=True,
    buy_order_collateral_token="USDT",
    sell_order_collateral_token="BTC",
)


def book(
    bid: float = 99.0, ask: float = 101.0, levels: int = 5, pair: str = "BTC-USDT", at: float = 1000.0
) -> LiveBook:
    """Return a book of `levels` a side, one apart."""
    return LiveBook(
        "paper",
        pair,
        tuple((bid - step, 1.0 + step) for step in range(levels)),
        tuple((ask + step, 1.0 + step) for step in range(levels)),
        at,
    )


def ticker(
    pair: str = "BTC-USDT", bid: float = 99.0, ask: float = 101.0, last: float = 100.5, at: float = 1000.0
) -> LiveTicker:
    """Return a ticker."""
    return LiveTicker("paper", pair, bid, 1.0, ask, 1.0, last, at)


#: What a stream brings.
State = LiveBook | LiveTicker | CandleUpdate | LiveFunding | tuple[MarketTrade, ...]


class Stream:
    """One subscription of a fake market. What a test puts into `states` comes; an exception breaks it."""

    def __init__(self, of: tuple[str, ...]) -> None:
        self.of = of
        self.states: asyncio.Queue[State | Exception] = asyncio.Queue()
        self.closed = False


class FakeMarket:
    """A market with the pairs of `rules_known`. Set `failure` to have all questions fail, `hold` to have them wait."""

    def __init__(self, connector: str = "paper", pairs: tuple[str, ...] = ("BTC-USDT", "ETH-USDT", "ETH-BTC")) -> None:
        self.connector = connector
        self.known = dict.fromkeys(pairs, RULE)
        self.books: dict[str, LiveBook] = {}
        self.tickers: dict[str, LiveTicker] = {}
        self.funding: dict[str, LiveFunding] = {}
        self.candle_offer = CandleOffer(("1m", "1h"), 10)
        self.trades: tuple[MarketTrade, ...] = ()
        self.all_candles: list[Candle] = []
        self.failure: Exception | None = None
        self.stream_failure: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.asked: list[tuple[str, object]] = []
        self.streams: list[Stream] = []

    def open_streams(self) -> list[Stream]:
        """Return the subscriptions that are open."""
        return [stream for stream in self.streams if not stream.closed]

    async def rules(self) -> dict[str, TradingRule]:
        await self._answer("rules", None)
        return self.known

    def order_types(self) -> tuple[OrderType, ...]:
        return (OrderType.LIMIT, OrderType.MARKET)

    async def fetch_book(self, trading_pair: str, depth: int) -> LiveBook:
        await self._answer("book", (trading_pair, depth))
        found = self.books[trading_pair]
        return LiveBook(
            found.connector_name, found.trading_pair, found.bids[:depth], found.asks[:depth], found.timestamp
        )

    async def fetch_tickers(self, trading_pairs: tuple[str, ...] | None = None) -> dict[str, LiveTicker]:
        await self._answer("tickers", trading_pairs)
        wanted = self.tickers if trading_pairs is None else trading_pairs
        return {pair: self.tickers[pair] for pair in wanted if pair in self.tickers}

    async def fetch_day_tickers(self) -> dict[str, DayTicker]:
        await self._answer("tickers", None)
        return {pair: DayTicker(ticker, 10.0, None) for pair, ticker in self.tickers.items()}

    async def fetch_funding(self, trading_pair: str) -> LiveFunding:
        await self._answer("funding", trading_pair)
        return self.funding[trading_pair]

    async def watch_book(self, trading_pair: str, wanted: Callable[[], int] = few_levels) -> AsyncIterator[BookState]:
        async for state in self._watch((trading_pair,)):
            assert isinstance(state, LiveBook)
            yield WholeBook(state)

    async def watch_trades(self, trading_pair: str) -> AsyncIterator[tuple[MarketTrade, ...]]:
        async for state in self._watch((trading_pair, "trades")):
            assert isinstance(state, tuple)
            yield state

    async def fetch_trades(self, trading_pair: str, patience: Patience = QUESTION) -> tuple[MarketTrade, ...]:
        await self._answer("trades", trading_pair)
        return self.trades

    async def watch_funding(self, trading_pair: str) -> AsyncIterator[LiveFunding]:
        async for state in self._watch((trading_pair, "funding")):
            assert isinstance(state, LiveFunding)
            yield state

    async def watch_tickers(self, trading_pairs: tuple[str, ...]) -> AsyncIterator[LiveTicker]:
        async for state in self._watch(trading_pairs):
            assert isinstance(state, LiveTicker)
            yield state

    def candles(self) -> CandleOffer:
        return self.candle_offer

    async def fetch_candles(
        self, trading_pair: str, interval: str, since_ms: int, limit: int, patience: Patience = QUESTION
    ) -> tuple[Candle, ...]:
        await self._answer("candles", (trading_pair, interval, since_ms, limit))
        found = [candle for candle in self.all_candles if candle.timestamp * 1000 >= since_ms]
        return tuple(found[: min(limit, self.candle_offer.page)])

    async def watch_candles(self, trading_pair: str, interval: str) -> AsyncIterator[CandleUpdate]:
        async for state in self._watch((trading_pair, interval)):
            assert isinstance(state, CandleUpdate)
            yield state

    async def server_ms(self) -> int:
        return 0

    async def close(self) -> None:
        for stream in self.open_streams():
            stream.closed = True

    async def _answer(self, what: str, of: object) -> None:
        self.asked.append((what, of))
        if self.hold is not None:
            await self.hold.wait()
        if self.failure is not None:
            raise self.failure

    async def _watch(self, of: tuple[str, ...]) -> AsyncIterator[State]:
        stream = Stream(of)
        self.streams.append(stream)
        try:
            if self.stream_failure is not None:
                raise self.stream_failure
            while True:
                state = await stream.states.get()
                if isinstance(state, Exception):
                    raise state
                yield state
        finally:
            stream.closed = True


class FakeExchanges:
    """Gives the same fake market for each name, made when it is first asked for."""

    def __init__(self) -> None:
        self.markets: dict[str, FakeMarket] = {}
        self.unsupported: ExchangeError | None = None

    def market(self, connector: str) -> FakeMarket:
        if self.unsupported is not None:
            raise self.unsupported
        return self.markets.setdefault(connector, FakeMarket(connector))

    async def close(self) -> None:
        for market in self.markets.values():
            await market.close()
