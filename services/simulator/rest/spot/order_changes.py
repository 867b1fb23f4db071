"""Replacing and amending spot orders. Source: "Trading endpoints" of Binance's spot `rest-api.md`."""

import secrets
from enum import StrEnum

from services.simulator.engine.engine import Replaced
from services.simulator.engine.events import OrderUpdate, Outcome
from services.simulator.engine.refusal import Refusal
from services.simulator.rest import refusals
from services.simulator.rest.asked_orders import order_reference
from services.simulator.rest.instruments import known
from services.simulator.rest.routing import Answer, Call, Route, Security, names
from services.simulator.rest.spot import order_answers
from services.simulator.rest.spot.new_orders import NAMES, answer, new_order, response_type
from services.simulator.rest.spot.orders import check_restrictions, order_of, restrictions


class CancelReplaceMode(StrEnum):
    """Whether the new order is placed when the old one could not be cancelled."""

    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    ALLOW_FAILURE = "ALLOW_FAILURE"


async def cancel_replace(call: Call) -> Answer:
    """Cancel an order and place another."""
    parameters = call.parameters
    request = new_order(parameters, call.owner)
    symbol = known(call.exchange, "spot", request.symbol)
    parameters.needed("cancelReplaceMode")
    mode = parameters.choice("cancelReplaceMode", CancelReplaceMode)
    only = restrictions(parameters)
    order_id, client_order_id = parameters.integer("cancelOrderId"), parameters.text("cancelOrigClientOrderId")
    if order_id is None and client_order_id is None:
        raise refusals.either("cancelOrigClientOrderId", "cancelOrderId")
    wanted = response_type(parameters, request.type)
    request_id = parameters.text("cancelNewClientOrderId") or secrets.token_hex(11)
    engine = call.exchange.spot

    def effect() -> Replaced:
        check_restrictions(call, symbol.name, order_id, client_order_id, only)
        return engine.cancel_replace(
            request,
            order_id=order_id,
            client_order_id=client_order_id,
            go_on=mode is CancelReplaceMode.ALLOW_FAILURE,
        )

    replaced = await call.exchange.act(effect)
    cancelled, placed = replaced.cancelled, replaced.placed
    answers: dict[str, object] = {
        "cancelResult": _word(cancelled),
        "newOrderResult": _word(placed),
        "cancelResponse": _refused(cancelled)
        if isinstance(cancelled, Refusal)
        else order_answers.cancelled(symbol, order_of(cancelled), request_id),
        "newOrderResponse": answer(symbol, placed, wanted)
        if isinstance(placed, Outcome)
        else _refused(placed)
        if placed
        else None,
    }
    if isinstance(cancelled, Outcome) and isinstance(placed, Outcome):
        return answers
    if isinstance(cancelled, Refusal) and not isinstance(placed, Outcome):
        raise refusals.WithStatus(400, -2022, "Order cancel-replace failed.", answers)
    raise refusals.WithStatus(409, -2021, "Order cancel-replace partially failed.", answers)


async def amend(call: Call) -> Answer:
    """Make an order smaller, in its place."""
    parameters = call.parameters
    symbol = known(call.exchange, "spot", parameters.symbol())
    order_id, client_order_id = order_reference(parameters)
    quantity, name = parameters.needed_decimal("newQty"), parameters.text("newClientOrderId")
    engine, owner = call.exchange.spot, call.owner
    outcome = await call.exchange.act(
        lambda: engine.amend(
            owner,
            symbol.name,
            quantity,
            order_id=order_id,
            client_order_id=client_order_id,
            new_client_order_id=name,
        )
    )
    [update] = [event for event in outcome.events if isinstance(event, OrderUpdate)]
    return order_answers.amended(symbol, update)


def _word(half: Outcome | Refusal | None) -> str:
    if half is None:
        return "NOT_ATTEMPTED"
    return "SUCCESS" if isinstance(half, Outcome) else "FAILURE"


def _refused(refused: Refusal) -> dict[str, object]:
    return {"code": refused.code, "msg": refused.message}


ROUTES = (
    Route(
        "POST",
        "/api/v3/order/cancelReplace",
        cancel_replace,
        Security.SIGNED,
        names=NAMES
        | names(
            "cancelReplaceMode",
            "cancelOrderId",
            "cancelOrigClientOrderId",
            "cancelNewClientOrderId",
            "cancelRestrictions",
            "orderRateLimitExceededMode",
        ),
        orders=1,
    ),
    Route(
        "PUT",
        "/api/v3/order/amend/keepPriority",
        amend,
        Security.SIGNED,
        weight=4,
        names=names("symbol", "orderId", "origClientOrderId", "newClientOrderId", "newQty"),
    ),
)
