"""What moves on Binance's markets, over few sockets and without ccxt's structures: books, tickers, trades,
candles, funding.

Source: "WebSocket Streams" of Binance's spot documentation and "Websocket Market Streams" of its USD-M futures
documentation.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Literal

import msgspec

from shared.contracts.marketdata.funding import LiveFunding
from shared.contracts.marketdata.tickers import LiveTicker
from shared.contracts.marketdata.trades import MarketTrade
from shared.exchanges.binance_books import Ask, Snapshots, kept_book
from shared.exchanges.binance_streams import BinanceStreams, Messages
from shared.exchanges.book_sync import BookSync, Kind
from shared.exchanges.candles import BinanceKline, update_of_binance
from shared.exchanges.clients import Blueprint
from shared.exchanges.errors import ExchangeDown
from shared.exchanges.interface import CandleUpdate
from shared.exchanges.local_book import LocalBook
from shared.exchanges.merging import merged
from shared.exchanges.unanswered import Unanswered

#: Snapshots that are asked for at a time.
AT_A_TIME = 8


class _Top(msgspec.Struct, frozen=True):
    """`bookTicker`."""

    symbol: str = msgspec.field(name="s")
    bid: str = msgspec.field(name="b")
    bid_amount: str = msgspec.field(name="B")
    ask: str = msgspec.field(name="a")
    ask_amount: str = msgspec.field(name="A")
    event_ms: int = msgspec.field(name="E", default=0)


class _Day(msgspec.Struct, frozen=True):
    """`24hrMiniTicker`."""

    symbol: str = msgspec.field(name="s")
    last: str = msgspec.field(name="c")
    event_ms: int = msgspec.field(name="E")


class _Trade(msgspec.Struct, frozen=True):
    """`trade`; the buyer rested in the book (`is_maker`) when the taker sold."""

    trade_id: int = msgspec.field(name="t")
    traded_ms: int = msgspec.field(name="T")
    price: str = msgspec.field(name="p")
    amount: str = msgspec.field(name="q")
    buyer_rested: bool = msgspec.field(name="m")


class _Kline(msgspec.Struct, frozen=True):
    """`kline`."""

    kline: BinanceKline = msgspec.field(name="k")


class _MarkPrice(msgspec.Struct, frozen=True):
    """`markPriceUpdate`."""

    event_ms: int = msgspec.field(name="E")
    mark: str = msgspec.field(name="p")
    index: str = msgspec.field(name="i")
    rate: str = msgspec.field(name="r")
    next_ms: int = msgspec.field(name="T")


class _Kind(msgspec.Struct, frozen=True):
    """What an event says it is; that of a spot book's top says nothing."""

    event: str = msgspec.field(name="e", default="bookTicker")


_top = msgspec.json.Decoder(_Top).decode
_day = msgspec.json.Decoder(_Day).decode
_trade = msgspec.json.Decoder(_Trade).decode
_mark_price = msgspec.json.Decoder(_MarkPrice).decode
_kline = msgspec.json.Decoder(_Kline).decode
_kind = msgspec.json.Decoder(_Kind).decode


