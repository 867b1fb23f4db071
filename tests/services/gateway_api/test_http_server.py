"""The server inside the loop: ports, and the end."""

import asyncio
import signal
import socket

import pytest

from services.gateway_api.settings import EdgeSettings
from shared.http.server import HttpServer, PortError
from tests.services.gateway_api.conftest import Edge, StartEdge
from tests.services.gateway_api.credentials_stand_in import CredentialsStandIn


async def nothing(scope: object, receive: object, send: object) -> None:
    raise AssertionError("nobody asks")


async def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = HttpServer(nothing, EdgeSettings.model_validate({"API_PORT": port}).listen)
        with pytest.raises(PortError, match=rf"port {port} .* API_PORT"):
            await server.start()


async def test_an_address_that_is_not_ours_is_named() -> None:
    server = HttpServer(nothing, EdgeSettings.model_validate({"API_HOST": "203.0.113.1", "API_PORT": 0}).listen)
    with pytest.raises(PortError, match=r"203\.0\.113\.1"):
        await server.start()


async def test_it_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    server = HttpServer(nothing, EdgeSettings.model_validate({"API_PORT": 0}).listen)
    await server.start()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert server.serving
    await server.drain()
    assert not server.serving


async def test_a_stop_finishes_what_is_under_way_and_takes_no_more(edge: Edge, credentials: CredentialsStandIn) -> None:
    held = asyncio.Event()
    arrived = asyncio.Event()

    async def hold() -> None:
        arrived.set()
        await held.wait()

    credentials.before_verification = hold
    request = asyncio.create_task(edge.ask("GET", "/accounts/"))
    await arrived.wait()
    stop = asyncio.create_task(edge.service.drain())
    await refused(edge)
    held.set()
    assert (await request)[0] == 200
    await stop


async def refused(edge: Edge) -> None:
    """Wait until no connection is accepted."""
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection(edge.host, edge.service.port)
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)


async def test_a_request_without_end_does_not_hold_up_a_stop(
    start_edge: StartEdge, credentials: CredentialsStandIn
) -> None:
    edge = await start_edge(DRAIN_TIMEOUT=1)
    never = asyncio.Event()
    arrived = asyncio.Event()

    async def hold() -> None:
        arrived.set()
        await never.wait()

    credentials.before_verification = hold
    request = asyncio.create_task(edge.ask("GET", "/accounts/"))
    await arrived.wait()
    async with asyncio.timeout(30):
        await edge.service.drain()
    await asyncio.gather(request, return_exceptions=True)
    never.set()
