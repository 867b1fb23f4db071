"""ccxt's classes, turned to the simulator by nothing but other base URLs."""

from typing import Any

import ccxt.pro

from tests.services.simulator.rest.venue_server import Account
from tests.services.simulator.streams.running import Running

_TYPES = {ccxt.pro.binance: "spot", ccxt.pro.binanceusdm: "linear"}


def _client(kind: Any, simulator: Running, account: Account | None) -> Any:
    at = f"127.0.0.1:{simulator.port}"
    client = kind(
        {
            "enableRateLimit": False,
            "options": {"fetchCurrencies": False, "fetchMarkets": {"types": [_TYPES[kind]]}},
            **({"apiKey": account.api_key, "secret": account.api_secret} if account else {}),
        }
    )
    api = client.urls["api"]
    for name, url in api.items():
        if isinstance(url, str):
            api[name] = f"http://{at}/" + url.split("/", 3)[3]
    api["ws"] |= {"spot": f"ws://{at}/stream/ws", "future": f"ws://{at}/fstream/ws"}
    api["ws"]["ws-api"] |= {"spot": f"ws://{at}/ws-api/v3", "future": f"ws://{at}/ws-fapi/v1"}
    return client


def spot(simulator: Running, account: Account | None = None) -> Any:
    """Return ccxt's `binance`, to be closed."""
    return _client(ccxt.pro.binance, simulator, account)


def usdm(simulator: Running, account: Account | None = None) -> Any:
    """Return ccxt's `binanceusdm`, to be closed."""
    return _client(ccxt.pro.binanceusdm, simulator, account)
