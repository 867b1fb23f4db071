"""Order book, trades, candles and average price. Source: "Market Data endpoints" of Binance's spot `rest-api.md`."""

from services.simulator.engine.events import Trade
from services.simulator.engine.units import ONE
from services.simulator.rest import refusals
from services.simulator.rest.figures import Figures, amount, figures
from services.simulator.rest.instruments import average, known
from services.simulator.rest.klines import interval_name
from services.simulator.rest.klines import klines as kline_answer
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.public_trades import aggregate, asked_aggregates, trade
from services.simulator.rest.routing import Answer, Call, Route, Security, names


def _depth_weight(parameters: Parameters) -> int:
    sent = parameters.decimal("limit") if "limit" in parameters else None
    if sent is None or sent <= 100:
        return 5
    return 25 if sent <= 500 else 50 if sent <= 1000 else 250


async def depth(call: Call) -> Answer:
    """Answer the best levels of the book."""
    symbol = known(call.exchange, "spot", call.parameters.symbol())
    limit = call.parameters.limit(100, 5000)
    book = call.exchange.spot.depth(symbol.name, limit)
    text = figures(symbol)
    return {
        "lastUpdateId": book.last_update_id,
        "bids": text.levels(book.bids),
        "asks": text.levels(book.asks),
    }


async def trades(call: Call) -> Answer:
    """Answer the last trades."""
    symbol = known(call.exchange, "spot", call.parameters.symbol())
    rows = await call.exchange.live.trades(
        symbol, from_id=None, start_ms=None, end_ms=None, limit=call.parameters.limit(500, 1000)
    )
    return [_trade(row, figures(symbol)) for row in rows]


async def historical_trades(call: Call) -> Answer:
    """Answer the trades from an id on."""
    symbol = known(call.exchange, "spot", call.parameters.symbol())
    rows = await call.exchange.live.trades(
        symbol,
        from_id=call.parameters.integer("fromId"),
        start_ms=None,
        end_ms=None,
        limit=call.parameters.limit(500, 1000),
    )
    return [_trade(row, figures(symbol)) for row in rows]


def _trade(row: Trade, text: Figures) -> dict[str, object]:
    return {**trade(row, text), "isBestMatch": True}


async def aggregate_trades(call: Call) -> Answer:
    """Answer the trades with the fills of a taker at a price as one."""
    symbol = known(call.exchange, "spot", call.parameters.symbol())
    rows = await asked_aggregates(call, symbol, call.parameters.limit(500, 1000))
    return [{**aggregate(row, figures(symbol)), "M": True} for row in rows]


async def klines(call: Call) -> Answer:
    """Answer candles."""
    symbol = known(call.exchange, "spot", call.parameters.symbol())
    interval = interval_name(call.parameters, seconds=True)
    if call.parameters.text("timeZone") not in {None, "0", "00:00", "+00:00", "-0", "+0"}:
        raise refusals.invalid_data("timeZone")  # days begin at midnight UTC here
    return await kline_answer(call.exchange, symbol, interval, call.parameters, call.parameters.limit(500, 1000))


async def average_price(call: Call) -> Answer:
    """Answer the average price of the last minutes."""
    symbol = known(call.exchange, "spot", call.parameters.symbol())
    quote, base = average(call.exchange, symbol, call.now)
    return {"mins": symbol.average_minutes, "price": amount(quote * ONE // base), "closeTime": call.now}


_KLINES = names("symbol", "interval", "startTime", "endTime", "timeZone", "limit")
ROUTES = (
    Route("GET", "/api/v3/depth", depth, weight=_depth_weight, names=names("symbol", "limit")),
    Route("GET", "/api/v3/trades", trades, weight=25, names=names("symbol", "limit")),
    Route(
        "GET",
        "/api/v3/historicalTrades",
        historical_trades,
        Security.PUBLIC,
        weight=25,
        names=names("symbol", "limit", "fromId"),
    ),
    Route(
        "GET",
        "/api/v3/aggTrades",
        aggregate_trades,
        weight=4,
        names=names("symbol", "fromId", "startTime", "endTime", "limit"),
    ),
    Route("GET", "/api/v3/klines", klines, weight=2, names=_KLINES),
    Route("GET", "/api/v3/uiKlines", klines, weight=2, names=_KLINES),
    Route("GET", "/api/v3/avgPrice", average_price, weight=2, names=names("symbol")),
)
