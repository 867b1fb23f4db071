"""Spot orders and fills as JSON. Source: "Trading" and "Account endpoints" of Binance's spot `rest-api.md`."""

from services.simulator.engine.events import OrderRow, OrderUpdate, Outcome
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import Execution
from services.simulator.rest.figures import Figures, amount, figures


def acknowledgement(order: OrderRow) -> dict[str, object]:
    """Return the answer ACK to a new order."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "transactTime": order.updated,
    }


def result(symbol: Symbol, order: OrderRow) -> dict[str, object]:
    """Return the answer RESULT to a new order."""
    return {
        **acknowledgement(order),
        **_figures(figures(symbol), order),
        **_terms(figures(symbol), order),
        "workingTime": order.working_time if order.working else -1,
        "selfTradePreventionMode": order.self_trade,
    }


def full(symbol: Symbol, order: OrderRow, outcome: Outcome) -> dict[str, object]:
    """Return the answer FULL to a new order, with its fills."""
    text = figures(symbol)
    fills = [
        {
            "price": text.price(event.last_price),
            "qty": text.quantity(event.last_quantity),
            "commission": amount(event.commission),
            "commissionAsset": event.commission_asset,
            "tradeId": event.trade_id,
        }
        for event in outcome.events
        if isinstance(event, OrderUpdate)
        and event.execution is Execution.TRADE
        and event.order.order_id == order.order_id
    ]
    return {**result(symbol, order), "fills": fills}


def cancelled(symbol: Symbol, order: OrderRow, request_id: str) -> dict[str, object]:
    """Return the answer to a cancellation, whose own id is `request_id`."""
    text = figures(symbol)
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": request_id,
        "transactTime": order.updated,
        **_figures(text, order),
        **_terms(text, order),
        "selfTradePreventionMode": order.self_trade,
    }


def amended(symbol: Symbol, update: OrderUpdate) -> dict[str, object]:
    """Return the answer to an amendment."""
    text, order = figures(symbol), update.order
    return {
        "transactTime": update.time,
        "executionId": update.execution_id,
        "amendedOrder": {
            "symbol": order.symbol,
            "orderId": order.order_id,
            "orderListId": -1,
            "origClientOrderId": update.request_client_order_id or order.client_order_id,
            "clientOrderId": order.client_order_id,
            "price": text.price(order.price),
            "qty": text.quantity(order.quantity),
            "executedQty": text.quantity(order.executed),
            "preventedQty": text.quantity(order.prevented),
            "quoteOrderQty": text.quote(order.quote_quantity),
            "cumulativeQuoteQty": text.quote(order.cumulative_quote),
            "status": order.status,
            **_terms(text, order),
            "workingTime": order.working_time if order.working else -1,
            "selfTradePreventionMode": order.self_trade,
        },
    }


def status(symbol: Symbol, order: OrderRow) -> dict[str, object]:
    """Return an order as queries tell it."""
    text = figures(symbol)
    fields: dict[str, object] = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "price": text.price(order.price),
        "origQty": text.quantity(order.quantity),
        "executedQty": text.quantity(order.executed),
        "cummulativeQuoteQty": text.quote(order.cumulative_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        "stopPrice": text.price(order.stop_price),
        "icebergQty": "0.00000000",
        "time": order.created,
        "updateTime": order.updated,
        "isWorking": order.working,
        "workingTime": order.working_time if order.working else -1,
        "origQuoteOrderQty": text.quote(order.quote_quantity),
        "selfTradePreventionMode": order.self_trade,
    }
    if order.prevented:
        fields["preventedQuantity"] = text.quantity(order.prevented)
    return fields


def fill(symbol: Symbol, update: OrderUpdate) -> dict[str, object]:
    """Return a user's trade."""
    text = figures(symbol)
    return {
        "symbol": symbol.name,
        "id": update.trade_id,
        "orderId": update.order.order_id,
        "orderListId": -1,
        "price": text.price(update.last_price),
        "qty": text.quantity(update.last_quantity),
        "quoteQty": text.quote(update.last_quote),
        "commission": amount(update.commission),
        "commissionAsset": update.commission_asset,
        "time": update.time,
        "isBuyer": update.order.side is update.order.side.BUY,
        "isMaker": update.is_maker,
        "isBestMatch": True,
    }


def _figures(text: Figures, order: OrderRow) -> dict[str, object]:
    return {
        "price": text.price(order.price),
        "origQty": text.quantity(order.quantity),
        "executedQty": text.quantity(order.executed),
        "origQuoteOrderQty": text.quote(order.quote_quantity),
        "cummulativeQuoteQty": text.quote(order.cumulative_quote),
        "status": order.status,
    }


def _terms(text: Figures, order: OrderRow) -> dict[str, object]:
    fields: dict[str, object] = {"timeInForce": order.time_in_force, "type": order.type, "side": order.side}
    if order.stop_price:
        fields["stopPrice"] = text.price(order.stop_price)
    return fields
