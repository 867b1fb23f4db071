"""Which orders and trades of an account a request means, where both venues mean the same."""

from collections.abc import Sequence

from services.simulator.asked_rows import SoughtOrder, Window
from services.simulator.engine import refusal
from services.simulator.engine.events import OrderRow, OrderUpdate
from services.simulator.engine.symbol import Symbol
from services.simulator.rest import refusals
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.routing import Call


def order_reference(parameters: Parameters) -> tuple[int | None, str | None]:
    """Return order id and client order id, of which at least one is there.

    Raises:
        Refusal: -1102 if neither is.
    """
    order_id, client_order_id = parameters.integer("orderId"), parameters.text("origClientOrderId")
    if order_id is None and client_order_id is None:
        raise refusals.either("origClientOrderId", "orderId")
    return order_id, client_order_id


async def asked_order(call: Call, symbol: Symbol) -> OrderRow:
    """Return the order that is meant, open or ended.

    Raises:
        Refusal: -1102, or -2013 if there is none.
    """
    order_id, client_order_id = order_reference(call.parameters)
    order = await call.exchange.history.order(
        symbol.market, call.owner, SoughtOrder(symbol.name, order_id, client_order_id)
    )
    if order is None:
        raise refusal.no_such_order()
    return order


async def asked_fills(
    call: Call, symbol: Symbol, span: tuple[int | None, int | None], limit: int
) -> Sequence[OrderUpdate]:
    """Return the account's trades on a symbol: of an order, from an id on, or of a span of time.

    Raises:
        Refusal: -1128 for an id and a span at once.
    """
    start, end = span
    from_id = call.parameters.integer("fromId")
    if from_id is not None and (start is not None or end is not None):
        raise refusal.bad_combination()
    return await call.exchange.history.fills(
        symbol.market,
        call.owner,
        symbol.name,
        call.parameters.integer("orderId"),
        Window(from_id, start, end, limit),
    )
