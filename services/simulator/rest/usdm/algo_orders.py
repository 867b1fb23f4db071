"""Conditional orders, which Binance keeps in a service of their own until they are triggered.

An order's algo id is its order id as well, when it is triggered. Source: "Trade Endpoints", "New Algo Order" and
following, of Binance's USD-M futures documentation.
"""

from services.simulator.asked_rows import Orders, SoughtOrder, Window
from services.simulator.engine import refusal
from services.simulator.engine.events import OrderRow
from services.simulator.rest import refusals
from services.simulator.rest.instruments import known
from services.simulator.rest.routing import Answer, Call, Route, Security
from services.simulator.rest.usdm import order_answers
from services.simulator.rest.usdm.new_orders import conditional_order
from services.simulator.rest.usdm.orders import cancel_where


async def place(call: Call) -> Answer:
    """Place a conditional order."""
    request = conditional_order(call.parameters, call.owner)
    engine = call.exchange.usdm
    outcome = await call.exchange.act(lambda: engine.place(request))
    assert outcome.order is not None, "expected an outcome of a new order"
    return order_answers.algo_order(known(call.exchange, "usdm", request.symbol), outcome.order)


def _reference(call: Call) -> tuple[int | None, str | None]:
    algo_id, client_id = call.parameters.integer("algoId"), call.parameters.text("clientAlgoId")
    if algo_id is None and client_id is None:
        raise refusals.either("algoId", "clientAlgoId")
    return algo_id, client_id


async def cancel(call: Call) -> Answer:
    """Cancel a conditional order that still waits."""
    algo_id, client_id = _reference(call)
    engine, owner = call.exchange.usdm, call.owner

    def effect() -> OrderRow:
        for row in engine.open_orders(owner):
            if not row.working and algo_id in {None, row.order_id} and client_id in {None, row.client_order_id}:
                engine.cancel(owner, row.symbol, order_id=row.order_id)
                return row
        raise refusal.unknown_order()

    row = await call.exchange.act(effect)
    return {"algoId": row.order_id, "clientAlgoId": row.client_order_id, "code": "200", "msg": "success"}


async def cancel_all(call: Call) -> Answer:
    """Cancel all conditional orders on a symbol that still wait."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    await cancel_where(call, symbol.name, working=False)
    return order_answers.ALL_CANCELLED


async def one(call: Call) -> Answer:
    """Answer a conditional order, waiting, triggered or ended."""
    algo_id, client_id = _reference(call)
    sought = SoughtOrder(None, algo_id, client_id, Orders.CONDITIONAL)
    row = await call.exchange.history.order("usdm", call.owner, sought)
    if row is None:
        raise refusal.no_such_order()
    return order_answers.algo_status(known(call.exchange, "usdm", row.symbol), row)


async def open_ones(call: Call) -> Answer:
    """Answer the conditional orders that wait, on a symbol or on all."""
    engine = call.exchange.usdm
    rows = engine.open_orders(call.owner, call.parameters.optional_symbol())
    wanted = call.parameters.integer("algoId")
    symbols = engine.symbols
    return [
        order_answers.algo_status(symbols[row.symbol], row)
        for row in rows
        if not row.working and wanted in {None, row.order_id}
    ]


async def all_ones(call: Call) -> Answer:
    """Answer the conditional orders on a symbol, waiting and ended."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    start, end = call.parameters.span()
    window = Window(call.parameters.integer("algoId"), start, end, call.parameters.strict_limit(500, 1000))
    rows = await call.exchange.history.orders("usdm", call.owner, symbol.name, window, Orders.CONDITIONAL)
    return [order_answers.algo_status(symbol, row) for row in rows]


ROUTES = (
    Route("POST", "/fapi/v1/algoOrder", place, Security.SIGNED, weight=0, orders=1),
    Route("DELETE", "/fapi/v1/algoOrder", cancel, Security.SIGNED),
    Route("DELETE", "/fapi/v1/algoOpenOrders", cancel_all, Security.SIGNED),
    Route("GET", "/fapi/v1/algoOrder", one, Security.SIGNED),
    Route("GET", "/fapi/v1/openAlgoOrders", open_ones, Security.SIGNED),
    Route("GET", "/fapi/v1/allAlgoOrders", all_ones, Security.SIGNED, weight=5),
)
