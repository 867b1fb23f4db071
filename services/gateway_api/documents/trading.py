"""What the OpenAPI document says of the trading routes."""

from typing import Any

import msgspec

from services.gateway_api.documents.operation import OF_A_BODY, OF_AN_EXCHANGE, json_body, operation, response
from services.gateway_api.inputs.orders import ACTIVE_SCHEMA, PLACE_SCHEMA, SEARCH_SCHEMA, TRADES_SCHEMA
from services.gateway_api.shapes.orders import Cancelled, OrderRows, Placed, TradeRows

_TAG = "Trading"
_ID = "hb-0645d2b6a1c00-9f86d081884c7d"

_PAGE_END = {
    "pagination": {"limit": 100, "has_more": False, "next_cursor": None, "total_count": 1},
    "next_cursor": None,
    "total": 1,
}
_ORDER: dict[str, Any] = {
    "order_id": _ID,
    "client_order_id": _ID,
    "account_name": "master_account",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "order_type": "LIMIT",
    "position_action": "OPEN",
    "amount": 0.001,
    "price": 64000,
    "status": "OPEN",
    "filled_amount": 0,
    "average_fill_price": None,
    "fee_paid": None,
    "fee_currency": None,
    "created_at": "2026-01-01T00:00:00+00:00",
    "updated_at": "2026-01-01T00:00:00.250000+00:00",
    "exchange_order_id": "28",
    "error_message": None,
}
_TRADE = {
    "trade_id": "paper-17",
    "order_id": _ID,
    "client_order_id": _ID,
    "account_name": "master_account",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "amount": 0.001,
    "price": 64000,
    "fee_paid": 0.064,
    "fee_currency": "USDT",
    "timestamp": "2026-01-01T00:00:01+00:00",
}


class OrderError(msgspec.Struct, frozen=True):
    """Why an order was not placed, and the id under which it can be looked for where it was kept."""

    detail: str
    client_order_id: str | None = None


def _order_error(description: str, detail: str) -> Any:
    return response(OrderError, description, {"detail": detail, "client_order_id": _ID})


PLACE = operation(
    "place_order",
    "Place an order",
    Placed,
    {
        "order_id": _ID,
        "client_order_id": _ID,
        "exchange_order_id": "28",
        "account_name": "master_account",
        "connector_name": "paper",
        "trading_pair": "BTC-USDT",
        "trade_type": "BUY",
        "amount": "0.001",
        "order_type": "LIMIT",
        "price": "64000",
        "position_action": "OPEN",
        "status": "submitted",
        "message": f"Order {_ID} was submitted to paper",
    },
    tag=_TAG,
    status=201,
    errors=(404, *OF_A_BODY),
    description=(
        "Answers when the exchange has taken or refused the order, or after 2 s; then its outcome follows. Amount and"
        " price are rounded to the trading rules. The `client_order_id`, yours or one that is made, is the"
        " idempotency key: sent again, the order is not placed again. 400 says which rule the order breaks or why the"
        " exchange refuses it. 503 says that nothing was sent and nothing will be."
    ),
    success="The order was taken",
    kind=json_body(
        PLACE_SCHEMA,
        "The order. Names of sides and types may be in lower case.",
        {
            "account_name": "master_account",
            "connector_name": "paper",
            "trading_pair": "BTC-USDT",
            "trade_type": "BUY",
            "amount": 0.001,
            "order_type": "LIMIT",
            "price": 64000,
        },
        required=True,
    ),
    more={
        400: _order_error(
            "Against a rule of the pair, or refused by the exchange", "the amount 0.000001 is below 0.00001"
        ),
        409: _order_error("The id was used for another order", "the client order id was used for another order"),
        502: _order_error("The exchange failed", "paper could not be asked: the connection was refused"),
        504: _order_error("The outcome is unknown", "portfolio did not answer within 5 s; it may have been done"),
    },
)

CANCEL = operation(
    "cancel_order",
    "Cancel an order",
    Cancelled,
    {
        "message": f"Cancellation of order {_ID} was sent to paper",
        "status": "success",
        "success": True,
        "order_id": _ID,
        "client_order_id": _ID,
        "exchange_order_id": "28",
    },
    tag=_TAG,
    errors=(*OF_AN_EXCHANGE, *OF_A_BODY, 409, 504),
    description=(
        "The answer says that the cancellation was sent; the order's state says when the exchange has done it. 404 for"
        " an order that is not active. May be repeated."
    ),
)

ACTIVE = operation(
    "get_active_orders",
    "List orders that are not final",
    OrderRows,
    {"data": [_ORDER], **_PAGE_END},
    tag=_TAG,
    errors=OF_A_BODY,
    description="In the order of their client order ids.",
    kind=json_body(
        ACTIVE_SCHEMA,
        "Which orders; all without a body.",
        {"account_names": ["master_account"], "limit": 100},
        required=False,
    ),
)

SEARCH = operation(
    "search_orders",
    "Search all orders",
    OrderRows,
    {"data": [_ORDER], **_PAGE_END},
    tag=_TAG,
    errors=OF_A_BODY,
    description="The newest first.",
    kind=json_body(
        SEARCH_SCHEMA,
        "Which orders; all without a body.",
        {"trading_pairs": ["BTC-USDT"], "status": "OPEN", "start_time": 1767225600, "limit": 100},
        required=False,
    ),
)

TRADES = operation(
    "get_trades",
    "Search the fills of all orders",
    TradeRows,
    {"data": [_TRADE], **_PAGE_END},
    tag=_TAG,
    errors=OF_A_BODY,
    description="The newest first.",
    kind=json_body(
        TRADES_SCHEMA,
        "Which trades; all without a body.",
        {"trading_pairs": ["BTC-USDT"], "trade_types": ["BUY"], "limit": 100},
        required=False,
    ),
)
