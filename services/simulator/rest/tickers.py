"""Tickers as both venues tell them: what a span of time adds up to, and the best prices of a book."""

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

from services.simulator.engine.events import Trade
from services.simulator.engine.symbol import Symbol
from services.simulator.market.candles import Candle
from services.simulator.rest.figures import figures
from services.simulator.rest.ports import Exchange

DAY = 86_400_000
#: Seconds that are spent on tickers at a time.
_TURN = 0.005

#: Makes the ticker of a symbol.
Ticker = Callable[[Symbol], dict[str, object]]


async def each(symbols: Iterable[Symbol], ticker: Ticker) -> list[dict[str, object]]:
    """Return the ticker of each symbol; others have their turn in between, as hundreds of symbols take a while."""
    loop = asyncio.get_running_loop()
    answers, began = [], loop.time()
    for symbol in symbols:
        if loop.time() - began > _TURN:
            await asyncio.sleep(0)
            began = loop.time()
        answers.append(ticker(symbol))
    return answers


def looked_at(exchange: Exchange, symbol: Symbol, ticker: Ticker) -> dict[str, object]:
    """Return the ticker of a symbol that was asked for by name, which is quoted from now on for a while."""
    exchange.look(symbol.market, symbol.name)
    return ticker(symbol)


def percent(change: int, of: int) -> str:
    """Return a change in percent with three decimals, rounded half away from zero."""
    if not of:
        return "0.000"
    thousandths = (abs(change) * 200_000 + of) // (2 * of)
    sign = "-" if change < 0 and thousandths else ""
    return f"{sign}{thousandths // 1000}.{thousandths % 1000:03d}"


class Span(NamedTuple):
    """A span of time until now: its candle, the id of its first trade, and its last trade."""

    candle: Candle
    first_id: int
    last: Trade


def span(exchange: Exchange, symbol: Symbol, start: int) -> Span:
    """Return all since the full minute at or after `start` (ms)."""
    return Span(*exchange.live.window(symbol, start), exchange.live.newest_trade(symbol))


def change(symbol: Symbol, candle: Candle) -> dict[str, object]:
    """Return what the price did, in the fields that all full tickers have."""
    text = figures(symbol)
    return {
        "symbol": symbol.name,
        "priceChange": text.price(candle.close - candle.open),
        "priceChangePercent": percent(candle.close - candle.open, candle.open),
        "weightedAvgPrice": text.average(candle.quote_volume * symbol.quote_unit, candle.volume),
    }


def prices(symbol: Symbol, candle: Candle) -> dict[str, object]:
    """Return open, high, low and last price and the volumes."""
    text = figures(symbol)
    return {
        "openPrice": text.price(candle.open),
        "highPrice": text.price(candle.high),
        "lowPrice": text.price(candle.low),
        "lastPrice": text.price(candle.close),
        "volume": text.quantity(candle.volume),
        "quoteVolume": text.quote_of(candle.quote_volume),
    }


def counts(of: Span, now: int) -> dict[str, object]:
    """Return the times and the ids of the trades; the ids are -1 where nothing was traded.

    The last is the newest trade's own: a pair that was looked at for a part of the time has fewer trades than ids.
    """
    return {
        "openTime": of.candle.open_time,
        "closeTime": now,
        "firstId": of.first_id if of.candle.trades else -1,
        "lastId": of.last.trade_id if of.candle.trades else -1,
        "count": of.candle.trades,
    }


def best(exchange: Exchange, symbol: Symbol) -> dict[str, object]:
    """Return the best bid and ask, zeros for an empty side."""
    book = exchange.glance.top(symbol)
    text = figures(symbol)
    bid, ask = (book.bids or ((0, 0),))[0], (book.asks or ((0, 0),))[0]
    return {
        "bidPrice": text.price(bid[0]),
        "bidQty": text.quantity(bid[1]),
        "askPrice": text.price(ask[0]),
        "askQty": text.quantity(ask[1]),
    }


def last_price(exchange: Exchange, symbol: Symbol) -> str:
    """Return the last price."""
    return figures(symbol).price(exchange.glance.last_price(symbol))