class BinanceMarket:
    """The streams of one venue of Binance, or of one that speaks as it does.

    Args:
        connector: our name of it.
        kind: `spot` or `swap`.
        url: of its sockets, ending in `/ws`, as ccxt has it.
    """

    def __init__(self, connector: str, kind: Kind, url: str) -> None:
        self._connector = connector
        self._kind: Kind = kind
        base = url.removesuffix("/ws")
        # Futures have the sockets of books and trades apart from the others.
        public, market = ("/public", "/market") if kind == "swap" else ("", "")
        self._fast = BinanceStreams(connector, f"{base}{public}/stream")
        self._slow = BinanceStreams(connector, f"{base}{market}/stream") if kind == "swap" else self._fast
        self._places = asyncio.Semaphore(AT_A_TIME)

    @property
    def sockets(self) -> int:
        """How many sockets there are."""
        return self._fast.sockets + (self._slow.sockets if self._slow is not self._fast else 0)

    async def close(self) -> None:
        """Close all sockets."""
        await self._fast.close()
        await self._slow.close()

    def book(self, pair: str, symbol: str, ask: Ask, wanted: Callable[[], int]) -> AsyncGenerator[LocalBook, None]:
        """Follow the book of a pair: the same object after each change of it, with `wanted()` levels or more.

        Raises:
            ExchangeError: when the stream breaks.
        """
        sync = BookSync(LocalBook(self._connector, pair), self._kind)
        following = self._fast.follow((f"{symbol.lower()}@depth@100ms",))
        return kept_book(sync, following, Snapshots(ask, self._places), wanted)

    async def tickers(self, symbols: Mapping[str, str]) -> AsyncGenerator[LiveTicker, None]:
        """Follow the tops of books, and the last prices; `symbols`: Binance's names by ours.

        A pair comes with the first top that is told of it: without one it would look as if its book was empty.

        Raises:
            ExchangeError: when the stream breaks.
        """
        pairs = {symbol: pair for pair, symbol in symbols.items()}
        lowered = [symbol.lower() for symbol in pairs]
        tops: dict[str, _Top] = {}
        lasts = dict.fromkeys(pairs, "0")
        async with aclosing(self._tops_and_days(lowered)) as brought:
            async for messages in brought:
                changed: dict[str, int] = {}
                for message in messages:
                    if _kind(message).event == "bookTicker":
                        top = _top(message)
                        tops[top.symbol] = top
                        changed[top.symbol] = top.event_ms
                    else:
                        day = _day(message)
                        lasts[day.symbol] = day.last
                        changed[day.symbol] = day.event_ms
                now = time.time()
                for symbol, event_ms in changed.items():
                    if symbol not in tops:
                        continue
                    top = tops[symbol]
                    yield LiveTicker(
                        self._connector, pairs[symbol],
                        float(top.bid), float(top.bid_amount), float(top.ask), float(top.ask_amount),
                        float(lasts[symbol]), event_ms / 1000 if event_ms else now,
                    )  # fmt: skip

    async def _tops_and_days(self, symbols: list[str]) -> AsyncGenerator[Messages, None]:
        tops, days = ([f"{symbol}@{what}" for symbol in symbols] for what in ("bookTicker", "miniTicker"))
        if self._fast is self._slow:
            async with aclosing(self._fast.follow(tops + days)) as both:
                async for messages in both:
                    yield messages
            return
        async with (
            aclosing(self._fast.follow(tops)) as fast,
            aclosing(self._slow.follow(days)) as slow,
            aclosing(merged(self._connector, {"tops": fast.__anext__, "days": slow.__anext__})) as brought,
        ):
            async for _, messages in brought:
                yield messages

    async def trades(self, symbol: str) -> AsyncGenerator[tuple[MarketTrade, ...], None]:
        """Follow the trades of a pair; nothing when the stream stands, then those since the last time.

        Raises:
            ExchangeError: when the stream breaks.
        """
        async with aclosing(self._fast.follow((f"{symbol.lower()}@trade",))) as brought:
            async for messages in brought:
                yield tuple([_market_trade(_trade(message)) for message in messages])

    async def funding(self, pair: str, symbol: str) -> AsyncGenerator[LiveFunding, None]:
        """Follow the funding of a perpetual.

        Raises:
            ExchangeError: when the stream breaks.
        """
        async with aclosing(self._slow.follow((f"{symbol.lower()}@markPrice@1s",))) as brought:
            async for messages in brought:
                if messages:
                    told = _mark_price(messages[-1])
                    yield LiveFunding(
                        self._connector, pair, float(told.rate or 0), told.next_ms / 1000, float(told.mark),
                        float(told.index), told.event_ms / 1000,
                    )  # fmt: skip

    async def candles(self, symbol: str, interval: str) -> AsyncGenerator[CandleUpdate, None]:
        """Follow the candles of a pair.

        Raises:
            ExchangeError: when the stream breaks, or brings what is no candle.
        """
        async with aclosing(self._slow.follow((f"{symbol.lower()}@kline_{interval}",))) as brought:
            async for messages in brought:
                try:
                    updates = [update_of_binance(_kline(message).kline) for message in messages]
                except (ValueError, TypeError, Unanswered):
                    raise ExchangeDown(f"{self._connector} sent a candle that cannot be read") from None
                for update in updates:
                    yield update


def _market_trade(told: _Trade) -> MarketTrade:
    side: Literal["buy", "sell"] = "sell" if told.buyer_rested else "buy"
    return MarketTrade(told.traded_ms / 1000, float(told.price), float(told.amount), side, str(told.trade_id))


def binance_market(blueprint: Blueprint, client: Any) -> BinanceMarket | None:
    """Return the streams of a connector that speaks as Binance does, None for others. `client`: ccxt's object."""
    if blueprint.ccxt_id != "binance" or blueprint.kind not in ("spot", "swap"):
        return None
    sockets = client.urls["api"]["ws"]
    if blueprint.kind == "spot":
        return BinanceMarket(blueprint.connector.name, "spot", sockets["spot"])
    return BinanceMarket(blueprint.connector.name, "swap", sockets["future"])
