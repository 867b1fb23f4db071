"""Reading new futures orders from requests: plain ones, those in a batch, and conditional ones for the algo service."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from services.simulator.engine import refusal
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.terms import OrderType, PositionSide, SelfTrade, Side, TimeInForce, WorkingType
from services.simulator.rest import refusals
from services.simulator.rest.parameters import Parameters

#: As many orders as a batch may have.
BATCH = 5
_CONDITIONAL = frozenset({OrderType.STOP, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_MARKET})
_PLAIN = frozenset({OrderType.LIMIT, OrderType.MARKET})
_decoder = msgspec.json.Decoder(type=list[dict[str, object]], float_hook=Decimal)


class ResponseType(StrEnum):
    """How much the answer to a new order says."""

    ACK = "ACK"
    RESULT = "RESULT"


def plain_order(parameters: Parameters, account: str) -> NewOrder:
    """Return the limit or market order that is asked for.

    Raises:
        Refusal: for what is missing or malformed; -4120 for a conditional order, which the algo service takes.
    """
    kind = _kind(parameters)
    if kind in _CONDITIONAL:
        raise Refusal(
            -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        )
    if kind not in _PLAIN:
        raise refusal.invalid_order_type()
    if parameters.decimal("stopPrice"):
        raise refusal.not_required("stopPrice")
    return _order(parameters, account, kind, trigger=None, client_order_id=parameters.text("newClientOrderId"))


def conditional_order(parameters: Parameters, account: str) -> NewOrder:
    """Return the conditional order that is asked for.

    Raises:
        Refusal: for what is missing or malformed, and for kinds that are not offered.
    """
    if parameters.needed("algoType") != "CONDITIONAL":
        raise refusals.invalid_data("algoType")
    kind = _kind(parameters)
    if kind not in _CONDITIONAL:
        raise refusal.invalid_order_type()
    trigger = parameters.decimal("triggerPrice")
    if trigger is None:
        raise refusal.missing("triggerPrice")
    return _order(parameters, account, kind, trigger=trigger, client_order_id=parameters.text("clientAlgoId"))


def _kind(parameters: Parameters) -> OrderType:
    parameters.symbol()
    needed_side(parameters)
    parameters.needed("type")
    kind = parameters.choice("type", OrderType, refusal.invalid_order_type())
    assert kind is not None, "expected a type that was sent"
    return kind


def needed_side(parameters: Parameters) -> Side:
    """Return the side, which must be there.

    Raises:
        Refusal: -1102, -1117.
    """
    parameters.needed("side")
    side = parameters.choice("side", Side, refusal.invalid_side())
    assert side is not None, "expected a side that was sent"
    return side


def _order(
    parameters: Parameters, account: str, kind: OrderType, *, trigger: Decimal | None, client_order_id: str | None
) -> NewOrder:
    side = needed_side(parameters)
    if parameters.text("priceMatch") not in {None, "NONE"}:
        raise refusals.invalid_data("priceMatch")
    if parameters.flag("priceProtect"):
        raise refusals.invalid_data("priceProtect")
    closes = parameters.flag("closePosition") or False
    reduces = parameters.flag("reduceOnly")
    side_of_position = parameters.choice("positionSide", PositionSide)
    if side_of_position in {PositionSide.LONG, PositionSide.SHORT} and not reduces:
        reduces = None  # said, but not meant: "false" is what everybody may send
    return NewOrder(
        account=account,
        symbol=parameters.symbol(),
        side=side,
        type=kind,
        time_in_force=parameters.choice("timeInForce", TimeInForce, refusal.invalid_time_in_force()),
        quantity=parameters.decimal("quantity"),
        price=parameters.decimal("price"),
        stop_price=trigger,
        client_order_id=client_order_id,
        self_trade=parameters.choice("selfTradePreventionMode", SelfTrade),
        position_side=side_of_position,
        reduce_only=None if closes and not reduces else reduces,
        close_position=closes,
        working_type=parameters.choice("workingType", WorkingType),
    )


def response_type(parameters: Parameters) -> ResponseType:
    """Return how much of an answer is wanted."""
    return parameters.choice("newOrderRespType", ResponseType) or ResponseType.ACK


def batch(parameters: Parameters) -> list[Parameters]:
    """Return the parameters of each order of a batch.

    Raises:
        Refusal: -1102, -1130 or -4082 if it is no list of one to five orders.
    """
    try:
        orders = _decoder.decode(parameters.needed("batchOrders"))
    except (msgspec.DecodeError, RecursionError, ArithmeticError) as error:
        raise refusals.invalid_data("batchOrders") from error
    if not 1 <= len(orders) <= BATCH:
        raise Refusal(-4082, "Invalid number of batch place orders.")
    return [Parameters({name: _text(value) for name, value in order.items()}) for order in orders]


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
