"""What an order is in ccxt's words."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from shared.contracts.portfolio.orders import OrderType, PositionAction, TradeType
from shared.exchanges.interface import OrderRequest


class CcxtOrder(msgspec.Struct, frozen=True):
    """The arguments of `create_order`, apart from the symbol. Amount and price are text: no double loses a digit."""

    type: str
    side: str
    amount: str
    price: str | None
    params: dict[str, Any]


def ccxt_order(order: OrderRequest, contract_size: Decimal, kind: str, sent_id: str, *, hedged: bool) -> CcxtOrder:
    """Return an order in ccxt's words, under the client order id `sent_id`.

    A close on a perpetual is `reduceOnly` where the account has one position a pair; where it has two (`hedged`),
    ccxt chooses the position's side from both.
    """
    params: dict[str, Any] = {"clientOrderId": sent_id}
    if order.order_type is OrderType.LIMIT_MAKER:
        params["postOnly"] = True
    if kind == "swap":
        if order.position_action is PositionAction.CLOSE:
            params["reduceOnly"] = True
        if hedged:
            params["hedged"] = True
    market = order.order_type is OrderType.MARKET
    return CcxtOrder(
        type="market" if market else "limit",
        side="buy" if order.trade_type is TradeType.BUY else "sell",
        amount=format(order.amount / contract_size, "f"),
        price=None if market or order.price is None else format(order.price, "f"),
        params=params,
    )


def is_bought_by_cost(order: CcxtOrder, kind: str, options: Mapping[str, Any]) -> bool:
    """Return whether an exchange takes a spot buy at the market by its cost, so that ccxt needs a price to it.

    `options`: of the object of ccxt's for the exchange.
    """
    bought = kind == "spot" and order.type == "market" and order.side == "buy"
    return bought and bool(options.get("createMarketBuyOrderRequiresPrice"))
