"""The credentials service on real servers, and a bus to ask it by."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from hummingbus.stack.postgres_server import PostgresServer
from services.credentials.app import CredentialsService
from services.credentials.settings import CredentialsSettings
from shared.bus.client import Bus
from shared.contracts.declaration import Command, Req, Res
from shared.database.migrate import ensure_migrated
from shared.errors import CommandError
from shared.settings import DatabaseSettings
from tests.conftest import SettingsFor
from tests.servers import create_database, drop_database
from tests.services.credentials.portfolio_stand_in import KEY, PortfolioStandIn
from tests.services.credentials.simulator_stand_in import SimulatorStandIn

CONFIG_PASSWORD = "the-config-password"
USERNAME = "alice"
PASSWORD = "the-api-password"

Start = Callable[..., Awaitable[CredentialsService]]


@pytest.fixture(scope="session")
def migrated_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a database with the schema of the service, to be copied: migrating takes longer than most tests."""
    name = asyncio.run(create_database(postgres_server))
    settings = DatabaseSettings(DATABASE_URL=SecretStr(postgres_server.database_url(name)))
    asyncio.run(ensure_migrated(settings, "credentials"))
    yield name
    asyncio.run(drop_database(postgres_server, name))


@pytest.fixture
async def database_url(postgres_server: PostgresServer, migrated_database: str) -> AsyncIterator[str]:
    """The URL of a database with the empty schema of the service, deleted afterwards."""
    name = f"{migrated_database}_{uuid4().hex[:8]}"
    connection = await asyncpg.connect(postgres_server.url)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_database}")
    await connection.close()
    yield postgres_server.database_url(name)
    await drop_database(postgres_server, name)


@pytest.fixture
async def start(settings_for: SettingsFor) -> AsyncIterator[Start]:
    """A function that starts a replica of the service; all are drained afterwards."""
    async with contextlib.AsyncExitStack() as stack:

        async def start_one(**more: Any) -> CredentialsService:
            values = {
                "CONFIG_PASSWORD": CONFIG_PASSWORD,
                "API_USERNAME": USERNAME,
                "API_PASSWORD": PASSWORD,
                "SERVICE_KEYS": json.dumps({"portfolio": KEY.public_key}),
                **more,
            }
            service = CredentialsService(settings_for("credentials", CredentialsSettings, **values))
            stack.push_async_callback(service.drain)
            await service.start()
            return service

        yield start_one


@pytest.fixture
async def service(start: Start) -> CredentialsService:
    """One replica of the service."""
    return await start()


class Asker:
    """Sends commands as one actor."""

    def __init__(self, bus: Bus, actor: str) -> None:
        self.bus = bus
        self.actor = actor

    async def __call__(self, command: Command[Req, Res], request: Req, **more: Any) -> Res:
        """Return the response of `command`."""
        return await self.bus.request(command, request, actor=self.actor, **more)

    async def refused(self, command: Command[Req, Res], request: Req, **more: Any) -> CommandError:
        """Return the error that `command` ends in."""
        with pytest.raises(CommandError) as caught:
            await self(command, request, **more)
        return caught.value


@pytest.fixture
async def bus(settings_for: SettingsFor) -> AsyncIterator[Bus]:
    """A connected bus."""
    bus = Bus(settings_for("outside", DatabaseSettings), "outside")
    await bus.start()
    yield bus
    await bus.stop()


@pytest.fixture
def ask(bus: Bus) -> Asker:
    """Commands of an outside program."""
    return Asker(bus, "outside")


@pytest.fixture
async def simulator(settings_for: SettingsFor) -> AsyncIterator[SimulatorStandIn]:
    """A simulator that answers on the bus."""
    stand_in = SimulatorStandIn(settings_for("simulator"))
    await stand_in.start()
    yield stand_in
    await stand_in.stop()


@pytest.fixture
async def portfolio(settings_for: SettingsFor) -> AsyncIterator[PortfolioStandIn]:
    """A portfolio that answers on the bus."""
    stand_in = PortfolioStandIn(settings_for("portfolio"))
    await stand_in.start()
    yield stand_in
    await stand_in.stop()
