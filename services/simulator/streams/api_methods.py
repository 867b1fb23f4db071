"""The methods of the WebSocket API that are answered as a route of the REST API is."""

from collections.abc import Mapping

import msgspec

from services.simulator.rest.routing import Method as Verb
from services.simulator.venue import Venue


class Method(msgspec.Struct, frozen=True):
    """A route by its HTTP method and path, whether its parameters must be signed, and whether it places orders."""

    verb: Verb
    path: str
    signed: bool = False
    places: bool = False


def _spot(verb: Verb, path: str, *, signed: bool = False, places: bool = False) -> Method:
    return Method(verb, f"/api/v3/{path}", signed, places)


#: Weights of what is answered without a route.
OWN_WEIGHTS: Mapping[str, int] = {
    "session.logon": 2,
    "session.logout": 2,
    "session.status": 2,
    "session.subscriptions": 2,
    "userDataStream.subscribe": 2,
    "userDataStream.subscribe.signature": 2,
    "userDataStream.unsubscribe": 2,
}


METHODS: Mapping[Venue, Mapping[str, Method]] = {
    "spot": {
        "exchangeInfo": _spot("GET", "exchangeInfo"),
        "depth": _spot("GET", "depth"),
        "trades.recent": _spot("GET", "trades"),
        "trades.historical": _spot("GET", "historicalTrades"),
        "trades.aggregate": _spot("GET", "aggTrades"),
        "klines": _spot("GET", "klines"),
        "uiKlines": _spot("GET", "uiKlines"),
        "avgPrice": _spot("GET", "avgPrice"),
        "ticker": _spot("GET", "ticker"),
        "ticker.24hr": _spot("GET", "ticker/24hr"),
        "ticker.tradingDay": _spot("GET", "ticker/tradingDay"),
        "ticker.price": _spot("GET", "ticker/price"),
        "ticker.book": _spot("GET", "ticker/bookTicker"),
        "order.place": _spot("POST", "order", signed=True, places=True),
        "order.test": _spot("POST", "order/test", signed=True),
        "order.status": _spot("GET", "order", signed=True),
        "order.cancel": _spot("DELETE", "order", signed=True),
        "order.cancelReplace": _spot("POST", "order/cancelReplace", signed=True, places=True),
        "order.amend.keepPriority": _spot("PUT", "order/amend/keepPriority", signed=True),
        "openOrders.status": _spot("GET", "openOrders", signed=True),
        "openOrders.cancelAll": _spot("DELETE", "openOrders", signed=True),
        "allOrders": _spot("GET", "allOrders", signed=True),
        "myTrades": _spot("GET", "myTrades", signed=True),
        "openOrderLists.status": _spot("GET", "openOrderList", signed=True),
        "allOrderLists": _spot("GET", "allOrderList", signed=True),
        "account.status": _spot("GET", "account", signed=True),
        "account.commission": _spot("GET", "account/commission", signed=True),
        "account.rateLimits.orders": _spot("GET", "rateLimit/order", signed=True),
    },
    "usdm": {
        "depth": Method("GET", "/fapi/v1/depth"),
        "ticker.price": Method("GET", "/fapi/v2/ticker/price"),
        "ticker.book": Method("GET", "/fapi/v1/ticker/bookTicker"),
        "order.place": Method("POST", "/fapi/v1/order", signed=True, places=True),
        "order.status": Method("GET", "/fapi/v1/order", signed=True),
        "order.modify": Method("PUT", "/fapi/v1/order", signed=True, places=True),
        "order.cancel": Method("DELETE", "/fapi/v1/order", signed=True),
        "algoOrder.place": Method("POST", "/fapi/v1/algoOrder", signed=True, places=True),
        "algoOrder.cancel": Method("DELETE", "/fapi/v1/algoOrder", signed=True),
        "account.balance": Method("GET", "/fapi/v2/balance", signed=True),
        "v2/account.balance": Method("GET", "/fapi/v2/balance", signed=True),
        "account.status": Method("GET", "/fapi/v2/account", signed=True),
        "v2/account.status": Method("GET", "/fapi/v2/account", signed=True),
        "account.position": Method("GET", "/fapi/v2/positionRisk", signed=True),
        "v2/account.position": Method("GET", "/fapi/v2/positionRisk", signed=True),
    },
}
