"""Futures orders, trades and incomes of an account.

Source: "Trade" and "Account Endpoints" of Binance's USD-M futures documentation.
"""

from services.simulator.asked_rows import Orders, Window
from services.simulator.engine import refusal
from services.simulator.engine.events import IncomeKind
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.units import to_units
from services.simulator.rest import refusals
from services.simulator.rest.asked_orders import asked_fills, asked_order, order_reference
from services.simulator.rest.figures import amount
from services.simulator.rest.instruments import known
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.routing import Answer, Call, Route, Security
from services.simulator.rest.usdm import order_answers

_WEEK = 7 * 86_400_000


async def one(call: Call) -> Answer:
    """Answer an order, open or ended."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    order = await asked_order(call, symbol)
    if not order.working:
        raise refusal.no_such_order()
    return order_answers.status(symbol, order)


async def open_one(call: Call) -> Answer:
    """Answer an order that is open."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    order_id, client_order_id = order_reference(call.parameters)
    order = call.exchange.usdm.order(call.owner, symbol.name, order_id=order_id, client_order_id=client_order_id)
    if not order.working:
        raise refusal.no_such_order()
    return order_answers.status(symbol, order)


async def open_ones(call: Call) -> Answer:
    """Answer the open orders that work, on a symbol or on all."""
    engine = call.exchange.usdm
    rows = engine.open_orders(call.owner, call.parameters.optional_symbol())
    symbols = engine.symbols
    return [order_answers.status(symbols[row.symbol], row) for row in rows if row.working]


async def all_ones(call: Call) -> Answer:
    """Answer the orders on a symbol that worked, open and ended."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    start, end = _week(call.parameters)
    window = Window(call.parameters.integer("orderId"), start, end, call.parameters.strict_limit(500, 1000))
    rows = await call.exchange.history.orders("usdm", call.owner, symbol.name, window, Orders.WORKING)
    return [order_answers.status(symbol, row) for row in rows]


def _week(parameters: Parameters) -> tuple[int | None, int | None]:
    start, end = parameters.span()
    if start is not None and end is not None and end - start > _WEEK:
        raise Refusal(-4165, "Maximum time interval is 7 days")
    return start, end


async def trades(call: Call) -> Answer:
    """Answer the account's trades on a symbol."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    rows = await asked_fills(call, symbol, _week(call.parameters), call.parameters.strict_limit(500, 1000))
    return [order_answers.fill(symbol, row) for row in rows]


async def incomes(call: Call) -> Answer:
    """Answer what came into the account's wallets and left them."""
    name = call.parameters.optional_symbol()
    if name is not None:
        known(call.exchange, "usdm", name)
    kind = call.parameters.text("incomeType")
    if kind is not None and kind not in IncomeKind.__members__:
        raise refusals.invalid_data("incomeType")
    start, end = call.parameters.span()
    window = Window(None, start, end, call.parameters.strict_limit(100, 1000))
    rows = await call.exchange.history.incomes(call.owner, name, IncomeKind(kind) if kind else None, window)
    return [
        {
            "symbol": row.symbol,
            "incomeType": row.kind,
            "income": amount(row.amount),
            "asset": row.asset,
            "info": str(row.trade_id) if row.trade_id >= 0 else row.kind,
            "time": row.time,
            "tranId": row.tran_id,
            "tradeId": str(row.trade_id) if row.trade_id >= 0 else "",
        }
        for row in rows
    ]


async def commission(call: Call) -> Answer:
    """Answer the rates of commission on a symbol."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    return {
        "symbol": symbol.name,
        "makerCommissionRate": amount(to_units(symbol.maker_fee), 6),
        "takerCommissionRate": amount(to_units(symbol.taker_fee), 6),
        "rpiCommissionRate": amount(to_units(symbol.maker_fee), 6),
    }


def _open_weight(parameters: Parameters) -> int:
    return 1 if "symbol" in parameters else 40


ROUTES = (
    Route("GET", "/fapi/v1/order", one, Security.SIGNED),
    Route("GET", "/fapi/v1/openOrder", open_one, Security.SIGNED),
    Route("GET", "/fapi/v1/openOrders", open_ones, Security.SIGNED, weight=_open_weight),
    Route("GET", "/fapi/v1/allOrders", all_ones, Security.SIGNED, weight=5),
    Route("GET", "/fapi/v1/userTrades", trades, Security.SIGNED, weight=5),
    Route("GET", "/fapi/v1/income", incomes, Security.SIGNED, weight=30),
    Route("GET", "/fapi/v1/commissionRate", commission, Security.SIGNED, weight=20),
)
