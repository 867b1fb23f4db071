"""The tickers of spot. Source: "Market Data endpoints" of Binance's spot `rest-api.md`."""

import re
from collections.abc import Sequence

from services.simulator.engine import refusal
from services.simulator.engine.symbol import Symbol
from services.simulator.rest import refusals, tickers
from services.simulator.rest.figures import figures
from services.simulator.rest.instruments import known
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.routing import Answer, Call, Route, names

_is_window = re.compile(r"([1-9][0-9]?)([mhd])").fullmatch
_WINDOWS = {"m": (60_000, 59), "h": (3_600_000, 23), "d": (tickers.DAY, 7)}


def _chosen(call: Call, *, needed: bool = False) -> tuple[Sequence[Symbol], bool]:
    """Return the symbols that are asked for, and whether it is a single one, to be answered without a list."""
    one, several = call.parameters.optional_symbol(), call.parameters.symbols()
    if one is not None and several is not None:
        raise refusal.bad_combination()
    if needed and one is None and several is None:
        raise refusals.either("symbol", "symbols")
    status = call.parameters.text("symbolStatus")
    if status not in {None, "TRADING", "HALT", "BREAK"}:
        raise refusal.Refusal(-1122, "Invalid symbolStatus.")
    if one is not None:
        return [known(call.exchange, "spot", one)], True
    if several is not None:
        return [known(call.exchange, "spot", name) for name in several], False
    return list(call.exchange.spot.symbols.values()) if status in {None, "TRADING"} else [], False


async def _each(
    call: Call, ticker: tickers.Ticker, *, needed: bool = False
) -> dict[str, object] | list[dict[str, object]]:
    symbols, single = _chosen(call, needed=needed)
    return tickers.looked_at(call.exchange, symbols[0], ticker) if single else await tickers.each(symbols, ticker)


def _is_mini(call: Call) -> bool:
    kind = call.parameters.text("type")
    if kind not in {None, "FULL", "MINI"}:
        raise refusal.Refusal(-1139, "Invalid ticker type.")
    return kind == "MINI"


async def day_ticker(call: Call) -> Answer:
    """Answer the figures of the last 24 hours."""
    mini = _is_mini(call)

    def ticker(symbol: Symbol) -> dict[str, object]:
        day = tickers.span(call.exchange, symbol, call.now - tickers.DAY)
        prices, counts = tickers.prices(symbol, day.candle), tickers.counts(day, call.now)
        if mini:
            return _mini(symbol, prices, counts)
        text = figures(symbol)
        return {
            **tickers.change(symbol, day.candle),
            "prevClosePrice": text.price(day.candle.open),
            "lastPrice": text.price(day.candle.close),
            "lastQty": text.quantity(day.last.quantity),
            **tickers.best(call.exchange, symbol),
            **prices,
            **counts,
        }

    return await _each(call, ticker)


def _mini(symbol: Symbol, prices: dict[str, object], counts: dict[str, object]) -> dict[str, object]:
    return {"symbol": symbol.name, **prices, **counts}


async def _since(call: Call, start: int) -> Answer:
    mini = _is_mini(call)

    def ticker(symbol: Symbol) -> dict[str, object]:
        since = tickers.span(call.exchange, symbol, start)
        prices, counts = tickers.prices(symbol, since.candle), tickers.counts(since, call.now)
        return _mini(symbol, prices, counts) if mini else {**tickers.change(symbol, since.candle), **prices, **counts}

    return await _each(call, ticker, needed=True)


async def trading_day(call: Call) -> Answer:
    """Answer the figures since midnight, UTC."""
    if call.parameters.text("timeZone") not in {None, "0", "00:00", "+00:00", "-0", "+0"}:
        raise refusals.invalid_data("timeZone")
    return await _since(call, call.now // tickers.DAY * tickers.DAY)


async def rolling(call: Call) -> Answer:
    """Answer the figures of a window that ends now and begins at a full minute."""
    window = call.parameters.text("windowSize") or "1d"
    parts = _is_window(window)
    length, most = _WINDOWS[parts[2]] if parts else (0, 0)
    if parts is None or int(parts[1]) > most:
        raise refusals.invalid_data("windowSize")
    return await _since(call, (call.now - int(parts[1]) * length) // 60_000 * 60_000)


async def price(call: Call) -> Answer:
    """Answer last prices."""

    def ticker(symbol: Symbol) -> dict[str, object]:
        return {"symbol": symbol.name, "price": tickers.last_price(call.exchange, symbol)}

    return await _each(call, ticker)


async def book_ticker(call: Call) -> Answer:
    """Answer best bids and asks."""

    def ticker(symbol: Symbol) -> dict[str, object]:
        return {"symbol": symbol.name, **tickers.best(call.exchange, symbol)}

    return await _each(call, ticker)


def _count(parameters: Parameters) -> int:
    """Return how many symbols are asked for, 1000 for all."""
    if "symbol" in parameters:
        return 1
    several = parameters.symbols()
    return 1000 if several is None else len(several)


def _day_weight(parameters: Parameters) -> int:
    count = _count(parameters)
    return 2 if count <= 20 else 40 if count <= 100 else 80


def _rolling_weight(parameters: Parameters) -> int:
    return min(200, 4 * _count(parameters))


def _small_weight(parameters: Parameters) -> int:
    return 2 if "symbol" in parameters else 4


ROUTES = (
    Route(
        "GET",
        "/api/v3/ticker/24hr",
        day_ticker,
        weight=_day_weight,
        names=names("symbol", "symbols", "type", "symbolStatus"),
    ),
    Route(
        "GET",
        "/api/v3/ticker/tradingDay",
        trading_day,
        weight=_rolling_weight,
        names=names("symbol", "symbols", "timeZone", "type", "symbolStatus"),
    ),
    Route(
        "GET",
        "/api/v3/ticker",
        rolling,
        weight=_rolling_weight,
        names=names("symbol", "symbols", "windowSize", "type", "symbolStatus"),
    ),
    Route(
        "GET",
        "/api/v3/ticker/price",
        price,
        weight=_small_weight,
        names=names("symbol", "symbols", "symbolStatus"),
    ),
    Route(
        "GET",
        "/api/v3/ticker/bookTicker",
        book_ticker,
        weight=_small_weight,
        names=names("symbol", "symbols", "symbolStatus"),
    ),
)
