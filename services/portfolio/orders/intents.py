"""The record of an order before it is sent: pure, but for the row that it becomes."""

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from services.portfolio.orders.rules import Terms
from services.portfolio.rows import Phase, StoredOrder
from shared.contracts.portfolio.orders import Order, OrderPlace, OrderStatus
from shared.exchanges.interface import OrderRequest

_encode = msgspec.json.Encoder(decimal_format="string").encode


def content_hash(request: OrderPlace) -> bytes:
    """Return what tells one order's content from another's; `1.0` and `1.00` are the same."""
    price = None if request.price is None else request.price.normalize()
    return blake2b(_encode(replace(request, amount=request.amount.normalize(), price=price)), digest_size=32).digest()


def intended(request: OrderPlace, terms: Terms, *, at: datetime, receive_window_ms: int, epoch: int) -> StoredOrder:
    """Return the order as it is recorded at `at`, which also signs its request."""
    order = Order(
        client_order_id=request.client_order_id,
        account_name=request.account_name,
        connector_name=request.connector_name,
        trading_pair=request.trading_pair,
        trade_type=request.trade_type,
        order_type=request.order_type,
        position_action=request.position_action,
        amount=terms.amount,
        price=terms.price,
        status=OrderStatus.SUBMITTED,
        filled_amount=Decimal(0),
        average_fill_price=None,
        fee_paid=None,
        fee_currency=None,
        exchange_order_id=None,
        error_message=None,
        created_at=at,
        updated_at=at,
        version=1,
    )
    return StoredOrder(
        order=order,
        phase=Phase.UNCONFIRMED,
        reported_amount=Decimal(0),
        reported_price=None,
        traded_amount=Decimal(0),
        traded_value=Decimal(0),
        sent_ms=int(at.timestamp() * 1000),
        receive_window_ms=receive_window_ms,
        request_hash=content_hash(request),
        epoch=epoch,
    )


def request_of(stored: StoredOrder) -> OrderRequest:
    """Return what is sent for an intent."""
    order = stored.order
    return OrderRequest(
        client_order_id=order.client_order_id,
        trading_pair=order.trading_pair,
        trade_type=order.trade_type,
        order_type=order.order_type,
        amount=order.amount,
        price=order.price,
        position_action=order.position_action,
        sent_ms=stored.sent_ms,
        receive_window_ms=stored.receive_window_ms,
    )


def now() -> datetime:
    """Return the time, to the millisecond that a request can be signed with."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
