"""Orders and trades as the HTTP API shows them."""

from decimal import Decimal
from typing import Literal

import msgspec

from services.gateway_api.shapes.json import encode, iso
from shared.bus.client import decode_response
from shared.contracts.portfolio.orders import ACTIVE_ORDERS, Order, OrderStatus, OrderType, PositionAction, TradeType
from shared.contracts.portfolio.trades import SEARCH_TRADES, Trade


class Placed(msgspec.Struct, frozen=True):
    """An order that was taken. Amount and price are text, rounded to the trading rules; `order_id` is the client's."""

    order_id: str
    client_order_id: str
    exchange_order_id: str | None
    account_name: str
    connector_name: str
    trading_pair: str
    trade_type: TradeType
    amount: str
    order_type: OrderType
    price: str | None
    position_action: PositionAction
    status: Literal["submitted"]
    message: str


class Cancelled(msgspec.Struct, frozen=True):
    """A cancellation that was sent; the order's state tells when the exchange has done it."""

    message: str
    status: Literal["success"]
    success: bool
    order_id: str
    client_order_id: str
    exchange_order_id: str | None


class OrderRow(msgspec.Struct, frozen=True):
    """An order. `order_id` is the client order id."""

    order_id: str
    client_order_id: str
    account_name: str
    connector_name: str
    trading_pair: str
    trade_type: TradeType
    order_type: OrderType
    position_action: PositionAction
    amount: Decimal
    price: Decimal | None
    status: OrderStatus
    filled_amount: Decimal
    average_fill_price: Decimal | None
    fee_paid: Decimal | None
    fee_currency: str | None
    created_at: str
    updated_at: str
    exchange_order_id: str | None
    error_message: str | None


class FeeRow(msgspec.Struct, frozen=True):
    """What a fill has cost in one asset."""

    amount: Decimal
    currency: str


class TradeRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fill of an order. `order_id` is the client order id; `further_fees`, if any, are those beyond `fee_paid`."""

    trade_id: str
    order_id: str
    client_order_id: str
    account_name: str
    connector_name: str
    trading_pair: str
    trade_type: TradeType
    amount: Decimal
    price: Decimal
    fee_paid: Decimal
    fee_currency: str | None
    timestamp: str
    further_fees: tuple[FeeRow, ...] = ()


class Pagination(msgspec.Struct, frozen=True):
    """Where a page lies among all that match."""

    limit: int
    has_more: bool
    next_cursor: str | None
    total_count: int


class OrderRows(msgspec.Struct, frozen=True):
    """A page of orders. `total` and the `next_cursor` on top are those of `pagination`."""

    data: list[OrderRow]
    pagination: Pagination
    next_cursor: str | None
    total: int


class TradeRows(msgspec.Struct, frozen=True):
    """A page of trades. `total` and the `next_cursor` on top are those of `pagination`."""

    data: list[TradeRow]
    pagination: Pagination
    next_cursor: str | None
    total: int


def placed(order: Order) -> bytes:
    """Return the answer to an order that was placed. It is `submitted` whatever has become of it since."""
    return encode(
        Placed(
            order.client_order_id,
            order.client_order_id,
            order.exchange_order_id,
            order.account_name,
            order.connector_name,
            order.trading_pair,
            order.trade_type,
            f"{order.amount:f}",
            order.order_type,
            None if order.price is None else f"{order.price:f}",
            order.position_action,
            "submitted",
            f"Order {order.client_order_id} was submitted to {order.connector_name}",
        )
    )


def cancelled(order: Order) -> bytes:
    """Return the answer to a cancellation that was sent."""
    return encode(
        Cancelled(
            f"Cancellation of order {order.client_order_id} was sent to {order.connector_name}",
            "success",
            True,
            order.client_order_id,
            order.client_order_id,
            order.exchange_order_id,
        )
    )


def order_rows(reply: bytes, limit: int) -> bytes:
    """Return a page of active or of stored orders, of at most `limit` rows, as the HTTP API shows it.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    page = decode_response(ACTIVE_ORDERS, reply)
    return encode(
        OrderRows(
            [_order(order) for order in page.orders],
            _pagination(limit, page.next_cursor, page.total),
            page.next_cursor,
            page.total,
        )
    )


def trade_rows(reply: bytes, limit: int) -> bytes:
    """Return a page of trades, of at most `limit` rows, as the HTTP API shows it.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    page = decode_response(SEARCH_TRADES, reply)
    return encode(
        TradeRows(
            [_trade(trade) for trade in page.trades],
            _pagination(limit, page.next_cursor, page.total),
            page.next_cursor,
            page.total,
        )
    )


def _pagination(limit: int, next_cursor: str | None, total: int) -> Pagination:
    return Pagination(limit, next_cursor is not None, next_cursor, total)


def _order(order: Order) -> OrderRow:
    return OrderRow(
        order.client_order_id,
        order.client_order_id,
        order.account_name,
        order.connector_name,
        order.trading_pair,
        order.trade_type,
        order.order_type,
        order.position_action,
        order.amount,
        order.price,
        order.status,
        order.filled_amount,
        order.average_fill_price,
        order.fee_paid,
        order.fee_currency,
        iso(order.created_at),
        iso(order.updated_at),
        order.exchange_order_id,
        order.error_message,
    )


def _trade(trade: Trade) -> TradeRow:
    return TradeRow(
        trade.trade_id,
        trade.order_id,
        trade.order_id,
        trade.account_name,
        trade.connector_name,
        trade.trading_pair,
        trade.trade_type,
        trade.amount,
        trade.price,
        trade.fee_paid,
        trade.fee_currency,
        iso(trade.timestamp),
        tuple(FeeRow(fee.amount, fee.currency) for fee in trade.further_fees),
    )
