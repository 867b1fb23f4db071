"""The marketdata service on a real NATS, with fake markets or the real simulator, and a bus to ask it by."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hummingbus.stack.nats_server import NatsServer
from hummingbus.stack.postgres_server import PostgresServer
from services.marketdata.app import MarketdataService
from services.marketdata.settings import MarketdataSettings
from services.marketdata.venue import MarketSource
from shared.bus.client import Bus
from shared.contracts.declaration import Command, Req, Res
from shared.contracts.marketdata import SERVICE
from shared.database.migrate import ensure_migrated
from shared.errors import CommandError
from shared.exchanges.registry import Exchanges
from shared.exchanges.settings import ExchangeSettings
from shared.settings import DatabaseSettings, Settings
from tests.ports import reserved_port
from tests.servers import copied_database, create_database, drop_database
from tests.services.marketdata.fake_market import FakeExchanges, FakeMarket
from tests.services.simulator.process import SimulatorProcess

Start = Callable[..., Awaitable[MarketdataService]]
Serve = Callable[..., Awaitable[MarketdataService]]


@pytest.fixture(scope="session")
def migrated(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a database with the service's tables, of which each test gets a copy."""

    async def make() -> str:
        name = await create_database(postgres_server)
        settings = DatabaseSettings.model_validate({"DATABASE_URL": postgres_server.database_url(name)})
        await ensure_migrated(settings, SERVICE)
        return name

    name = asyncio.run(make())
    yield name
    asyncio.run(drop_database(postgres_server, name))


@pytest.fixture
async def migrated_url(postgres_server: PostgresServer, migrated: str) -> AsyncIterator[str]:
    """The URL of a database of the test's own, with the service's tables."""
    name = await copied_database(postgres_server, migrated)
    yield postgres_server.database_url(name)
    await drop_database(postgres_server, name)


@pytest.fixture
def values(nats_server: NatsServer, namespace: str, migrated_url: str) -> dict[str, str]:
    """Settings of a namespace and a database of the test's own."""
    return {"HUMMINGBUS_NAMESPACE": namespace, "NATS_URL": nats_server.url, "DATABASE_URL": migrated_url}


@pytest.fixture
async def start(values: dict[str, str]) -> AsyncIterator[Start]:
    """A function that starts a replica over some exchanges; all are drained afterwards."""
    async with contextlib.AsyncExitStack() as stack:

        async def start_one(source: MarketSource, **more: Any) -> MarketdataService:
            service = MarketdataService(MarketdataSettings.model_validate({**values, **more}), source)
            stack.push_async_callback(service.drain)
            await service.start()
            return service

        yield start_one


@pytest.fixture
def simulator_settings() -> dict[str, str]:
    """What the simulator is told beside its port and its seed; a folder whose tests need more has its own."""
    return {}


@pytest.fixture
async def simulator(folder: Path, simulator_settings: dict[str, str]) -> AsyncIterator[SimulatorProcess]:
    """A simulator that has the same port when it is started again."""
    made = SimulatorProcess(
        folder, {"SIMULATOR_PORT": str(reserved_port()), "SIMULATOR_SEED": "7", **simulator_settings}
    )
    await made.start()
    yield made
    await made.kill()


@pytest.fixture
def serve(simulator: SimulatorProcess, start: Start) -> Serve:
    """A function that starts a replica over the simulator; all are drained while it is still there."""

    async def serve_one(**more: str) -> MarketdataService:
        exchanges = ExchangeSettings.model_validate({"SIMULATOR_URL": simulator.url})
        return await start(Exchanges(exchanges.endpoints()), SIMULATOR_URL=simulator.url, **more)

    return serve_one


class Asker:
    """Sends commands as an outside program."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus

    async def __call__(self, command: Command[Req, Res], request: Req, **more: Any) -> Res:
        """Return the response of `command`."""
        return await self.bus.request(command, request, actor="outside", **more)

    async def refused(self, command: Command[Req, Res], request: Req, **more: Any) -> CommandError:
        """Return the error that `command` ends in."""
        with pytest.raises(CommandError) as caught:
            await self(command, request, **more)
        return caught.value


@pytest.fixture
async def ask(values: dict[str, str]) -> AsyncIterator[Asker]:
    """Commands of an outside program."""
    bus = Bus(Settings.model_validate(values), "outside")
    await bus.start()
    yield Asker(bus)
    await bus.stop()


@pytest.fixture
def exchanges() -> FakeExchanges:
    """Exchanges that do as the test says."""
    return FakeExchanges()


@pytest.fixture
def market(exchanges: FakeExchanges) -> FakeMarket:
    """The fake market of `paper`."""
    return exchanges.market("paper")
