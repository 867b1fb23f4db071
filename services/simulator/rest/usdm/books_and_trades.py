"""Order book and trades of futures. Source: "Market Data Endpoints" of Binance's USD-M futures documentation."""

from services.simulator.engine.events import Trade
from services.simulator.rest import refusals
from services.simulator.rest.figures import Figures, figures
from services.simulator.rest.instruments import known
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.public_trades import aggregate, asked_aggregates, trade
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
        "bids": text.levels(book.bids),
        "asks": text.levels(book.asks),
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
    return {**trade(row, text), "isRPITrade": False}


async def aggregate_trades(call: Call) -> Answer:
    """Answer the trades with the fills of a taker at a price as one."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    rows = await asked_aggregates(call, symbol, call.parameters.strict_limit(500, 1000))
    return [aggregate(row, figures(symbol)) for row in rows]


ROUTES = (
    Route("GET", "/fapi/v1/depth", depth, weight=_depth_weight),
    Route("GET", "/fapi/v1/trades", trades, weight=5),
    Route("GET", "/fapi/v1/historicalTrades", trades, Security.PUBLIC, weight=20),
    Route("GET", "/fapi/v1/aggTrades", aggregate_trades, weight=20),
)
