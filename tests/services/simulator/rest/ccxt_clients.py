"""ccxt's own classes with nothing changed but the addresses that they ask."""

from typing import Any

import ccxt

from tests.services.simulator.rest.venue_server import Account

_PATHS = {
    "public": "/api/v3",
    "private": "/api/v3",
    "v1": "/api/v1",
    "sapi": "/sapi/v1",
    "sapiV2": "/sapi/v2",
    "sapiV3": "/sapi/v3",
    "sapiV4": "/sapi/v4",
    "fapiPublic": "/fapi/v1",
    "fapiPublicV2": "/fapi/v2",
    "fapiPublicV3": "/fapi/v3",
    "fapiPrivate": "/fapi/v1",
    "fapiPrivateV2": "/fapi/v2",
    "fapiPrivateV3": "/fapi/v3",
    "dapiPublic": "/dapi/v1",
    "dapiPrivate": "/dapi/v1",
    "dapiPrivateV2": "/dapi/v2",
}


def connect(kind: str, url: str, account: Account) -> Any:
    """Return one of ccxt's exchanges, `binance` or `binanceusdm`."""
    exchange = getattr(ccxt, kind)({"apiKey": account.api_key, "secret": account.api_secret})
    exchange.urls["api"].update({name: url + path for name, path in _PATHS.items()})
    return exchange
