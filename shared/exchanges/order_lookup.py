"""How exchanges are asked for an order, and to cancel one: by our id where they can, else by theirs."""

from collections.abc import Mapping
from typing import Any

import ccxt

from shared.exchanges.order_parameters import CcxtOrder

#: Exchanges that ccxt asks for an order by its client order id, and those where it cancels by it. Kraken's orders it
#: asks for by another number of the user's.
#: Source: the code of ccxt 4.5.64; `tests/shared/exchanges/test_order_lookup.py` reads it.
_FETCH_BY_CLIENT_ID = frozenset(
    {
        "binance", "bitget", "bitrue", "bitstamp", "gate", "grvt", "htx", "hyperliquid", "kucoin", "kucoinfutures",
        "mexc", "okx",
    }
)  # fmt: skip
_CANCEL_BY_CLIENT_ID = frozenset(
    {
        "binance", "bingx", "bitget", "bitrue", "derive", "dydx", "grvt", "htx", "hyperliquid", "kraken", "kucoin",
        "kucoinfutures", "lighter", "mexc", "ndax", "okx", "pacifica",
    }
)  # fmt: skip
#: Where to look for an order that can only be searched for: what is open first.
_LISTS = (("fetchOpenOrders", "fetch_open_orders"), ("fetchClosedOrders", "fetch_closed_orders"),
          ("fetchCanceledOrders", "fetch_canceled_orders"), ("fetchOrders", "fetch_orders"))  # fmt: skip


class Lookup:
    """The ways of one exchange."""

    def __init__(self, ccxt_id: str) -> None:
        self.fetches_by_client_id = ccxt_id in _FETCH_BY_CLIENT_ID
        self.cancels_by_client_id = ccxt_id in _CANCEL_BY_CLIENT_ID

    def needs_price_of(self, client: Any, order: CcxtOrder) -> bool:
        """Return whether a buy at the market is sent by its cost, so that ccxt needs a price with the amount."""
        if order.type != "market" or order.side != "buy" or client.options.get("defaultType") != "spot":
            return False
        return bool(client.options.get("createMarketBuyOrderRequiresPrice"))

    async def order(
        self, client: Any, symbol: str, client_order_id: str | None, exchange_order_id: str | None
    ) -> Mapping[str, Any] | None:
        """Return an order as ccxt has it, None if the exchange does not list it."""
        if client_order_id is not None and self.fetches_by_client_id:
            found: Mapping[str, Any] = await client.fetch_order(None, symbol, {"clientOrderId": client_order_id})
            return found
        if exchange_order_id is not None and client.has.get("fetchOrder"):
            found = await client.fetch_order(exchange_order_id, symbol)
            return found
        return await _searched(client, symbol, client_order_id, exchange_order_id)

    async def cancel(
        self, client: Any, symbol: str, client_order_id: str | None, exchange_order_id: str | None
    ) -> None:
        """Cancel an order by our id where the exchange can, else by its own."""
        if client_order_id is not None and self.cancels_by_client_id:
            await client.cancel_order(exchange_order_id, symbol, {"clientOrderId": client_order_id})
        else:
            await client.cancel_order(exchange_order_id, symbol)


async def _searched(
    client: Any, symbol: str, client_order_id: str | None, exchange_order_id: str | None
) -> Mapping[str, Any] | None:
    for ability, method in _LISTS:
        if not client.has.get(ability):
            continue
        try:
            listed = await getattr(client, method)(symbol)
        except ccxt.NotSupported:
            continue
        for one in listed:
            if (client_order_id and one.get("clientOrderId") == client_order_id) or (
                exchange_order_id and str(one.get("id")) == exchange_order_id
            ):
                found: Mapping[str, Any] = one
                return found
    return None
