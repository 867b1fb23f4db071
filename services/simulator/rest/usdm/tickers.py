"""Tickers, mark price and funding. Source: "Market Data Endpoints" of Binance's USD-M futures documentation."""

from collections.abc import Callable

from services.simulator.engine.symbol import Symbol
from services.simulator.market.perpetual import next_funding_time
from services.simulator.market.trade_numbers import LISTED
from services.simulator.rest import tickers
from services.simulator.rest.figures import amount, figures
from services.simulator.rest.instruments import known
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.routing import Answer, Call, Route

_HOUR = 3_600_000
#: Interest of 0.01 % for each eight hours.
_INTEREST = "0.00010000"


async def _each(call: Call, one: tickers.Ticker) -> Answer:
    name = call.parameters.optional_symbol()
    if name is not None:
        return tickers.looked_at(call.exchange, known(call.exchange, "usdm", name), one)
    return await tickers.each(call.exchange.usdm.symbols.values(), one)


async def day_ticker(call: Call) -> Answer:
    """Answer the figures of the last 24 hours."""

    def ticker(symbol: Symbol) -> dict[str, object]:
        day = tickers.span(call.exchange, symbol, call.now - tickers.DAY)
        return {
            **tickers.change(symbol, day.candle),
            "lastPrice": figures(symbol).price(day.candle.close),
            "lastQty": figures(symbol).quantity(day.last.quantity),
            **tickers.prices(symbol, day.candle),
            **tickers.counts(day, call.now),
        }

    return await _each(call, ticker)


async def price(call: Call) -> Answer:
    """Answer last prices."""

    def ticker(symbol: Symbol) -> dict[str, object]:
        return {"symbol": symbol.name, "price": tickers.last_price(call.exchange, symbol), "time": call.now}

    return await _each(call, ticker)


async def book_ticker(call: Call) -> Answer:
    """Answer best bids and asks."""

    def ticker(symbol: Symbol) -> dict[str, object]:
        return {
            "symbol": symbol.name,
            **tickers.best(call.exchange, symbol),
            "time": call.now,
            "lastUpdateId": call.exchange.glance.top(symbol).last_update_id,
        }

    return await _each(call, ticker)


async def premium_index(call: Call) -> Answer:
    """Answer mark price, index price and the funding rate to be expected."""
    hours = call.exchange.funding_hours
    following = next_funding_time(call.now, hours)

    def one(symbol: Symbol) -> dict[str, object]:
        market = call.exchange.market
        index = amount(market.index_price(symbol, call.now))
        rate = market.funding_rate(symbol, following - hours * _HOUR, call.now, hours)
        return {
            "symbol": symbol.name,
            "markPrice": amount(call.exchange.glance.mark_price(symbol)),
            "indexPrice": index,
            "estimatedSettlePrice": index,
            "lastFundingRate": amount(rate),
            "interestRate": _INTEREST,
            "nextFundingTime": following,
            "time": call.now // 1000 * 1000,
        }

    return await _each(call, one)


async def open_interest(call: Call) -> Answer:
    """Answer how many contracts are held: what users hold, and what synthetic participants hold of each other."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    synthetic = call.exchange.market.open_interest(symbol, call.now)
    steps = synthetic + call.exchange.usdm.open_interest(symbol.name)
    return {"symbol": symbol.name, "openInterest": figures(symbol).quantity(steps), "time": call.now}


async def funding_rates(call: Call) -> Answer:
    """Answer the funding rates that were paid, of a symbol or of all, oldest first."""
    name = call.parameters.optional_symbol()
    symbols = [known(call.exchange, "usdm", name)] if name else list(call.exchange.usdm.symbols.values())
    start, end = call.parameters.span()
    limit = call.parameters.strict_limit(100, 1000)
    hours, market = call.exchange.funding_hours, call.exchange.market
    length = hours * _HOUR
    last = min(call.now if end is None else end, call.now) // length * length
    first = -(-max(start or 0, LISTED + length) // length) * length
    times = range(first, last + 1, length)
    # Those of one time together: with all symbols, a page may hold only a part of the last time's.
    per_time = -(-limit // len(symbols))
    chosen = times[:per_time] if start is not None else times[-per_time:]
    rows: list[dict[str, object]] = [
        {
            "symbol": symbol.name,
            "fundingTime": moment,
            "fundingRate": amount(market.funding_rate(symbol, moment - length, moment, hours)),
            "markPrice": amount(market.mark_price(symbol, moment)),
        }
        for moment in chosen
        for symbol in symbols
    ]
    return rows[:limit] if start is not None else rows[-limit:]


async def funding_intervals(call: Call) -> Answer:
    """Answer the symbols whose funding is not as usual: all, if the interval was set to another than eight hours."""
    hours = call.exchange.funding_hours
    if hours == 8:
        return b"[]"
    return [
        {
            "symbol": symbol.name,
            "adjustedFundingRateCap": "0.00750000",
            "adjustedFundingRateFloor": "-0.00750000",
            "fundingIntervalHours": hours,
            "disclaimer": False,
        }
        for symbol in call.exchange.usdm.symbols.values()
    ]


def _weight(one: int, everything: int) -> Callable[[Parameters], int]:
    return lambda parameters: one if "symbol" in parameters else everything


ROUTES = (
    Route("GET", "/fapi/v1/ticker/24hr", day_ticker, weight=_weight(1, 40)),
    Route("GET", "/fapi/v1/ticker/price", price, weight=_weight(1, 2)),
    Route("GET", "/fapi/v2/ticker/price", price, weight=_weight(1, 2)),
    Route("GET", "/fapi/v1/ticker/bookTicker", book_ticker, weight=_weight(2, 5)),
    Route("GET", "/fapi/v1/premiumIndex", premium_index, weight=_weight(1, 10)),
    Route("GET", "/fapi/v1/openInterest", open_interest),
    Route("GET", "/fapi/v1/fundingRate", funding_rates),
    Route("GET", "/fapi/v1/fundingInfo", funding_intervals, weight=0),
)
