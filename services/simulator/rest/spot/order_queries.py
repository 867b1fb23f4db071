"""Spot orders and trades of an account. Source: "Account endpoints" of Binance's spot `rest-api.md`."""

from services.simulator.asked_rows import Window
from services.simulator.rest import refusals
from services.simulator.rest.asked_orders import asked_fills, asked_order
from services.simulator.rest.instruments import known
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.routing import Answer, Call, Route, Security, names
from services.simulator.rest.spot import order_answers

_DAY = 86_400_000


def _span_of_a_day(parameters: Parameters) -> tuple[int | None, int | None]:
    start, end = parameters.span()
    if start is not None and end is not None and end - start > _DAY:
        raise refusals.too_many_hours(24)
    return start, end


async def one(call: Call) -> Answer:
    """Answer an order, open or ended."""
    symbol = known(call.exchange, "spot", call.parameters.symbol())
    return order_answers.status(symbol, await asked_order(call, symbol))


async def open_ones(call: Call) -> Answer:
    """Answer the open orders, on a symbol or on all."""
    engine = call.exchange.spot
    rows = engine.open_orders(call.owner, call.parameters.optional_symbol())
    symbols = engine.symbols
    return [order_answers.status(symbols[row.symbol], row) for row in rows]


async def all_ones(call: Call) -> Answer:
    """Answer the orders on a symbol, open and ended."""
    symbol = known(call.exchange, "spot", call.parameters.symbol())
    start, end = _span_of_a_day(call.parameters)
    window = Window(call.parameters.integer("orderId"), start, end, call.parameters.limit(500, 1000))
    rows = await call.exchange.history.orders("spot", call.owner, symbol.name, window)
    return [order_answers.status(symbol, row) for row in rows]


async def trades(call: Call) -> Answer:
    """Answer the account's trades on a symbol."""
    symbol = known(call.exchange, "spot", call.parameters.symbol())
    rows = await asked_fills(call, symbol, _span_of_a_day(call.parameters), call.parameters.limit(500, 1000))
    return [order_answers.fill(symbol, row) for row in rows]


def _open_weight(parameters: Parameters) -> int:
    return 6 if "symbol" in parameters else 80


ROUTES = (
    Route(
        "GET",
        "/api/v3/order",
        one,
        Security.SIGNED,
        weight=4,
        names=names("symbol", "orderId", "origClientOrderId"),
    ),
    Route("GET", "/api/v3/openOrders", open_ones, Security.SIGNED, weight=_open_weight, names=names("symbol")),
    Route(
        "GET",
        "/api/v3/allOrders",
        all_ones,
        Security.SIGNED,
        weight=20,
        names=names("symbol", "orderId", "startTime", "endTime", "limit"),
    ),
    Route(
        "GET",
        "/api/v3/myTrades",
        trades,
        Security.SIGNED,
        weight=20,
        names=names("symbol", "orderId", "startTime", "endTime", "fromId", "limit"),
    ),
)
