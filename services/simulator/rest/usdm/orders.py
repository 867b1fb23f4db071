"""Placing, modifying and cancelling futures orders.

Source: "Trade Endpoints" of Binance's USD-M futures documentation.
"""

from collections.abc import Callable

import msgspec

from services.simulator.engine import refusal
from services.simulator.engine.events import OrderRow, Outcome
from services.simulator.engine.refusal import Refusal
from services.simulator.rest import refusals
from services.simulator.rest.asked_orders import order_reference
from services.simulator.rest.instruments import known
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.routing import Answer, Call, Route, Security
from services.simulator.rest.usdm import order_answers
from services.simulator.rest.usdm.new_orders import BATCH, ResponseType, batch, needed_side, plain_order, response_type

#: As many orders as one request may cancel by their ids.
_MOST_CANCELLED = 10


async def place(call: Call) -> Answer:
    """Place a limit or market order."""
    request = plain_order(call.parameters, call.owner)
    wanted = response_type(call.parameters)
    engine = call.exchange.usdm
    outcome = await call.exchange.act(lambda: engine.place(request))
    return _answer(call, outcome, wanted)


def _answer(call: Call, outcome: Outcome, wanted: ResponseType) -> dict[str, object]:
    order = outcome.order
    assert order is not None, "expected an outcome of a new order"
    symbol = known(call.exchange, "usdm", order.symbol)
    if wanted is ResponseType.ACK:
        return order_answers.acknowledgement(symbol, outcome)
    return order_answers.result(symbol, order)


async def try_out(call: Call) -> Answer:
    """Check the form of an order, and do not place it."""
    request = plain_order(call.parameters, call.owner)
    response_type(call.parameters)
    known(call.exchange, "usdm", request.symbol)
    return b"{}"


async def place_batch(call: Call) -> Answer:
    """Place several orders, each for itself."""
    orders = batch(call.parameters)
    engine = call.exchange.usdm

    def effect() -> list[tuple[Outcome, ResponseType] | Refusal]:
        results: list[tuple[Outcome, ResponseType] | Refusal] = []
        for parameters in orders:
            try:
                wanted = response_type(parameters)
                results.append((engine.place(plain_order(parameters, call.owner)), wanted))
            except Refusal as refused:
                results.append(refused)
        return results

    return [
        refused_answer(result) if isinstance(result, Refusal) else _answer(call, *result)
        for result in await call.exchange.act(effect)
    ]


def refused_answer(refused: Refusal) -> dict[str, object]:
    """Return what stands for an order that was refused among several."""
    return {"code": refused.code, "msg": refused.message}


async def modify(call: Call) -> Answer:
    """Give an order another price and quantity."""
    effect = _modification(call, call.parameters)
    return _answer(call, await call.exchange.act(effect), ResponseType.RESULT)


async def modify_batch(call: Call) -> Answer:
    """Modify several orders, each for itself."""
    orders = batch(call.parameters)

    def effect() -> list[Outcome | Refusal]:
        results: list[Outcome | Refusal] = []
        for parameters in orders:
            try:
                results.append(_modification(call, parameters)())
            except Refusal as refused:
                results.append(refused)
        return results

    return [
        refused_answer(result) if isinstance(result, Refusal) else _answer(call, result, ResponseType.RESULT)
        for result in await call.exchange.act(effect)
    ]


def _modification(call: Call, parameters: Parameters) -> Callable[[], Outcome]:
    """Return what modifies the order that is meant.

    Raises:
        Refusal: for what is missing or malformed.
    """
    symbol = known(call.exchange, "usdm", parameters.symbol())
    order_id, client_order_id = order_reference(parameters)
    side = needed_side(parameters)
    if parameters.text("priceMatch") not in {None, "NONE"}:
        raise refusals.invalid_data("priceMatch")
    quantity, price = parameters.needed_decimal("quantity"), parameters.needed_decimal("price")
    return lambda: call.exchange.usdm.modify(
        call.owner, symbol.name, side, quantity, price, order_id=order_id, client_order_id=client_order_id
    )


