"""Orders and fills, from ccxt's unified structures.

Source of their fields: https://docs.ccxt.com/#/README?id=order-structure and the one of trades.
"""

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared.contracts.portfolio.orders import OrderType, TradeType
from shared.exchanges.interface import Fee, OrderRequest, VenueOrder, VenueStatus, VenueTrade
from shared.exchanges.trading_rules import exact

_ZERO = Decimal(0)
_ENDED = frozenset({"canceled", "cancelled", "expired", "expired_in_match"})


def order_of(order: Mapping[str, Any], pair: str, size: Decimal = Decimal(1)) -> VenueOrder:
    """Return an order of ccxt's; `size`: base units of a contract.

    Raises:
        ValueError: if it has no id.
    """
    if order.get("id") in (None, ""):
        raise ValueError("expected an order with an id")
    amount = (exact(order.get("amount")) or _ZERO) * size
    filled = (exact(order.get("filled")) or _ZERO) * size
    status = _status(order, amount, filled)
    if status is VenueStatus.FILLED and order.get("filled") is None:
        filled = amount
    average = exact(order.get("average"))
    price = exact(order.get("price"))
    return VenueOrder(
        exchange_order_id=str(order["id"]),
        client_order_id=_client_order_id(order),
        trading_pair=pair,
        trade_type=_side(order),
        order_type=_type(order),
        status=status,
        amount=amount,
        price=price if price and order.get("type") != "market" else None,
        filled=filled,
        average_price=average if average and filled else None,
        updated_ms=_time(order, "lastUpdateTimestamp", "lastTradeTimestamp", "timestamp"),
    )


def trade_of(
    trade: Mapping[str, Any], pair: str, size: Decimal = Decimal(1), client_order_id: str | None = None
) -> VenueTrade:
    """Return a fill of ccxt's; `size`: base units of a contract."""
    fees = _fees(trade)
    return VenueTrade(
        trade_id=str(trade["id"]),
        trading_pair=pair,
        exchange_order_id=str(trade.get("order") or ""),
        client_order_id=client_order_id or _client_order_id(trade),
        trade_type=_side(trade),
        price=_needed(trade, "price"),
        amount=_needed(trade, "amount") * size,
        fee=fees[0] if fees else None,
        at_ms=_time(trade, "timestamp"),
        further_fees=fees[1:],
    )


def placed_order_of(told: Mapping[str, Any], order: OrderRequest, size: Decimal, sent_id: str) -> VenueOrder:
    """Return an order from its acknowledgement; what that leaves out is as it was sent, under the id `sent_id`.

    Raises:
        ValueError: if it has no id, or speaks of another order.
    """
    if _client_order_id(told) not in (None, sent_id):
        raise ValueError("expected the acknowledgement of the order that was sent")
    complete = {
        **told,
        "clientOrderId": order.client_order_id,
        "side": told.get("side") or order.trade_type.lower(),
        "type": told.get("type") or ("market" if order.order_type is OrderType.MARKET else "limit"),
        "amount": told.get("amount") if told.get("amount") is not None else order.amount / size,
        "price": told.get("price") if told.get("price") is not None else order.price,
    }
    return order_of(complete, order.trading_pair, size)


def asked_order_of(told: Mapping[str, Any], pair: str, size: Decimal, sent_id: str | None) -> VenueOrder:
    """Return an order that was asked for by its client order id, if there is one.

    Raises:
        ValueError: if it is another one.
    """
    order = order_of(told, pair, size)
    if sent_id and order.client_order_id not in (None, sent_id):
        raise ValueError("expected the order that was asked for")
    return order


def _client_order_id(told: Mapping[str, Any]) -> str | None:
    value = told.get("clientOrderId")
    return None if value in (None, "") else str(value)


def _status(order: Mapping[str, Any], amount: Decimal, filled: Decimal) -> VenueStatus:
    told = order.get("status")
    if told in _ENDED:
        return VenueStatus.CANCELLED
    if told == "rejected":
        return VenueStatus.REJECTED
    if told == "closed":
        # Some call an order closed that was cancelled in part; one by value may be filled by a little less.
        ended_early = order.get("filled") is not None and filled < amount and order.get("type") != "market"
        return VenueStatus.CANCELLED if ended_early else VenueStatus.FILLED
    if told is None and amount and filled >= amount:
        return VenueStatus.FILLED
    return VenueStatus.OPEN


def _type(order: Mapping[str, Any]) -> OrderType | None:
    told = str(order.get("type") or "").lower()
    if told == "limit_maker" or (told == "limit" and (order.get("postOnly") or order.get("timeInForce") == "PO")):
        return OrderType.LIMIT_MAKER
    return {"limit": OrderType.LIMIT, "market": OrderType.MARKET}.get(told)


def _side(told: Mapping[str, Any]) -> TradeType:
    return TradeType.BUY if told["side"] == "buy" else TradeType.SELL


def _needed(told: Mapping[str, Any], field: str) -> Decimal:
    number = exact(told.get(field))
    if number is None:
        raise ValueError(f"expected a number as {field}")
    return number


def _fees(trade: Mapping[str, Any]) -> tuple[Fee, ...]:
    """Return what a fill has cost, one sum for each asset; those of nothing are left out where there are others."""
    single = trade.get("fee") or {}
    told = [single] if single.get("cost") is not None else trade.get("fees") or ()
    sums: dict[str, Decimal] = {}
    for one in told:
        cost, currency = exact(one.get("cost")), one.get("currency")
        if cost is not None and currency:
            sums[currency] = sums.get(currency, _ZERO) + cost
    fees = tuple(Fee(cost, currency) for currency, cost in sums.items())
    return tuple(fee for fee in fees if fee.amount) or fees[:1]


def _time(told: Mapping[str, Any], *fields: str) -> int:
    for field in fields:
        if told.get(field):
            return int(told[field])
    return int(time.time() * 1000)
