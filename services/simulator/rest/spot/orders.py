"""Placing, testing and cancelling spot orders. Source: "Trading endpoints" of Binance's spot `rest-api.md`."""

import secrets
from enum import StrEnum

from services.simulator.engine import refusal
from services.simulator.engine.events import OrderRow, OrderUpdate, Outcome
from services.simulator.engine.limits import Limits
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.spot_rules import spot_terms
from services.simulator.engine.terms import Execution, OrderStatus
from services.simulator.rest.asked_orders import order_reference
from services.simulator.rest.instruments import average, known
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.routing import Answer, Call, Route, Security, names
from services.simulator.rest.spot import order_answers
from services.simulator.rest.spot.accounts import commission_rates
from services.simulator.rest.spot.new_orders import NAMES, answer, new_order, response_type


class CancelRestrictions(StrEnum):
    """In which status alone an order is to be cancelled."""

    ONLY_NEW = "ONLY_NEW"
    ONLY_PARTIALLY_FILLED = "ONLY_PARTIALLY_FILLED"


_NEEDED_STATUS = {
    CancelRestrictions.ONLY_NEW: OrderStatus.NEW,
    CancelRestrictions.ONLY_PARTIALLY_FILLED: OrderStatus.PARTIALLY_FILLED,
}


async def place(call: Call) -> Answer:
    """Place an order."""
    request = new_order(call.parameters, call.owner)
    wanted = response_type(call.parameters, request.type)
    engine = call.exchange.spot
    outcome = await call.exchange.act(lambda: engine.place(request))
    return answer(known(call.exchange, "spot", request.symbol), outcome, wanted)


async def try_out(call: Call) -> Answer:
    """Check an order by all rules that do not depend on balances or the book, and do not place it."""
    rates = call.parameters.flag("computeCommissionRates")
    request = new_order(call.parameters, call.owner)
    response_type(call.parameters, request.type)
    symbol = known(call.exchange, "spot", request.symbol)
    spot_terms(symbol, Limits(symbol), request, average(call.exchange, symbol, call.now))
    if not rates:
        return b"{}"
    nothing = {"maker": "0.00000000", "taker": "0.00000000"}
    return {
        "standardCommissionForOrder": {name: commission_rates(symbol)[name] for name in nothing},
        "specialCommissionForOrder": nothing,
        "taxCommissionForOrder": nothing,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": "0.00000000",
        },
    }


async def cancel(call: Call) -> Answer:
    """Cancel an order."""
    parameters = call.parameters
    symbol = known(call.exchange, "spot", parameters.symbol())
    order_id, client_order_id = order_reference(parameters)
    only = restrictions(parameters)
    request_id = parameters.text("newClientOrderId") or secrets.token_hex(11)
    engine, owner = call.exchange.spot, call.owner

    def effect() -> Outcome:
        check_restrictions(call, symbol.name, order_id, client_order_id, only)
        return engine.cancel(
            owner, symbol.name, order_id=order_id, client_order_id=client_order_id, request_id=request_id
        )

    outcome = await call.exchange.act(effect)
    return order_answers.cancelled(symbol, order_of(outcome), request_id)


def restrictions(parameters: Parameters) -> CancelRestrictions | None:
    """Return in which status alone the order is to be cancelled.

    Raises:
        Refusal: -1145 for an unknown word.
    """
    wrong = Refusal(-1145, "`cancelRestrictions` has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`.")
    return parameters.choice("cancelRestrictions", CancelRestrictions, wrong)


def check_restrictions(
    call: Call, symbol: str, order_id: int | None, client_order_id: str | None, only: CancelRestrictions | None
) -> None:
    """Check that an order is in the status that it must be in to be cancelled; one that is not open passes.

    Raises:
        Refusal: -2011 if it is in another.
    """
    if only is None:
        return
    for order in call.exchange.spot.open_orders(call.owner, symbol):
        if order_id in {None, order.order_id} and client_order_id in {None, order.client_order_id}:
            if order.status is not _NEEDED_STATUS[only]:
                raise Refusal(-2011, "Order was not canceled due to cancel restrictions.")
            return


async def cancel_all(call: Call) -> Answer:
    """Cancel all orders on a symbol."""
    symbol = known(call.exchange, "spot", call.parameters.symbol())
    engine, owner = call.exchange.spot, call.owner

    def effect() -> Outcome:
        if not engine.open_orders(owner, symbol.name):
            raise refusal.unknown_order()
        return engine.cancel_all(owner, symbol.name)

    outcome = await call.exchange.act(effect)
    return [
        order_answers.cancelled(symbol, event.order, secrets.token_hex(11))
        for event in outcome.events
        if isinstance(event, OrderUpdate) and event.execution is Execution.CANCELED
    ]


def order_of(outcome: Outcome) -> OrderRow:
    """Return the order that a command was about."""
    assert outcome.order is not None, "expected an outcome of an order"
    return outcome.order


ROUTES = (
    Route("POST", "/api/v3/order", place, Security.SIGNED, names=NAMES, orders=1),
    Route("POST", "/api/v3/order/test", try_out, Security.SIGNED, names=NAMES | names("computeCommissionRates")),
    Route(
        "DELETE",
        "/api/v3/order",
        cancel,
        Security.SIGNED,
        names=names("symbol", "orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions"),
    ),
    Route("DELETE", "/api/v3/openOrders", cancel_all, Security.SIGNED, names=names("symbol")),
)
