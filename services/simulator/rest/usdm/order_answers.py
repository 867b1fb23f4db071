"""Futures orders and fills as JSON. Source: "Trade Endpoints" of Binance's USD-M futures documentation."""

from services.simulator.engine.events import OrderRow, OrderUpdate, Outcome
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import Execution, OrderStatus
from services.simulator.rest.figures import amount, figures

#: What the cancellation of all orders is answered with.
ALL_CANCELLED = {"code": 200, "msg": "The operation of cancel all open order is done."}
#: What a change of settings is answered with.
DONE = {"code": 200, "msg": "success"}


def result(symbol: Symbol, order: OrderRow) -> dict[str, object]:
    """Return the answer to a new order, RESULT, or to a cancellation."""
    text = figures(symbol)
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_order_id,
        "price": text.price(order.price),
        "avgPrice": text.average(order.cumulative_quote, order.executed),
        "origQty": text.quantity(order.quantity),
        "executedQty": text.quantity(order.executed),
        "cumQty": text.quantity(order.executed),
        "cumQuote": text.quote(order.cumulative_quote),
        "timeInForce": order.time_in_force,
        "type": order.type,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": text.price(order.stop_price),
        "workingType": order.working_type,
        "priceProtect": False,
        "origType": order.original_type,
        "priceMatch": "NONE",
        "selfTradePreventionMode": order.self_trade,
        "goodTillDate": 0,
        "updateTime": order.updated,
    }


def acknowledgement(symbol: Symbol, outcome: Outcome) -> dict[str, object]:
    """Return the answer ACK to a new order: the order as it was before it traded."""
    order = outcome.order
    assert order is not None, "expected an outcome of a new order"
    for event in outcome.events:
        if (
            isinstance(event, OrderUpdate)
            and event.execution is Execution.NEW
            and event.order.order_id == order.order_id
        ):
            return result(symbol, event.order)
    return result(symbol, order)


def status(symbol: Symbol, order: OrderRow) -> dict[str, object]:
    """Return an order as queries tell it."""
    fields = result(symbol, order)
    del fields["cumQty"]
    fields["time"] = order.created
    return fields


def fill(symbol: Symbol, update: OrderUpdate) -> dict[str, object]:
    """Return a user's trade."""
    text = figures(symbol)
    order = update.order
    return {
        "symbol": symbol.name,
        "id": update.trade_id,
        "orderId": order.order_id,
        "side": order.side,
        "price": text.price(update.last_price),
        "qty": text.quantity(update.last_quantity),
        "realizedPnl": amount(update.realized_profit),
        "quoteQty": text.quote(update.last_quote),
        "commission": amount(update.commission),
        "commissionAsset": update.commission_asset,
        "time": update.time,
        "positionSide": order.position_side,
        "buyer": order.side is order.side.BUY,
        "maker": update.is_maker,
        "marginAsset": symbol.quote,
    }


def algo_order(symbol: Symbol, order: OrderRow) -> dict[str, object]:
    """Return a conditional order as the algo service tells it to who places it."""
    text = figures(symbol)
    return {
        "algoId": order.order_id,
        "clientAlgoId": order.client_order_id,
        "algoType": "CONDITIONAL",
        "orderType": order.original_type,
        "symbol": order.symbol,
        "side": order.side,
        "positionSide": order.position_side,
        "timeInForce": order.time_in_force,
        "quantity": text.quantity(order.quantity),
        "algoStatus": _algo_status(order),
        "triggerPrice": text.price(order.stop_price),
        "price": text.price(order.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": order.self_trade,
        "workingType": order.working_type,
        "priceMatch": "NONE",
        "closePosition": order.close_position,
        "priceProtect": False,
        "reduceOnly": order.reduce_only,
        "createTime": order.created,
        "updateTime": order.updated,
        "triggerTime": order.working_time if order.working else 0,
        "goodTillDate": 0,
    }


def algo_status(symbol: Symbol, order: OrderRow) -> dict[str, object]:
    """Return a conditional order as queries tell it, with the order that it became when it was triggered."""
    text = figures(symbol)
    return {
        **algo_order(symbol, order),
        "actualOrderId": str(order.order_id) if order.working else "",
        "actualPrice": text.average(order.cumulative_quote, order.executed),
        "tpTriggerPrice": text.price(0),
        "tpPrice": text.price(0),
        "slTriggerPrice": text.price(0),
        "slPrice": text.price(0),
        "tpOrderType": "",
    }


def _algo_status(order: OrderRow) -> str:
    if not order.working or order.status is OrderStatus.REJECTED:
        return order.status
    return "TRIGGERED" if order.status in {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED} else "FINISHED"
