"""A simulator for the tests of its streams: the real exchange without a database, REST and WebSockets on one port."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx
import uvicorn
import websockets

from services.simulator.accounts import Account
from services.simulator.exchange import Exchange
from services.simulator.memory_store import MemoryStore
from services.simulator.rest.app import RestApp
from services.simulator.rest.weights import BINANCE
from services.simulator.settings import SimulatorSettings
from services.simulator.streams.app import StreamsApp
from services.simulator.streams.listen_keys import ListenKeys
from services.simulator.streams.outlet import SocketLimits
from services.simulator.streams.protocol import StreamsProtocol

_DEFAULTS = SocketLimits()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to pytest."""
        yield


class Running:
    """A simulator that runs, and how to speak with it."""

    def __init__(self, exchange: Exchange, streams: StreamsApp, keys: ListenKeys, port: int) -> None:
        self.exchange = exchange
        self.streams = streams
        self.keys = keys
        self.port = port
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")

    async def account(self, **balances: str) -> Account:
        """Open an account with the same balances on spot and, of USDT, on futures."""
        amounts = {asset: Decimal(amount) for asset, amount in balances.items()}
        return await self.exchange.accounts.make(amounts, {key: v for key, v in amounts.items() if key == "USDT"})

    async def hold(self, account: Account, *, spot: int | None = None, usdm: int | None = None) -> None:
        """Deposit or withdraw USDT until the account holds that much."""
        balances = [{} if amount is None else {"USDT": Decimal(amount)} for amount in (spot, usdm)]
        await self.exchange.accounts.set_balances(account.api_key, *balances)

    def socket(self, path: str, **named: Any) -> Any:
        """Return a WebSocket to be entered."""
        return websockets.connect(f"ws://127.0.0.1:{self.port}{path}", max_size=None, max_queue=None, **named)

    async def get(self, path: str, **query: object) -> Any:
        """Return the answer of a public request."""
        answer = await self.http.get(path, params={key: str(value) for key, value in query.items()})
        answer.raise_for_status()
        return answer.json()

    async def signed(self, method: str, path: str, account: Account, **query: object) -> Any:
        """Return the answer of a signed request."""
        text = urlencode({**query, "timestamp": self.exchange.now_ms()})
        signature = hmac.new(account.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        answer = await self.http.request(
            method, f"{path}?{text}&signature={signature}", headers={"X-MBX-APIKEY": account.api_key}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextlib.asynccontextmanager
async def running(limits: SocketLimits = _DEFAULTS, **settings: str) -> AsyncIterator[Running]:
    """Run a simulator."""
    values = {"DATABASE_URL": "", "SIMULATOR_SEED": "7", **settings}
    exchange = Exchange(SimulatorSettings.model_validate(values), MemoryStore())
    keys = ListenKeys(exchange.now_ms)
    rest = RestApp(exchange, exchange.faults, keys, BINANCE.times(1000))
    streams = StreamsApp(exchange, exchange.faults, keys, rest, limits)

    async def app(scope: Mapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        await (streams if scope["type"] == "websocket" else rest)(scope, receive, send)

    config = uvicorn.Config(
        app, ws=StreamsProtocol, ws_per_message_deflate=False, lifespan="off", log_config=None, access_log=False
    )
    listening = socket.create_server(("127.0.0.1", 0))
    server = _Server(config)
    await exchange.start()
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    simulator = Running(exchange, streams, keys, listening.getsockname()[1])
    try:
        yield simulator
    finally:
        await simulator.http.aclose()
        server.should_exit = True
        server.force_exit = True
        await serving
        streams.stop()
        await exchange.stop()


def signed(account: Account, now: int, **parameters: Any) -> dict[str, Any]:
    """Return parameters as the WebSocket API wants them signed."""
    values = {"apiKey": account.api_key, "timestamp": now, **parameters}
    text = "&".join(f"{name}={values[name]}" for name in sorted(values))
    digest = hmac.new(account.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return {**values, "signature": digest}


async def subscribe(simulator: Running, socket: Any, account: Account, **more: Any) -> Any:
    """Ask the WebSocket API for the events of an account and return the answer."""
    parameters = signed(account, simulator.exchange.now_ms(), **more)
    await socket.send(json.dumps({"id": "s", "method": "userDataStream.subscribe.signature", "params": parameters}))
    return await told(socket, lambda message: message.get("id") == "s")


async def told(socket: Any, fits: Callable[[Any], bool] = lambda _: True, timeout: float = 10) -> Any:
    """Return the next message of a socket that fits."""
    async with asyncio.timeout(timeout):
        while True:
            message = json.loads(await socket.recv())
            if fits(message):
                return message


async def ask(socket: Any, method: str, parameters: list[object] | None = None, request_id: object = 1) -> Any:
    """Send a request to a socket of market streams and return its answer."""
    request: dict[str, object] = {"method": method, "id": request_id}
    if parameters is not None:
        request["params"] = parameters
    await socket.send(json.dumps(request))
    return await told(socket, lambda message: isinstance(message, dict) and message.get("id", object()) == request_id)


async def closed(socket: Any) -> int | None:
    """Read to the end of a socket and return the code that it was closed with, None without a word."""
    try:
        async with asyncio.timeout(10):
            while True:
                await socket.recv()
    except websockets.ConnectionClosed as ended:
        return None if ended.rcvd is None else int(ended.rcvd.code)
