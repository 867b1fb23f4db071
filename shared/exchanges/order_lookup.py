"""How exchanges are asked for an order, and to cancel one: by our id where they can, else by theirs."""

from collections.abc import Mapping
from typing import Any

import ccxt

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
#: Exchanges whose own word for our id is handed through by ccxt where it knows none: in lists, and in cancels.
#: Source: "Get Open & Closed Orders", "Get Order History" and "Cancel Order" of Bybit's v5 documentation. Its single
#: orders ccxt asks for only with a consent to miss all but the last 500.
_OUR_ID, _THEIR_ID = {"bybit": "orderLinkId"}, {"bybit": "orderId"}
#: Exchanges that take our id in the place of theirs. Source: "Cancel a single order" of Gate's documentation.
_EITHER_ID = frozenset({"gate"})
#: Where to look for an order that can only be searched for: what is open first.
_LISTS = (
    ("fetchOpenOrders", "fetch_open_orders"),
    ("fetchCanceledAndClosedOrders", "fetch_canceled_and_closed_orders"),
    ("fetchClosedOrders", "fetch_closed_orders"),
    ("fetchCanceledOrders", "fetch_canceled_orders"),
    ("fetchOrders", "fetch_orders"),
)


class Lookup:
    """The ways of one exchange."""

    def __init__(self, ccxt_id: str) -> None:
        self._ccxt_id = ccxt_id
        self.fetches_by_client_id = ccxt_id in _FETCH_BY_CLIENT_ID
        self._cancels_by_ccxts_word = ccxt_id in _CANCEL_BY_CLIENT_ID
        self.cancels_by_client_id = self._cancels_by_ccxts_word or ccxt_id in _OUR_ID or ccxt_id in _EITHER_ID

    async def order(
        self, client: Any, symbol: str, client_order_id: str | None, exchange_order_id: str | None
    ) -> Mapping[str, Any] | None:
        """Return an order as ccxt has it, None if the exchange does not list it."""
        if client_order_id is not None and self.fetches_by_client_id:
            found: Mapping[str, Any] = await client.fetch_order(None, symbol, {"clientOrderId": client_order_id})
            return found
        if exchange_order_id is not None and client.has.get("fetchOrder") and self._ccxt_id not in _THEIR_ID:
            found = await client.fetch_order(exchange_order_id, symbol)
            return found
        return await self._searched(client, symbol, client_order_id, exchange_order_id)

    async def cancel(
        self, client: Any, symbol: str, client_order_id: str | None, exchange_order_id: str | None
    ) -> None:
        """Cancel an order by our id where the exchange can, else by its own."""
        if client_order_id is not None and self._cancels_by_ccxts_word:
            await client.cancel_order(exchange_order_id, symbol, {"clientOrderId": client_order_id})
        elif exchange_order_id is None and self._ccxt_id in _OUR_ID:
            await client.cancel_order(None, symbol, {_OUR_ID[self._ccxt_id]: client_order_id})
        elif exchange_order_id is None and self._ccxt_id in _EITHER_ID:
            await client.cancel_order(client_order_id, symbol)
        else:
            await client.cancel_order(exchange_order_id, symbol)

    async def _searched(
        self, client: Any, symbol: str, client_order_id: str | None, exchange_order_id: str | None
    ) -> Mapping[str, Any] | None:
        asked = {}
        if client_order_id is not None and self._ccxt_id in _OUR_ID:
            asked = {_OUR_ID[self._ccxt_id]: client_order_id}
        elif exchange_order_id is not None and self._ccxt_id in _THEIR_ID:
            asked = {_THEIR_ID[self._ccxt_id]: exchange_order_id}
        for ability, method in _LISTS:
            if not client.has.get(ability):
                continue
            try:
                listed = await getattr(client, method)(symbol, None, None, asked)
            except ccxt.NotSupported:
                continue
            for one in listed:
                if _is(one, client_order_id, exchange_order_id):
                    found: Mapping[str, Any] = one
                    return found
        return None


def _is(order: Mapping[str, Any], client_order_id: str | None, exchange_order_id: str | None) -> bool:
    by_ours = client_order_id is not None and str(order.get("clientOrderId")) == client_order_id
    return by_ours or (exchange_order_id is not None and str(order.get("id")) == exchange_order_id)
