"""Tickers as both venues tell them: what a span of time adds up to, and the best prices of a book."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from services.simulator.engine.symbol import Symbol
from services.simulator.market.candles import Candle
from services.simulator.rest.figures import figures
from services.simulator.rest.ports import Exchange

DAY = 86_400_000


async def each(
    symbols: Iterable[Symbol], ticker: Callable[[Symbol], Awaitable[dict[str, object]]]
) -> list[dict[str, object]]:
    """Return the ticker of each symbol; others have their turn in between, as hundreds of symbols take seconds."""
    answers = []
    for symbol in symbols:
        answers.append(await ticker(symbol))
        await asyncio.sleep(0)
    return answers


def percent(change: int, of: int) -> str:
    """Return a change in percent with three decimals, rounded half away from zero."""
    if not of:
        return "0.000"
    thousandths = (abs(change) * 200_000 + of) // (2 * of)
    sign = "-" if change < 0 and thousandths else ""
    return f"{sign}{thousandths // 1000}.{thousandths % 1000:03d}"


def span(exchange: Exchange, symbol: Symbol, start: int) -> tuple[Candle, int]:
    """Return the candle of all since the full minute at or after `start` (ms), and the id of its first trade."""
    return exchange.live.window(symbol, start)


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


def counts(candle: Candle, first_id: int, now: int) -> dict[str, object]:
    """Return the times and the ids of the trades; the ids are -1 where nothing was traded."""
    return {
        "openTime": candle.open_time,
        "closeTime": now,
        "firstId": first_id if candle.trades else -1,
        "lastId": first_id + candle.trades - 1 if candle.trades else -1,
        "count": candle.trades,
    }


def best(exchange: Exchange, symbol: Symbol) -> dict[str, object]:
    """Return the best bid and ask, zeros for an empty side."""
    engine = exchange.spot if symbol.market == "spot" else exchange.usdm
    book = engine.depth(symbol.name, 1)
    text = figures(symbol)
    bid, ask = (book.bids or ((0, 0),))[0], (book.asks or ((0, 0),))[0]
    return {
        "bidPrice": text.price(bid[0]),
        "bidQty": text.quantity(bid[1]),
        "askPrice": text.price(ask[0]),
        "askQty": text.quantity(ask[1]),
    }


def last_price(exchange: Exchange, symbol: Symbol) -> str:
    """Return the last price; of a pair that nobody has traded yet, where its market stands."""
    engine = exchange.spot if symbol.market == "spot" else exchange.usdm
    ticks = engine.last_price(symbol.name) or exchange.market.price(symbol, exchange.now_ms())
    return figures(symbol).price(ticks)


async def last_quantity(exchange: Exchange, symbol: Symbol) -> str:
    """Return the quantity of the last trade."""
    trades = await exchange.live.trades(symbol, from_id=None, start_ms=None, end_ms=None, limit=1)
    return figures(symbol).quantity(trades[-1].quantity if trades else 0)
