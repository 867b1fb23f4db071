"""Orders, fills and balances, from ccxt's unified structures.

Source of their fields: https://docs.ccxt.com/#/README?id=order-structure and the two that follow there.
"""

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared.contracts.portfolio import OrderType, TradeType
from shared.exchanges.interface import AssetBalance, Fee, VenueOrder, VenueStatus, VenueTrade
from shared.exchanges.trading_rules import exact

_ZERO = Decimal(0)
_ENDED = frozenset({"canceled", "cancelled", "expired", "expired_in_match"})
_BALANCE_META = frozenset({"info", "free", "used", "total", "debt", "timestamp", "datetime"})


def order_of(order: Mapping[str, Any], pair: str, size: Decimal = Decimal(1)) -> VenueOrder:
    """Return an order of ccxt's; `size`: base units of a contract."""
    amount = (exact(order.get("amount")) or _ZERO) * size
    filled = (exact(order.get("filled")) or _ZERO) * size
    status = _status(order, amount, filled)
    if status is VenueStatus.FILLED and order.get("filled") is None:
        filled = amount
    average = exact(order.get("average"))
    price = exact(order.get("price"))
    return VenueOrder(
        exchange_order_id=str(order["id"]),
        client_order_id=order.get("clientOrderId") or None,
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
    return VenueTrade(
        trade_id=str(trade["id"]),
        trading_pair=pair,
        exchange_order_id=str(trade.get("order") or ""),
        client_order_id=client_order_id or trade.get("clientOrderId") or None,
        trade_type=_side(trade),
        price=_needed(trade, "price"),
        amount=_needed(trade, "amount") * size,
        fee=_fee(trade),
        at_ms=_time(trade, "timestamp"),
    )


def balances_of(balances: Mapping[str, Any]) -> tuple[AssetBalance, ...]:
    """Return the balances of which both the total and the free part are told, those of zero among them."""
    found = []
    for token, one in balances.items():
        if token in _BALANCE_META or not isinstance(one, Mapping):
            continue
        total, free = exact(one.get("total")), exact(one.get("free"))
        if total is not None and free is not None:
            found.append(AssetBalance(token, total, free))
    return tuple(found)


def futures_balances_of(assets: list[Mapping[str, Any]], code_of: Any) -> tuple[AssetBalance, ...]:
    """Return the balances in an account of Binance's futures: the wallet's, and what new positions may take.

    ccxt's total is the margin balance, with the profit of open positions in it, which is no balance yet.
    Source: "Account Information V3" of the USD-M futures documentation.
    """
    return tuple(
        AssetBalance(code_of(one["asset"]), Decimal(one["walletBalance"]), Decimal(one["availableBalance"]))
        for one in assets
    )


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


def _fee(trade: Mapping[str, Any]) -> Fee | None:
    fee = trade.get("fee") or {}
    if fee.get("cost") is None and trade.get("fees"):
        fee = trade["fees"][0]
    cost, currency = exact(fee.get("cost")), fee.get("currency")
    return Fee(cost, currency) if cost is not None and currency else None


def _time(told: Mapping[str, Any], *fields: str) -> int:
    for field in fields:
        if told.get(field):
            return int(told[field])
    return int(time.time() * 1000)
