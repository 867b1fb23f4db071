"""Candles of contracts, mark price, index price and premium.

Source: "Market Data Endpoints" of Binance's USD-M futures documentation.
"""

import msgspec

from services.simulator.engine.symbol import Symbol
from services.simulator.engine.units import ONE
from services.simulator.rest import refusals
from services.simulator.rest.figures import amount
from services.simulator.rest.instruments import known
from services.simulator.rest.klines import close_times, interval_name, klines
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.routing import Answer, Call, Route

_MOST = 1500
#: Begin and last moment in ms, open, high, low and close in ticks.
_Candle = tuple[tuple[int, int], tuple[int, int, int, int]]


def _weight(parameters: Parameters) -> int:
    limit = parameters.integer("limit")
    limit = 500 if limit is None else limit
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10


async def contract_klines(call: Call) -> Answer:
    """Answer candles of a symbol."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    return await _klines(call, symbol)


async def continuous_klines(call: Call) -> Answer:
    """Answer candles of the perpetual contract of a pair."""
    symbol = _of_pair(call)
    kind = call.parameters.needed("contractType")
    if kind not in {"PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER", "TRADIFI_PERPETUAL"}:
        raise refusals.invalid_data("contractType")
    return await _klines(call, symbol) if kind == "PERPETUAL" else b"[]"


async def _klines(call: Call, symbol: Symbol) -> bytes:
    interval = interval_name(call.parameters, seconds=False)
    limit = call.parameters.strict_limit(500, _MOST)
    return await klines(call.exchange, symbol, interval, call.parameters, limit)


def _of_pair(call: Call) -> Symbol:
    return known(call.exchange, "usdm", call.parameters.needed("pair"))


async def mark_price_klines(call: Call) -> Answer:
    """Answer candles of the mark price, which follows the price of the contract."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    rows = [
        _row(times, tuple(amount(price * symbol.tick_unit) for price in prices))
        for times, prices in await _prices(call, symbol)
    ]
    return msgspec.json.encode(rows)


async def index_price_klines(call: Call) -> Answer:
    """Answer candles of the index price: the mark price less the premium at the candle's begin."""
    symbol = _of_pair(call)
    rows = []
    for times, prices in await _prices(call, symbol):
        mark, index = _mark_and_index(call, symbol, times[0])
        rows.append(_row(times, tuple(amount(price * symbol.tick_unit * index // mark) for price in prices)))
    return msgspec.json.encode(rows)


async def premium_klines(call: Call) -> Answer:
    """Answer candles of the premium: at a candle's begin and at its end."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    rows = []
    for times, _ in await _prices(call, symbol):
        opening, closing = _premium(call, symbol, times[0]), _premium(call, symbol, min(times[1], call.now))
        premiums = (opening, max(opening, closing), min(opening, closing), closing)
        rows.append(_row(times, tuple(amount(premium) for premium in premiums)))
    return msgspec.json.encode(rows)


def _mark_and_index(call: Call, symbol: Symbol, t_ms: int) -> tuple[int, int]:
    market = call.exchange.market
    return market.mark_price(symbol, t_ms), market.index_price(symbol, t_ms)


def _premium(call: Call, symbol: Symbol, t_ms: int) -> int:
    mark, index = _mark_and_index(call, symbol, t_ms)
    return (mark - index) * ONE // index


async def _prices(call: Call, symbol: Symbol) -> list[_Candle]:
    """Return begin and last moment of each candle with its four prices in ticks."""
    interval = interval_name(call.parameters, seconds=False)
    limit = call.parameters.strict_limit(500, _MOST)
    start, end = call.parameters.span()
    candles = await call.exchange.live.candles(symbol, interval, start_ms=start, end_ms=end, limit=limit)
    columns = (candles.open_time, close_times(candles, interval), *candles.columns()[1:5])
    return [
        ((row[0], row[1]), (row[2], row[3], row[4], row[5]))
        for row in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _row(times: tuple[int, int], prices: tuple[str, ...]) -> list[object]:
    return [times[0], *prices, "0", times[1], "0", 60, "0", "0", "0"]


ROUTES = (
    Route("GET", "/fapi/v1/klines", contract_klines, weight=_weight),
    Route("GET", "/fapi/v1/continuousKlines", continuous_klines, weight=_weight),
    Route("GET", "/fapi/v1/markPriceKlines", mark_price_klines, weight=_weight),
    Route("GET", "/fapi/v1/indexPriceKlines", index_price_klines, weight=_weight),
    Route("GET", "/fapi/v1/premiumIndexKlines", premium_klines, weight=_weight),
)
