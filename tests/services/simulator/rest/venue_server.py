"""The simulator on ports of its own, in a thread, as blocking clients need it, and somebody who asks it over HTTP."""

import asyncio
import hashlib
import hmac
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx

from services.simulator.accounts import Account
from services.simulator.app import Simulator
from services.simulator.settings import SimulatorSettings

TOKEN = "the-admin-token"


class VenueServer:
    """Serves from when it is made until `stop`, and keeps everything in memory. Limits are not to be met by chance."""

    def __init__(self, **settings: str) -> None:
        self._settings = {
            "SIMULATOR_PORT": "0",
            "SIMULATOR_ADMIN_PORT": "0",
            "SIMULATOR_ADMIN_TOKEN": TOKEN,
            "SIMULATOR_SEED": "7",
            "SIMULATOR_LIMITS": "100000",
            **settings,
        }
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._serving = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), daemon=True)
        self._thread.start()
        assert self._serving.wait(30), "expected a simulator that serves"
        self._admin = httpx.Client(
            base_url=f"http://127.0.0.1:{self._simulator.admin_port}", headers={"X-Admin-Token": TOKEN}
        )

    @property
    def port(self) -> int:
        return self._simulator.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _run(self) -> None:
        self._simulator = Simulator(SimulatorSettings.model_validate(self._settings))
        await self._simulator.start()
        self._serving.set()
        await self._stopped.wait()
        await self._simulator.drain()

    def account(self, balances: Mapping[str, str], futures: Mapping[str, str] | None = None) -> Account:
        """Make an account with these balances."""
        asked = {"balances": dict(balances), "futures_balances": dict(futures or {})}
        answer = self._admin.post("/accounts", json=asked).raise_for_status().json()
        return Account("", answer["api_key"], answer["api_secret"], 0)

    def delete_account(self, account: Account) -> None:
        self._admin.delete(f"/accounts/{account.api_key}").raise_for_status()

    def add_fault(self, kind: str, **asked: object) -> None:
        self._admin.post("/faults", json={"kind": kind, **asked}).raise_for_status()

    def remove_faults(self) -> None:
        self._admin.delete("/faults").raise_for_status()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(30)
        self._loop.close()


def signature(secret: str, text: str) -> str:
    """Return the signature of a query or body."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class Client:
    """Raw HTTP as an account."""

    def __init__(self, server: VenueServer, account: Account | None = None) -> None:
        self.server = server
        self.account = account
        self.http = httpx.Client(base_url=server.url, timeout=30)

    def public(self, path: str, method: str = "GET", **parameters: Any) -> httpx.Response:
        """Ask without a key."""
        return self.http.request(method, path, params=parameters)

    def signed(self, method: str, path: str, **parameters: Any) -> httpx.Response:
        """Ask with key, time and signature in the query."""
        assert self.account is not None, "expected a client with an account"
        parameters.setdefault("timestamp", int(time.time() * 1000))
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        url = f"{path}?{query}&signature={signature(self.account.api_secret, query)}"
        return self.http.request(method, url, headers={"X-MBX-APIKEY": self.account.api_key})

    def ok(self, method: str, path: str, **parameters: Any) -> Any:
        """Ask signed and return the JSON of an answer that must be good."""
        answer = self.signed(method, path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, **parameters: Any) -> tuple[int, int, str]:
        """Ask signed and return status, code and text of a refusal."""
        answer = self.signed(method, path, **parameters)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["code"], answer.json()["msg"]
