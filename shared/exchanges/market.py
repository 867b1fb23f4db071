"""One exchange without keys, for everybody in the process."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from decimal import Decimal
from typing import Any

from shared.contracts.marketdata.books import LiveBook
from shared.contracts.marketdata.candles import Candle
from shared.contracts.marketdata.funding import LiveFunding
from shared.contracts.marketdata.rules import TradingRule
from shared.contracts.marketdata.tickers import LiveTicker
from shared.contracts.marketdata.trades import MarketTrade
from shared.contracts.portfolio.orders import OrderType
from shared.exchanges.asking import Asking
from shared.exchanges.binance_market import BinanceMarket, binance_market
from shared.exchanges.book_depths import depth_to_ask
from shared.exchanges.book_sync import Snapshot
from shared.exchanges.candles import asked_candles, offer_of
from shared.exchanges.circuit import Circuit
from shared.exchanges.clients import Blueprint
from shared.exchanges.clock import Clock
from shared.exchanges.errors import Refused, Unsupported
from shared.exchanges.funding import funding_of, polled
from shared.exchanges.interface import BookState, CandleOffer, CandleUpdate, DayTicker, few_levels
from shared.exchanges.live_candles import watched_candles
from shared.exchanges.live_prices import book_of, day_ticker_of, streamed, ticker_of
from shared.exchanges.live_tickers import watched_tickers
from shared.exchanges.live_trades import watched_trades
from shared.exchanges.market_load import load
from shared.exchanges.pair_names import is_active, markets_by_pair
from shared.exchanges.rate_limits import Budget, Limit
from shared.exchanges.recent_trades import recent_trades
from shared.exchanges.shared_clients import SharedClients
from shared.exchanges.trading_rules import exact, rule_of
from shared.exchanges.traffic import QUESTION, Patience, Traffic
from shared.exchanges.whole_book import WholeBook
from shared.tasks import end_task

_logger = logging.getLogger(__name__)

#: Seconds after which the markets are loaded again, in the background.
RENEWAL = 3600.0
#: Seconds after which it is tried again, while the old ones serve.
_AGAIN = 60.0


class CcxtMarket:
    """A connector's market (see `shared.exchanges.interface.Market`)."""

    def __init__(self, blueprint: Blueprint, address: Budget) -> None:
        self.blueprint = blueprint
        self.address = address
        self.circuit = Circuit(blueprint.connector.name)
        self.clock = Clock()
        self._traffic = Traffic(blueprint.connector.name, address, Budget(()))
        self._asking = Asking(self.circuit)
        self._client = blueprint.observer(self._traffic)
        self._candles = offer_of(blueprint.connector, self._client)
        self.shared_clients = SharedClients(self.streaming_client)
        self._binance: BinanceMarket | None = binance_market(blueprint, self._client)
        self._loading: asyncio.Task[None] | None = None
        self._renewed_from = 0.0
        #: Grows with each load, so that accounts see that theirs are old.
        self.generation = 0
        self._rules: dict[str, TradingRule] = {}
        self._markets: dict[str, Mapping[str, Any]] = {}
        self._pairs: dict[str, str] = {}

    @property
    def connector(self) -> str:
        return self.blueprint.connector.name

    async def rules(self) -> dict[str, TradingRule]:
        await self.ready()
        return self._rules

    def rule(self, trading_pair: str) -> TradingRule | None:
        """Return the rule of a pair by what is loaded; None where it is not."""
        return self._rules.get(trading_pair)

    def order_types(self) -> tuple[OrderType, ...]:
        return tuple(kind for kind in OrderType if kind in self.blueprint.connector.order_types)

    async def fetch_book(self, trading_pair: str, depth: int) -> LiveBook:
        symbol = await self.symbol(trading_pair)
        limit = depth_to_ask(self.blueprint.ccxt_id, depth)
        size = self.contract_size(trading_pair)

        async def ask() -> LiveBook:
            book = await self._client.fetch_order_book(symbol, limit)
            return book_of(self.connector, trading_pair, book, size)

        return await self._asking.question(ask)

    async def fetch_tickers(self, trading_pairs: tuple[str, ...] | None = None) -> dict[str, LiveTicker]:
        await self.ready()
        symbols = None if trading_pairs is None else [await self.symbol(pair) for pair in trading_pairs]
        if symbols == []:
            return {}

        async def ask() -> dict[str, LiveTicker]:
            told = await self._tickers(symbols)
            paired = ((self._pairs.get(symbol), ticker) for symbol, ticker in told.items())
            return {
                pair: ticker_of(self.connector, pair, ticker, self.contract_size(pair))
                for pair, ticker in paired
                if pair
            }

        return await self._asking.question(ask)

    async def _tickers(self, symbols: list[str] | None) -> dict[str, Any]:
        if symbols is not None and len(symbols) == 1:
            found = {symbols[0]: await self._client.fetch_ticker(symbols[0])}
        else:
            found = dict(await self._client.fetch_tickers(symbols))
        if any(one.get("bid") is None for one in found.values()) and self._client.has.get("fetchBidsAsks"):
            # Binance's futures tickers of a day have no top of the book.
            for symbol, top in (await self._client.fetch_bids_asks(symbols)).items():
                if symbol in found:
                    sides = {name: top.get(name) for name in ("bid", "bidVolume", "ask", "askVolume")}
                    found[symbol] = {**found[symbol], **sides}
        return found

    async def fetch_day_tickers(self) -> dict[str, DayTicker]:
        await self.ready()

        async def ask() -> dict[str, DayTicker]:
            told = await self._tickers(None)
            paired = ((self._pairs.get(symbol), ticker) for symbol, ticker in told.items())
            return {
                pair: day_ticker_of(self.connector, pair, ticker, self.contract_size(pair))
                for pair, ticker in paired
                if pair
            }

        return await self._asking.question(ask)

    async def fetch_funding(self, trading_pair: str) -> LiveFunding:
        symbol = await self._perpetual(trading_pair)

        async def ask() -> LiveFunding:
            return funding_of(self.connector, trading_pair, await self._client.fetch_funding_rate(symbol))

        return await self._asking.question(ask)

    async def watch_book(self, trading_pair: str, wanted: Callable[[], int] = few_levels) -> AsyncIterator[BookState]:
        symbol = await self.symbol(trading_pair)
        if self._binance is not None:
            name = str(self._markets[trading_pair]["id"])

            async def ask(levels: int) -> Snapshot:
                return await self._snapshot(symbol, levels)

            async with aclosing(self._binance.book(trading_pair, name, ask, wanted)) as states:
                async for state in states:
                    yield state
            return
        size = self.contract_size(trading_pair)
        async with aclosing(streamed(self, lambda client: client.watch_order_book(symbol), "watchOrderBook")) as books:
            async for book in books:
                yield WholeBook(book_of(self.connector, trading_pair, book, size), int(book.get("nonce") or 0))

    async def watch_trades(self, trading_pair: str) -> AsyncIterator[tuple[MarketTrade, ...]]:
        symbol = await self.symbol(trading_pair)
        if self._binance is not None:
            brought = self._binance.trades(str(self._markets[trading_pair]["id"]))
        else:
            brought = watched_trades(self, symbol, self.contract_size(trading_pair))
        async with aclosing(brought) as trades:
            async for some in trades:
                yield some

    async def fetch_trades(self, trading_pair: str, patience: Patience = QUESTION) -> tuple[MarketTrade, ...]:
        await self.symbol(trading_pair)
        market, size = self._markets[trading_pair], self.contract_size(trading_pair)
        return await self._asking.question(lambda: recent_trades(self._client, market, size), patience)

    async def watch_funding(self, trading_pair: str) -> AsyncIterator[LiveFunding]:
        await self._perpetual(trading_pair)
        if self._binance is not None:
            brought = self._binance.funding(trading_pair, str(self._markets[trading_pair]["id"]))
        else:
            brought = polled(lambda: self.fetch_funding(trading_pair))
        async with aclosing(brought) as states:
            async for state in states:
                yield state

    async def _perpetual(self, trading_pair: str) -> str:
        if self.blueprint.kind != "swap":
            raise Unsupported("there is no funding on a spot market")
        return await self.symbol(trading_pair)

    async def _snapshot(self, symbol: str, levels: int) -> Snapshot:
        async def ask() -> Snapshot:
            book = await self._client.fetch_order_book(symbol, levels)
            bids, asks = ([(float(level[0]), float(level[1])) for level in book[side]] for side in ("bids", "asks"))
            return Snapshot(tuple(bids), tuple(asks), int(book["nonce"]), levels)

        return await self._asking.question(ask)

    async def watch_tickers(self, trading_pairs: tuple[str, ...]) -> AsyncIterator[LiveTicker]:
        symbols = {await self.symbol(pair): pair for pair in trading_pairs}
        if self._binance is not None:
            names = {pair: str(self._markets[pair]["id"]) for pair in trading_pairs}
            async with aclosing(self._binance.tickers(names)) as brought:
                async for ticker in brought:
                    yield ticker
            return
        sizes = {pair: self.contract_size(pair) for pair in trading_pairs}
        async with aclosing(watched_tickers(self, symbols, sizes)) as tickers:
            async for ticker in tickers:
                yield ticker

    def candles(self) -> CandleOffer:
        return self._candles

    async def fetch_candles(
        self, trading_pair: str, interval: str, since_ms: int, limit: int, patience: Patience = QUESTION
    ) -> tuple[Candle, ...]:
        symbol = await self.symbol(trading_pair)
        connector = self.blueprint.connector

        async def ask() -> tuple[Candle, ...]:
            most = min(limit, self._candles.page)
            told = await asked_candles(self._client, connector, symbol, interval, since_ms=since_ms, limit=most)
            return tuple(candle for candle in told if candle.timestamp * 1000 >= since_ms)

        return await self._asking.question(ask, patience)

    async def watch_candles(self, trading_pair: str, interval: str) -> AsyncIterator[CandleUpdate]:
        symbol = await self.symbol(trading_pair)
        if self._binance is not None:
            brought = self._binance.candles(str(self._markets[trading_pair]["id"]), interval)
        else:
            brought = watched_candles(self, symbol, interval)
        async with aclosing(brought) as updates:
            async for update in updates:
                yield update

    async def server_ms(self) -> int:
        if not self._client.has.get("fetchTime"):
            return int(time.time() * 1000)
        # With the markets come the limits that hold there, which a question counts against.
        await self.ready()

        async def ask() -> int:
            return int(await self._client.fetch_time())

        return await self._asking.question(ask)

    async def close(self) -> None:
        if self._loading is not None:
            await end_task(self._loading)
        if self._binance is not None:
            await self._binance.close()
        await self._client.close()

    # For the accounts over this market

    async def ready(self) -> None:
        """Return when markets are loaded; have them renewed in the background when they are old.

        Raises:
            ExchangeError: if they could not be loaded.
        """
        if self.generation and time.monotonic() < self._renewed_from:
            return
        if self._loading is None or self._loading.done():
            self._renewed_from = time.monotonic() + _AGAIN
            self._loading = asyncio.create_task(self._load(), name=f"markets of {self.connector}")
            self._loading.add_done_callback(self._look_at)
        if not self.generation:
            # Others wait for the same load, so one who gives up does not end it.
            await asyncio.shield(self._loading)

    async def symbol(self, trading_pair: str) -> str:
        """Return ccxt's name of a pair.

        Raises:
            Refused: if the exchange has no such pair.
        """
        await self.ready()
        market = self._markets.get(trading_pair)
        if market is None:
            raise Refused(f"{self.connector} has no pair {trading_pair}")
        return str(market["symbol"])

    def pair(self, symbol: str) -> str | None:
        """Return our name of a market, None for one that the connector does not offer."""
        return self._pairs.get(symbol)

    def contract_size(self, trading_pair: str) -> Decimal:
        """Return how many base units the exchange's unit of amounts is."""
        return exact(self._markets[trading_pair].get("contractSize")) or Decimal(1)

    @property
    def order_limits(self) -> tuple[Limit, ...]:
        """How many new orders an account may send, as the exchange tells with its markets; empty: it does not."""
        return self._traffic.orders.limits

    def lend_markets(self, client: Any) -> None:
        """Give an object of ccxt's the markets, so that it loads none itself."""
        client.set_markets_from_exchange(self._client)

    def streaming_client(self) -> Any:
        """Return an object without keys for one stream, to be closed with it."""
        client = self.blueprint.observer(self._traffic)
        self.lend_markets(client)
        return client

    async def know_clock(self) -> None:
        """Measure the offset of the exchange's clock where that was not done lately."""
        if not self.clock.is_known and self._client.has.get("fetchTime"):
            await self.clock.measure(self.server_ms)

    async def _load(self) -> None:
        async def ask() -> None:
            loaded = await load(self.blueprint, self._traffic)
            markets = dict(markets_by_pair(loaded.markets.values(), self.blueprint.kind))
            types = self.order_types()
            active = {pair: market for pair, market in markets.items() if is_active(market)}
            self._rules = {pair: rule_of(market, loaded.precisionMode, types) for pair, market in active.items()}
            self._client.set_markets_from_exchange(loaded)
            self._markets = markets
            self._pairs = {market["symbol"]: pair for pair, market in markets.items()}

        await self._asking.question(ask)
        self._renewed_from = time.monotonic() + RENEWAL
        self.generation += 1

    def _look_at(self, task: "asyncio.Task[None]") -> None:
        """Tell of a load that failed; those who waited for it have got its error too."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _logger.warning("markets of %s not loaded: %s", self.connector, error)