async def cancel(call: Call) -> Answer:
    """Cancel an order."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    order_id, client_order_id = order_reference(call.parameters)
    row = await call.exchange.act(lambda: _cancelled(call, symbol.name, order_id, client_order_id))
    return order_answers.result(symbol, row)


def _cancelled(call: Call, symbol: str, order_id: int | None, client_order_id: str | None) -> OrderRow:
    """Cancel an order that works; one that still waits for its trigger is the algo service's."""
    for row in call.exchange.usdm.open_orders(call.owner, symbol):
        if row.working and order_id in {None, row.order_id} and client_order_id in {None, row.client_order_id}:
            outcome = call.exchange.usdm.cancel(call.owner, symbol, order_id=row.order_id)
            assert outcome.order is not None, "expected an outcome of a cancellation"
            return outcome.order
    raise refusal.unknown_order()


async def cancel_all(call: Call) -> Answer:
    """Cancel all orders on a symbol that work."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    await cancel_where(call, symbol.name, working=True)
    return order_answers.ALL_CANCELLED


async def cancel_where(call: Call, symbol: str, *, working: bool) -> None:
    """Cancel the orders on a symbol that work, or those that wait for their trigger."""
    engine, owner = call.exchange.usdm, call.owner

    def effect() -> None:
        for row in engine.open_orders(owner, symbol):
            if row.working is working:
                engine.cancel(owner, symbol, order_id=row.order_id)

    await call.exchange.act(effect)


async def cancel_batch(call: Call) -> Answer:
    """Cancel several orders, each for itself."""
    parameters = call.parameters
    symbol = known(call.exchange, "usdm", parameters.symbol())
    # ccxt writes the names in lower case, as Binance's documentation once did.
    ids = [one for name in ("orderIdList", "orderidlist") for one in _list(parameters, name)]
    named = [one for name in ("origClientOrderIdList", "origclientorderidlist") for one in _list(parameters, name)]
    references: list[tuple[int | None, str | None]] = [(_order_id(one), None) for one in ids]
    references += [(None, one) for one in named]
    if not references:
        raise refusals.either("orderIdList", "origClientOrderIdList")
    if len(references) > _MOST_CANCELLED:
        raise Refusal(-4032, "Exceed maximum cancel order size.")

    def effect() -> list[OrderRow | Refusal]:
        results: list[OrderRow | Refusal] = []
        for order_id, client_order_id in references:
            try:
                results.append(_cancelled(call, symbol.name, order_id, client_order_id))
            except Refusal as refused:
                results.append(refused)
        return results

    return [
        refused_answer(result) if isinstance(result, Refusal) else order_answers.result(symbol, result)
        for result in await call.exchange.act(effect)
    ]


def _list(parameters: Parameters, name: str) -> list[str]:
    sent = parameters.text(name)
    if sent is None:
        return []
    try:
        return [str(one) for one in msgspec.json.decode(sent, type=list[str | int])]
    except (msgspec.DecodeError, RecursionError) as error:
        raise refusals.invalid_data(name) from error


def _order_id(text: str) -> int:
    order_id = Parameters({"orderId": text}).integer("orderId")
    assert order_id is not None, "expected an order id that was sent"
    return order_id


def _batch_size(parameters: Parameters) -> int:
    return len(batch(parameters))


ROUTES = (
    Route("POST", "/fapi/v1/order", place, Security.SIGNED, weight=0, orders=1),
    Route("POST", "/fapi/v1/order/test", try_out, Security.SIGNED, weight=0),
    Route("POST", "/fapi/v1/batchOrders", place_batch, Security.SIGNED, weight=BATCH, orders=_batch_size),
    Route("PUT", "/fapi/v1/order", modify, Security.SIGNED, weight=0, orders=1),
    Route("PUT", "/fapi/v1/batchOrders", modify_batch, Security.SIGNED, weight=BATCH, orders=_batch_size),
    Route("DELETE", "/fapi/v1/order", cancel, Security.SIGNED),
    Route("DELETE", "/fapi/v1/allOpenOrders", cancel_all, Security.SIGNED),
    Route("DELETE", "/fapi/v1/batchOrders", cancel_batch, Security.SIGNED),
)
