"""Where services get exchanges from: one market of each connector in a process, accounts over it."""

from collections.abc import Mapping
from typing import Any

from shared.exchanges.interface import Market, TradingAccount


class Exchanges:
    """The exchanges of this process.

    Args:
        endpoints: connector to base URL, for those that are reached elsewhere than usual; `paper` and
            `paper_perpetual` are among them.
    """

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        self._endpoints = dict(endpoints)

    def market(self, connector: str) -> Market:
        """Return the market of a connector; the same one to everybody in the process.

        Raises:
            Unsupported: if trading and market data through this connector are not offered.
        """
        raise NotImplementedError

    def account(self, connector: str, credential: Mapping[str, Any]) -> TradingAccount:
        """Return an account with the values of a credential, by the names of the connector's config map.

        Raises:
            Unsupported: as for `market`.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """End all connections."""
        raise NotImplementedError
