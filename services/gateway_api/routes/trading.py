"""`/trading`: place and cancel orders, look for orders and trades."""

from typing import Any

import msgspec
from litestar import Request, Router, post

from services.gateway_api.answers import Answer
from services.gateway_api.bodies import read_body
from services.gateway_api.caller import current_caller
from services.gateway_api.client_order_ids import ClientOrderIds, of_key
from services.gateway_api.commands import Commands
from services.gateway_api.documents import trading as documents
from services.gateway_api.errors import HttpError, RefusedCommand, of_exception
from services.gateway_api.inputs.orders import ActiveBody, PlaceBody, SearchBody, TradesBody
from services.gateway_api.inputs.questions import Question
from services.gateway_api.reshaped import Reshaped
from services.gateway_api.routes.parameters import (
    AccountName,
    CancelKey,
    ClientOrderIdInPath,
    ConnectorName,
    OrderKey,
)
from services.gateway_api.sessions import NobodyOwns, send_to_session
from services.gateway_api.shapes import orders as shapes
from shared.bus.client import decode_response
from shared.contracts.portfolio.orders import (
    ACTIVE_ORDERS,
    CANCEL_ORDER,
    ORDER_OUTCOME,
    PLACE_ORDER,
    SEARCH_ORDERS,
    Order,
    OrderCancel,
    OrderPlace,
    OrderStatus,
)
from shared.contracts.portfolio.sessions import SessionRef
from shared.contracts.portfolio.trades import SEARCH_TRADES
from shared.errors import CommandError, ErrorCode

_BODY_LIMIT = 256 * 1024

_place_body = msgspec.json.Decoder(PlaceBody)
_active_question = Question(ActiveBody)
_search_question = Question(SearchBody)
_trades_question = Question(TradesBody)


def trading_routes(commands: Commands) -> Router:
    """Return the routes of the group, which ask through `commands`."""
    ids = ClientOrderIds()
    active = Reshaped(shapes.order_rows)

    @post("/orders", **documents.PLACE)
    async def place_order(request: Request[Any, Any, Any], idempotency_key: OrderKey = None) -> Answer:
        body = await read_body(request, _place_body, _BODY_LIMIT)
        order = body.command(body.client_order_id or _id(ids, idempotency_key))
        return Answer(shapes.placed(await _place(commands, order)), 201)

    @post("/{account_name:str}/{connector_name:str}/orders/{client_order_id:str}/cancel", **documents.CANCEL)
    async def cancel_order(
        account_name: AccountName,
        connector_name: ConnectorName,
        client_order_id: ClientOrderIdInPath,
        idempotency_key: CancelKey = None,
    ) -> Answer:
        session = SessionRef(account_name, connector_name)
        order = OrderCancel(account_name, connector_name, client_order_id)
        sent = await send_to_session(commands, CANCEL_ORDER, order, session, idempotency_key)
        return Answer(shapes.cancelled(sent.order))

    @post("/orders/active", **documents.ACTIVE)
    async def get_active_orders(request: Request[Any, Any, Any]) -> Answer:
        asked = await _active_question.read(request)
        return Answer(active.of(await commands.ask(ACTIVE_ORDERS, asked), asked.limit))

    @post("/orders/search", **documents.SEARCH)
    async def search_orders(request: Request[Any, Any, Any]) -> Answer:
        asked = await _search_question.read(request)
        return Answer(shapes.order_rows(await commands.ask(SEARCH_ORDERS, asked), asked.limit))

    @post("/trades", **documents.TRADES)
    async def search_trades(request: Request[Any, Any, Any]) -> Answer:
        asked = await _trades_question.read(request)
        return Answer(shapes.trade_rows(await commands.ask(SEARCH_TRADES, asked), asked.limit))

    return Router(
        "/trading", route_handlers=[place_order, cancel_order, get_active_orders, search_orders, search_trades]
    )


def _id(ids: ClientOrderIds, key: str | None) -> str:
    return ids.new() if key is None else of_key(current_caller.get().actor, key)


async def _place(commands: Commands, order: OrderPlace) -> Order:
    """Place `order` and return it as it is stored.

    Raises:
        HttpError: if it was refused, or its outcome is unknown. The body names the order, unless the input did not fit.
    """
    try:
        placed = await send_to_session(
            commands, PLACE_ORDER, order, SessionRef(order.account_name, order.connector_name)
        )
    except NobodyOwns as refused:
        placed = await _first_outcome(commands, order, refused)
    except RefusedCommand as refused:
        raise _refusal(refused, order.client_order_id) from None
    if placed.status is OrderStatus.FAILED:  # the first outcome of an id that is used again
        reason = placed.error_message or f"{order.connector_name} refused the order"
        raise HttpError(400, reason, client_order_id=order.client_order_id)
    return placed


async def _first_outcome(commands: Commands, order: OrderPlace, refused: NobodyOwns) -> Order:
    """Return the order as it is stored if it was placed before, when there was an owner.

    Raises:
        HttpError: with `refused` if it was not, or if nobody can say; CONFLICT if its id stands for another order.
    """
    try:
        return decode_response(ORDER_OUTCOME, await commands.ask(ORDER_OUTCOME, order))
    except RefusedCommand as error:
        if error.error.code is ErrorCode.CONFLICT:
            raise _refusal(error, order.client_order_id) from None
        if error.error.code is not ErrorCode.NOT_FOUND:
            detail = f"{refused.error.detail}. Nothing was sent now; whether it was before cannot be said at the moment"
            refused = NobodyOwns(refused.command, CommandError(refused.error.code, detail))
        raise _refusal(refused, order.client_order_id) from None


def _refusal(refused: RefusedCommand, client_order_id: str) -> HttpError:
    error = of_exception(refused)
    if refused.error.code is ErrorCode.INVALID:
        return error
    detail = error.detail
    if refused.error.code is ErrorCode.OUTCOME_UNKNOWN:
        detail = (
            f"{detail}. The order may exist: look for it with POST /trading/orders/search, or send it again with this"
            " client_order_id, which places it once at most"
        )
    return HttpError(error.status, detail, error.headers, **error.more, client_order_id=client_order_id)
