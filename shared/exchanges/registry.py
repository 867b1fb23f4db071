"""Where services get exchanges from: one market of each connector in a process, accounts over it.

ccxt is imported with this module, and not with `interface`, `errors` or `settings`: it takes a second and 70 MB. A
process that others are forked from has `shared.exchanges.registry` among what it preloads, and they share its memory.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from shared.connectors.catalogue import CONNECTORS, Connector, ConnectorKind
from shared.exchanges.account import CcxtAccount
from shared.exchanges.clients import Blueprint
from shared.exchanges.credential_fields import ccxt_keys
from shared.exchanges.endpoints import Endpoint, endpoint_of
from shared.exchanges.errors import Unsupported
from shared.exchanges.interface import Market, TradingAccount
from shared.exchanges.market import CcxtMarket
from shared.exchanges.rate_limits import Budget
from shared.exchanges.request_weights import venue_of


class Exchanges:
    """The exchanges of this process.

    Args:
        endpoints: connector to base URL or `Endpoint`, for those that are reached elsewhere than usual; `paper` and
            `paper_perpetual` are among them (`shared.exchanges.settings.ExchangeSettings.endpoints`).
    """

    def __init__(self, endpoints: Mapping[str, Endpoint | str]) -> None:
        self._endpoints = {
            name: endpoint if isinstance(endpoint, Endpoint) else endpoint_of(endpoint)
            for name, endpoint in endpoints.items()
        }
        self._markets: dict[str, CcxtMarket] = {}
        self._addresses: dict[tuple[str, str], Budget] = {}
        self._orders: dict[tuple[str, str, str], Budget] = {}

    def market(self, connector: str) -> Market:
        """Return the market of a connector; the same one to everybody in the process.

        Raises:
            Unsupported: if trading and market data through this connector are not offered.
        """
        return self._market(connector)

    def account(self, connector: str, credential: Mapping[str, Any]) -> TradingAccount:
        """Return an account with the values of a credential, by the names of the connector's config map.

        Raises:
            Unsupported: as for `market`.
            KeysRefused: if a value that is needed is missing.
        """
        market = self._market(connector)
        keys = ccxt_keys(market.blueprint.connector, credential)
        owner = str(keys.get("apiKey") or keys.get("walletAddress") or "")
        # Of each key and exchange, however often it is opened: the exchange counts them together.
        counted = (market.blueprint.ccxt_id, market.blueprint.kind, owner)
        orders = self._orders.setdefault(counted, Budget(market.blueprint.venue.orders))
        return CcxtAccount(market, keys, orders)

    async def close(self) -> None:
        """End all connections."""
        markets, self._markets = self._markets, {}
        for market in markets.values():
            await market.close()

    def _market(self, name: str) -> CcxtMarket:
        market = self._markets.get(name)
        if market is None:
            connector = CONNECTORS.get(name)
            if connector is None or not _offered(connector):
                raise Unsupported(f"trading and market data through {name} are not offered")
            market = self._markets[name] = self._new_market(connector)
        return market

    def _new_market(self, connector: Connector) -> CcxtMarket:
        endpoint = self._endpoints.get(connector.name)
        if connector.simulated and endpoint is None:
            raise Unsupported(f"no simulator is set for {connector.name}")
        venue = venue_of(connector.ccxt_id or "", connector.ccxt_type or "")
        blueprint = Blueprint(connector, endpoint, venue)
        # Connectors that reach the same host share what this address may ask of it.
        host = urlsplit(endpoint.rest).netloc if endpoint else f"{connector.ccxt_id} {connector.ccxt_sandbox}"
        address = self._addresses.setdefault((host, blueprint.kind), Budget(venue.address))
        return CcxtMarket(blueprint, address)


def _offered(connector: Connector) -> bool:
    kinds = (ConnectorKind.SPOT, ConnectorKind.PERPETUAL)
    return connector.kind in kinds and connector.ccxt_id is not None and connector.ccxt_type is not None
