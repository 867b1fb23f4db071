"""Order book and trades of futures. Source: "Market Data Endpoints" of Binance's USD-M futures documentation."""

from services.simulator.engine import refusal
from services.simulator.engine.events import Trade
from services.simulator.rest import refusals
from services.simulator.rest.aggregates import aggregates
from services.simulator.rest.figures import Figures, figures
from services.simulator.rest.instruments import known
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.routing import Answer, Call, Route, Security

_DEPTHS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}


def _depth_weight(parameters: Parameters) -> int:
    limit = parameters.integer("limit")
    return 10 if limit is None else _DEPTHS.get(limit, 1)


async def depth(call: Call) -> Answer:
    """Answer the best levels of the book."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    limit = call.parameters.integer("limit")
    if limit is not None and limit not in _DEPTHS:
        raise refusals.invalid_depth_limit(limit)
    book = call.exchange.usdm.depth(symbol.name, limit or 500)
    text = figures(symbol)
    return {
        "lastUpdateId": book.last_update_id,
        "E": call.now,
        "T": call.now,
        "bids": [(text.price(price), text.quantity(steps)) for price, steps in book.bids],
        "asks": [(text.price(price), text.quantity(steps)) for price, steps in book.asks],
    }


async def trades(call: Call) -> Answer:
    """Answer the last trades, or those from an id on."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    limit = call.parameters.strict_limit(500, 1000)
    rows = await call.exchange.live.trades(
        symbol, from_id=call.parameters.integer("fromId"), start_ms=None, end_ms=None, limit=limit
    )
    return [_trade(row, figures(symbol)) for row in rows]


def _trade(row: Trade, text: Figures) -> dict[str, object]:
    return {
        "id": row.trade_id,
        "price": text.price(row.price),
        "qty": text.quantity(row.quantity),
        "quoteQty": text.quote(row.quote),
        "time": row.time,
        "isBuyerMaker": row.buyer_is_maker,
        "isRPITrade": False,
    }


async def aggregate_trades(call: Call) -> Answer:
    """Answer the trades with the fills of a taker at a price as one."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    from_id, (start, end) = call.parameters.integer("fromId"), call.parameters.span()
    if from_id is not None and (start is not None or end is not None):
        raise refusal.bad_combination()
    limit = call.parameters.strict_limit(500, 1000)
    rows = await aggregates(call.exchange.live, symbol, from_id=from_id, start_ms=start, end_ms=end, limit=limit)
    text = figures(symbol)
    return [
        {
            "a": row.aggregate_id,
            "p": text.price(row.price),
            "q": text.quantity(row.quantity),
            "f": row.first_id,
            "l": row.last_id,
            "T": row.time,
            "m": row.buyer_is_maker,
        }
        for row in rows
    ]


ROUTES = (
    Route("GET", "/fapi/v1/depth", depth, weight=_depth_weight),
    Route("GET", "/fapi/v1/trades", trades, weight=5),
    Route("GET", "/fapi/v1/historicalTrades", trades, Security.PUBLIC, weight=20),
    Route("GET", "/fapi/v1/aggTrades", aggregate_trades, weight=20),
)
