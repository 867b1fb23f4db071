"""Reading a new spot order from a request."""

from enum import StrEnum

from services.simulator.engine import refusal
from services.simulator.engine.events import Outcome
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import OrderType, SelfTrade, Side, TimeInForce
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.routing import names
from services.simulator.rest.spot import order_answers

#: The parameters of a new order.
NAMES = names(
    "symbol",
    "side",
    "type",
    "timeInForce",
    "quantity",
    "quoteOrderQty",
    "price",
    "newClientOrderId",
    "strategyId",
    "strategyType",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "newOrderRespType",
    "selfTradePreventionMode",
    "pegPriceType",
    "pegOffsetValue",
    "pegOffsetType",
)


class ResponseType(StrEnum):
    """How much the answer to a new order says."""

    ACK = "ACK"
    RESULT = "RESULT"
    FULL = "FULL"


def new_order(parameters: Parameters, account: str) -> NewOrder:
    """Return the order that is asked for.

    Raises:
        Refusal: for what is missing or malformed, and for kinds of orders that are not offered.
    """
    symbol = parameters.symbol()
    parameters.needed("side")
    side = parameters.choice("side", Side, refusal.invalid_side())
    parameters.needed("type")
    kind = parameters.choice("type", OrderType, refusal.invalid_order_type())
    assert side is not None, "expected a side that was sent"
    assert kind is not None, "expected a type that was sent"
    if parameters.decimal("icebergQty"):
        raise Refusal(-1013, "Iceberg orders are not supported for this symbol.")
    if parameters.integer("trailingDelta"):
        raise Refusal(-1013, "Trailing stop orders are not supported for this symbol.")
    for name in ("pegPriceType", "pegOffsetValue", "pegOffsetType"):
        if parameters.text(name) is not None:
            raise refusal.not_required(name)
    parameters.integer("strategyId")
    strategy = parameters.integer("strategyType")
    if strategy is not None and strategy < 1_000_000:
        raise Refusal(-1134, "`strategyType` was less than 1000000.")
    return NewOrder(
        account=account,
        symbol=symbol,
        side=side,
        type=kind,
        time_in_force=parameters.choice("timeInForce", TimeInForce, refusal.invalid_time_in_force()),
        quantity=parameters.decimal("quantity"),
        quote_quantity=parameters.decimal("quoteOrderQty"),
        price=parameters.decimal("price"),
        stop_price=parameters.decimal("stopPrice"),
        client_order_id=parameters.text("newClientOrderId"),
        self_trade=parameters.choice("selfTradePreventionMode", SelfTrade),
    )


def response_type(parameters: Parameters, kind: OrderType) -> ResponseType:
    """Return how much of an answer is wanted: by default FULL for LIMIT and MARKET orders, else ACK."""
    default = ResponseType.FULL if kind in {OrderType.LIMIT, OrderType.MARKET} else ResponseType.ACK
    return parameters.choice("newOrderRespType", ResponseType) or default


def answer(symbol: Symbol, outcome: Outcome, wanted: ResponseType) -> dict[str, object]:
    """Return the answer to an order that was accepted."""
    order = outcome.order
    assert order is not None, "expected an outcome of a new order"
    if wanted is ResponseType.ACK:
        return order_answers.acknowledgement(order)
    if wanted is ResponseType.RESULT:
        return order_answers.result(symbol, order)
    return order_answers.full(symbol, order, outcome)
