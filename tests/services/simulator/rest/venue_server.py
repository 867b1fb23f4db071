"""A running exchange with its REST API on a port of its own, in a thread, as blocking clients need it."""

import asyncio
import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx
import uvicorn

from services.simulator.accounts import Account
from services.simulator.exchange import Exchange
from services.simulator.memory_store import MemoryStore
from services.simulator.rest.app import RestApp
from services.simulator.rest.weights import BINANCE, RateLimits
from services.simulator.settings import SimulatorSettings
from services.simulator.streams.listen_keys import ListenKeys

T = TypeVar("T")


class VenueServer:
    """Starts when it is made; `stop` ends it."""

    def __init__(self, limits: RateLimits = BINANCE, **settings: Any) -> None:
        self._limits = limits
        self._settings = SimulatorSettings.model_validate({"SIMULATOR_SEED": 7, **settings})
        # With the protocol named, asyncio sets TCP_NODELAY on what it accepts.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), daemon=True)
        self._thread.start()
        assert self._listening.wait(30), "expected a server that listens"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _run(self) -> None:
        self.exchange = Exchange(self._settings, MemoryStore())
        await self.exchange.start()
        listen_keys = ListenKeys(self.exchange.now_ms)
        app = RestApp(self.exchange, self.exchange.faults, listen_keys, self._limits)
        config = uvicorn.Config(app, ws="none", lifespan="off", log_level="error", access_log=False)
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._loop.call_soon(self._listening.set)
        await self._server.serve(sockets=[self._socket])
        await self.exchange.stop()

    def run(self, coroutine: Awaitable[T]) -> T:
        """Run something in the exchange's loop."""

        async def wrapped() -> T:
            return await coroutine

        return asyncio.run_coroutine_threadsafe(wrapped(), self._loop).result(30)

    def look(self, effect: Callable[[], T]) -> T:
        """Call something in the exchange's loop."""

        async def wrapped() -> T:
            return effect()

        return self.run(wrapped())

    def account(self, balances: Mapping[str, str], futures: Mapping[str, str] | None = None) -> Account:
        """Make an account with these balances."""
        spot = {asset: Decimal(amount) for asset, amount in balances.items()}
        usdm = {asset: Decimal(amount) for asset, amount in (futures or {}).items()}
        return self.run(self.exchange.accounts.make(spot, usdm))

    def stop(self) -> None:
        self._server.should_exit = True
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
