"""Making ccxt's objects: the right class, markets, addresses and keys."""

import ssl
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import certifi

from shared.connectors.catalogue import Connector
from shared.exchanges.ccxt_urls import turned
from shared.exchanges.clock import Clock
from shared.exchanges.endpoints import Endpoint
from shared.exchanges.request_weights import Venue
from shared.exchanges.traffic import Traffic
from shared.exchanges.wire import wired_class

#: Milliseconds until an exchange that does not answer is given up.
TIMEOUT_MS = 10_000
#: Milliseconds between two pings of a socket; two without an answer are the end of it.
PING_MS = 10_000


class Blueprint:
    """How the ccxt objects of a connector are made.

    `traffic` counts what is asked without keys; accounts have their own, over the same address.
    """

    def __init__(self, connector: Connector, endpoint: Endpoint | None, venue: Venue) -> None:
        if connector.ccxt_id is None or connector.ccxt_type is None:
            raise ValueError(f"expected a connector that ccxt knows, was {connector.name}")
        self.connector = connector
        self.endpoint = endpoint
        self.venue = venue
        self.ccxt_id = connector.ccxt_id
        self.kind = connector.ccxt_type

    def observer(self, traffic: Traffic) -> Any:
        """Return an object without keys, whose numbers are doubles."""
        return self._made(traffic, None, {})

    def trader(self, traffic: Traffic, clock: Clock | None, keys: Mapping[str, Any]) -> Any:
        """Return an object with keys, whose numbers are decimals."""
        return self._made(traffic, clock, {**keys, "number": Decimal})

    def _made(self, traffic: Traffic, clock: Clock | None, config: Mapping[str, Any]) -> Any:
        options = {**self._options(), **config.get("options", {})}
        client = wired_class(self.ccxt_id)(
            {"enableRateLimit": False, "timeout": TIMEOUT_MS, **config, "options": options}
        )
        client.wired(self.connector.name, self.venue, traffic, clock, has_binance_codes=self.ccxt_id == "binance")
        client.ssl_context = tls()
        # ccxt waits a quarter of a second at each close, for the sake of Windows.
        client.timeout_on_exit = 0
        if self.ccxt_id == "binance":
            client.streaming = {**client.streaming, "keepAlive": PING_MS}
        if self.connector.ccxt_sandbox:
            _enter_sandbox(client, self.ccxt_id, self.kind)
        _restrict_markets(client, self.kind)
        if self.endpoint is not None:
            client.urls["api"] = turned(client.urls["api"], self.ccxt_id, self.endpoint)
        return client

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "defaultType": self.kind,
            "warnOnFetchOpenOrdersWithoutSymbol": False,
            # ccxt would have its users pay it for orders on some chains, and name it as their referrer.
            "builderFee": False,
            "refSet": True,
        }
        if self.kind == "swap":
            options["defaultSubType"] = "linear"
        if self.ccxt_id == "binance":
            # Currencies and margin pairs are asked for with a key, under sapi; nobody here needs them.
            options |= {"fetchCurrencies": False, "fetchMargins": False}
            # By default it spreads what one object follows over fifty sockets.
            options["streamLimits"] = dict.fromkeys(("spot", "margin", "future", "delivery"), 1)
        return options


@cache
def tls() -> ssl.SSLContext:
    """Return one context for all: each takes some 20 ms and a megabyte to make."""
    return ssl.create_default_context(cafile=certifi.where())


def _enter_sandbox(client: Any, ccxt_id: str, kind: str) -> None:
    """Turn to an exchange's test site. Binance's for futures is called demo trading since 2025 (`binance.sign`)."""
    if ccxt_id == "binance" and kind == "swap":
        client.enable_demo_trading(True)
    else:
        client.set_sandbox_mode(True)


def _restrict_markets(client: Any, kind: str) -> None:
    """Have only the markets of this kind loaded, where the exchange can be asked so."""
    asked = client.options.get("fetchMarkets")
    types = asked.get("types") if isinstance(asked, dict) else None
    wanted = {"spot"} if kind == "spot" else {"linear", "swap", "contract", "hip3"}
    if isinstance(types, list):
        kept = [one for one in types if one in wanted]
    elif isinstance(types, dict):
        client.options["fetchMarkets"] = {**asked, "types": {k: v if k in wanted else False for k, v in types.items()}}
        return
    else:
        return
    if kept:
        client.options["fetchMarkets"] = {**asked, "types": kept}
