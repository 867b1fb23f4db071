"""What one says on a socket, and hears."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import websockets

from tests.services.simulator.rest.venue_server import Account
from tests.services.simulator.streams.running import Running, signed


async def told(socket: Any, fits: Callable[[Any], bool] = lambda _: True, timeout: float = 30) -> Any:
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


async def call(socket: Any, method: str, parameters: Any = None, request_id: Any = 1) -> Any:
    """Send a request to the WebSocket API and return its answer."""
    request = {"id": request_id, "method": method}
    if parameters is not None:
        request["params"] = parameters
    await socket.send(json.dumps(request))
    return await told(socket, lambda message: message.get("id") == request_id)


async def subscribe(socket: Any, account: Account, **more: Any) -> Any:
    """Ask the WebSocket API for the events of an account and return the answer."""
    return await call(socket, "userDataStream.subscribe.signature", signed(account, **more), "s")


@contextlib.asynccontextmanager
async def user_stream(simulator: Running, venue: str, key: str, *, combined: bool = False) -> AsyncIterator[Any]:
    """Open the stream of a listen key; it is told everything from now on."""
    kind = f"stream?streams={key}" if combined else f"ws/{key}"
    path = f"/{kind}" if venue == "spot" else f"/fstream/private/ws?listenKey={key}"
    async with simulator.socket(path) as socket:
        assert (await ask(socket, "LIST_SUBSCRIPTIONS", None, "open"))["result"] == [key]
        yield socket


async def closed(socket: Any) -> int | None:
    """Read to the end of a socket and return the code that it was closed with, None without a word."""
    try:
        async with asyncio.timeout(30):
            while True:
                await socket.recv()
    except websockets.ConnectionClosed as ended:
        return None if ended.rcvd is None else int(ended.rcvd.code)
