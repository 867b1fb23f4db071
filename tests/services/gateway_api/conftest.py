"""A running edge over a real NATS, with the services behind it played by stand-ins and a stream of real events."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from hummingbus.stack.nats_server import NatsServer
from services.gateway_api.app import GatewayApi
from services.gateway_api.settings import EdgeSettings
from shared.contracts.catalogue import COMMANDS
from shared.settings import Settings
from tests.services.gateway_api.credentials_stand_in import PASSWORD, USERNAME, CredentialsStandIn
from tests.services.gateway_api.marketdata_stand_in import MarketdataStandIn
from tests.services.gateway_api.portfolio_stand_in import PortfolioStandIn
from tests.services.gateway_api.published import Published

StartEdge = Callable[..., Awaitable["Edge"]]

AUTH = {"Authorization": aiohttp.encode_basic_auth(USERNAME, PASSWORD)}


class Edge:
    """A running edge with a client of the right user; `headers` of a request go before the client's."""

    def __init__(self, service: GatewayApi, client: aiohttp.ClientSession) -> None:
        self.service = service
        self.client = client
        self.host = "127.0.0.1"
        self.url = f"http://{self.host}:{service.port}"

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Return the status and the decoded body of the answer."""
        async with self.client.request(method, self.url + path, **options) as answer:
            return answer.status, await answer.json()


@pytest.fixture
def settings(nats_server: NatsServer, namespace: str) -> Settings:
    return Settings.model_validate({"HUMMINGBUS_NAMESPACE": namespace, "NATS_URL": nats_server.url})


@pytest.fixture
async def credentials(settings: Settings) -> AsyncIterator[CredentialsStandIn]:
    service = CredentialsStandIn(settings)
    await service.start()
    yield service
    await service.stop()


@pytest.fixture
async def portfolio(settings: Settings) -> AsyncIterator[PortfolioStandIn]:
    service = PortfolioStandIn(settings)
    await service.start()
    yield service
    await service.stop()


@pytest.fixture
async def marketdata(settings: Settings) -> AsyncIterator[MarketdataStandIn]:
    service = MarketdataStandIn(settings)
    await service.start()
    yield service
    await service.stop()


@pytest.fixture
def impatient() -> Iterator[None]:
    """Commands that are given up after a second: those that are answered take less, also on a busy machine."""
    kept = [command.timeout for command in COMMANDS]
    for command in COMMANDS:
        object.__setattr__(command, "timeout", 1.0)
    yield
    for command, timeout in zip(COMMANDS, kept, strict=True):
        object.__setattr__(command, "timeout", timeout)


@pytest.fixture
async def published(settings: Settings) -> AsyncIterator[Published]:
    """The stream of the service's events, empty."""
    stream = Published(settings)
    await stream.start()
    yield stream
    await stream.stop()


@pytest.fixture
async def start_edge(settings: Settings) -> AsyncIterator[StartEdge]:
    """A function that starts an edge; keyword arguments are settings by their upper-case names."""
    async with AsyncExitStack() as stack:

        async def start(**more: object) -> Edge:
            values = {"HUMMINGBUS_NAMESPACE": settings.namespace, "NATS_URL": settings.nats_url, "API_PORT": 0, **more}
            service = GatewayApi(EdgeSettings.model_validate(values))
            await service.start()
            stack.push_async_callback(service.drain)
            client = await stack.enter_async_context(aiohttp.ClientSession(headers=AUTH))
            return Edge(service, client)

        yield start


@pytest.fixture
async def edge(start_edge: StartEdge, credentials: CredentialsStandIn) -> Edge:
    return await start_edge()
