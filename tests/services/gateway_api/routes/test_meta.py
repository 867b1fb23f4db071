"""What anybody may ask: name, life, readiness."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from hummingbus.stack.nats_server import NatsServer
from shared.service import VERSION, Health
from shared.settings import Settings
from tests.eventually import eventually
from tests.services.gateway_api.conftest import Edge, StartEdge
from tests.services.gateway_api.credentials_stand_in import CredentialsStandIn


@pytest.fixture
async def own_nats(folder: Path) -> AsyncIterator[NatsServer]:
    """A server that the test may stop."""
    server = NatsServer(folder / "nats")
    await server.start()
    yield server
    await server.stop()


async def test_the_root_tells_name_and_version_to_anybody(edge: Edge) -> None:
    async with aiohttp.ClientSession() as stranger, stranger.get(edge.url) as answer:
        assert answer.status == 200
        assert await answer.json() == {"name": "Hummingbot API", "version": VERSION, "status": "running"}


@pytest.mark.usefixtures("portfolio", "marketdata")
async def test_it_lives_and_is_ready(edge: Edge) -> None:
    async with aiohttp.ClientSession() as stranger:
        for path in ("/health", "/health/"):
            async with stranger.get(edge.url + path) as answer:
                assert (answer.status, await answer.json()) == (200, {"status": "ok"})
        async with stranger.get(f"{edge.url}/ready") as answer:
            assert answer.status == 200
            body = await answer.json()
    assert body["status"] == "ready"
    assert body["servers"] == {"nats": {"state": "up"}, "database": {"state": "up"}}
    assert body["services"]["gateway_api"]["state"] == "ready"
    (replica,) = body["services"]["credentials"]["replicas"]
    assert replica["state"] == "ready"
    assert replica["version"] == VERSION


async def test_ready_names_what_is_not(edge: Edge, credentials: CredentialsStandIn) -> None:
    credentials.health = Health(False, ("the database cannot be reached", "the clock is 3 s off"))
    status, body = await edge.ask("GET", "/ready")
    assert (status, body["status"]) == (503, "not ready")
    assert body["services"]["credentials"]["state"] == "not ready"
    assert body["services"]["credentials"]["replicas"][0]["reasons"] == [
        "the database cannot be reached",
        "the clock is 3 s off",
    ]
    assert body["servers"] == {"nats": {"state": "up"}, "database": {"state": "down"}}


async def test_a_service_that_does_not_answer_is_down(start_edge: StartEdge) -> None:
    edge = await start_edge()
    status, body = await edge.ask("GET", "/ready")
    assert status == 503
    assert body["services"]["credentials"] == {"state": "down", "replicas": []}
    assert body["servers"]["database"] == {"state": "unknown"}


async def test_many_who_ask_share_one_answer(edge: Edge) -> None:
    answers = await asyncio.gather(*(edge.ask("GET", "/ready") for _ in range(20)))
    assert len({str(answer) for answer in answers}) == 1


async def test_the_bus_goes_and_comes_back(start_edge: StartEdge, settings: Settings, own_nats: NatsServer) -> None:
    edge = await start_edge(NATS_URL=own_nats.url)
    credentials = CredentialsStandIn(settings.model_copy(update={"nats_url": own_nats.url}))
    await credentials.start()
    try:
        assert (await edge.ask("GET", "/accounts/"))[0] == 200
        await own_nats.stop()

        async def without_bus() -> bool:
            status, body = await edge.ask("GET", "/accounts/")
            return status == 503 and "bus" in body["detail"]

        await eventually(without_bus)
        status, body = await edge.ask("GET", "/ready")
        assert status == 503
        assert body["servers"]["nats"] == {"state": "down"}
        await own_nats.start()

        async def with_bus() -> bool:
            return (await edge.ask("GET", "/accounts/"))[0] == 200

        await eventually(with_bus)
    finally:
        await credentials.stop()
