"""The simulated exchange behind a system, asked directly: to make accounts, and to compare with what is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from tests.services.simulator.rest.venue_server import Account, SignedClient

SYMBOL = "BTCUSDT"


@dataclass(frozen=True, slots=True)
class Exchange:
    """Where the simulator of a system listens, and its admin API with its token."""

    url: str
    admin_url: str
    token: str

    def account(self, balances: Mapping[str, str], futures: Mapping[str, str] | None = None) -> Account:
        """Make an account with these balances."""
        asked = {"balances": dict(balances), "futures_balances": dict(futures or {})}
        headers = {"X-Admin-Token": self.token}
        answer = httpx.post(f"{self.admin_url}/accounts", json=asked, headers=headers, timeout=30).raise_for_status()
        return Account(answer.json()["api_key"], answer.json()["api_secret"])

    def client(self, account: Account | None = None) -> SignedClient:
        """Return somebody who asks as `account`."""
        return SignedClient(self.url, account)


def binance_credential(account: Account) -> dict[str, str]:
    """Return what a credential of `binance` holds for `account`."""
    return {"binance_api_key": account.api_key, "binance_api_secret": account.api_secret}


def last_price(client: SignedClient) -> Decimal:
    """Return the last price of BTC in USDT."""
    return Decimal(client.public("/api/v3/ticker/price", symbol=SYMBOL).json()["price"])


def orders_at(client: SignedClient) -> dict[str, dict[str, Any]]:
    """Return all orders that the exchange has of an account, by client order id.

    Raises:
        AssertionError: if it has one twice.
    """
    orders = client.ok("GET", "/api/v3/allOrders", symbol=SYMBOL, limit=1000)
    found = {order["clientOrderId"]: order for order in orders}
    assert len(found) == len(orders), "expected each order once"
    return found
