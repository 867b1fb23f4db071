"""A running simulator as its users see it: REST, sockets and the admin API, and nothing of its inside."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import websockets

from tests.services.simulator.process import TOKEN
from tests.services.simulator.rest.venue_server import Account, VenueServer


def now_ms() -> int:
    """Return the time, which is the exchange's too while no fault has it wrong."""
    return int(time.time() * 1000)


def signed(account: Account, **parameters: Any) -> dict[str, Any]:
    """Return parameters as the WebSocket API wants them signed."""
    values = {"apiKey": account.api_key, "timestamp": now_ms(), **parameters}
    text = "&".join(f"{name}={values[name]}" for name in sorted(values))
    digest = hmac.new(account.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return {**values, "signature": digest}


class Running:
    """A simulator that runs, perhaps for other tests too: what this one adds is taken away by `leave`."""

    def __init__(self, server: VenueServer) -> None:
        self.port = server.port
        # Nothing is encrypted here, and loading certificates takes longer than most tests.
        self.http = httpx.AsyncClient(base_url=server.url, timeout=30, verify=False)
        self._admin = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.admin_port}",
            headers={"X-Admin-Token": TOKEN},
            timeout=30,
            verify=False,
        )
        self._accounts: list[Account] = []

    async def leave(self) -> None:
        """End all faults, and the accounts that were opened."""
        await self.remove_faults()
        for account in self._accounts:
            await self._admin.delete(f"/accounts/{account.api_key}")
        await self.http.aclose()
        await self._admin.aclose()

    # As its administrator.

    async def account(self, **balances: str) -> Account:
        """Open an account with these balances on spot and, of USDT, on futures."""
        futures = {asset: amount for asset, amount in balances.items() if asset == "USDT"}
        answer = await self._admin.post("/accounts", json={"balances": balances, "futures_balances": futures})
        keys = answer.raise_for_status().json()
        self._accounts.append(Account(keys["api_key"], keys["api_secret"]))
        return self._accounts[-1]

    async def delete(self, account: Account) -> None:
        """Close an account."""
        (await self._admin.delete(f"/accounts/{account.api_key}")).raise_for_status()

    async def hold(self, account: Account, *, spot: int | None = None, usdm: int | None = None) -> None:
        """Deposit or withdraw USDT until the account holds that much."""
        balances, futures = ({} if amount is None else {"USDT": str(amount)} for amount in (spot, usdm))
        body = {"balances": balances, "futures_balances": futures}
        (await self._admin.put(f"/accounts/{account.api_key}/balances", json=body)).raise_for_status()

    async def add_fault(self, kind: str, **asked: object) -> None:
        """Let a fault begin."""
        (await self._admin.post("/faults", json={"kind": kind, **asked})).raise_for_status()

    async def faults(self) -> Any:
        """Return the faults that are there."""
        return (await self._admin.get("/faults")).raise_for_status().json()

    async def remove_faults(self) -> None:
        """End all faults."""
        (await self._admin.delete("/faults")).raise_for_status()

    async def watched(self) -> Any:
        """Return what is told to whom."""
        return (await self._admin.get("/watched")).raise_for_status().json()

    async def until_watched(self, fits: Callable[[Any], bool]) -> Any:
        """Ask what is told to whom until it fits: sockets that were left end when the simulator hears of it."""
        async with asyncio.timeout(30):
            while not fits(watched := await self.watched()):
                pass
            return watched

    # As a client.

    def socket(self, path: str, **named: Any) -> Any:
        """Return a WebSocket to be entered."""
        return websockets.connect(f"ws://127.0.0.1:{self.port}{path}", max_size=None, max_queue=None, **named)

    async def get(self, path: str, **query: object) -> Any:
        """Return the answer of a public request."""
        answer = await self.http.get(path, params={key: str(value) for key, value in query.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def signed(self, method: str, path: str, account: Account, **query: object) -> Any:
        """Return the answer of a signed request."""
        text = urlencode({**query, "timestamp": now_ms()})
        signature = hmac.new(account.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        answer = await self.http.request(
            method, f"{path}?{text}&signature={signature}", headers={"X-MBX-APIKEY": account.api_key}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def trade(self, account: Account, *, orders: int, quantity: str = "0.01") -> None:
        """Have spot trades of BTCUSDT happen: market orders, one after the other, buying and selling in turn."""
        for number in range(orders):
            side = "SELL" if number % 2 else "BUY"
            await self.signed(
                "POST", "/api/v3/order", account, symbol="BTCUSDT", side=side, type="MARKET", quantity=quantity
            )

    async def listen_key(self, venue: str, account: Account) -> str:
        """Return the account's listen key, which REST gives out."""
        path = "/api/v3/userDataStream" if venue == "spot" else "/fapi/v1/listenKey"
        answer = await self.http.post(path, headers={"X-MBX-APIKEY": account.api_key})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["listenKey"])
