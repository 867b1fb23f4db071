"""The portfolio service on real servers, its tables alone, and buses to ask it by."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from hummingbus.stack.nkey import Nkey
from hummingbus.stack.postgres_server import PostgresServer
from services.portfolio.app import PortfolioService
from services.portfolio.settings import PortfolioSettings
from shared.bus.client import Bus
from shared.database.migrate import ensure_migrated
from shared.database.pool import Database
from shared.settings import DatabaseSettings
from tests.conftest import SettingsFor
from tests.servers import create_database, drop_database
from tests.services.portfolio.credentials_stand_in import CredentialsStandIn
from tests.services.portfolio.recorded import Recorder
from tests.services.portfolio.trading import Trader, new_trader
from tests.services.simulator.rest.venue_server import VenueServer

Start = Callable[..., Awaitable[PortfolioService]]


@pytest.fixture(scope="session")
def migrated_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a database with the schema of the service, to be copied: migrating takes longer than most tests."""
    name = asyncio.run(create_database(postgres_server))
    settings = DatabaseSettings(DATABASE_URL=SecretStr(postgres_server.database_url(name)))
    asyncio.run(ensure_migrated(settings, "portfolio"))
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
async def database(settings_for: SettingsFor) -> AsyncIterator[Database]:
    """The schema of the service."""
    database = Database(settings_for("portfolio"), "portfolio")
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
async def recorder(settings_for: SettingsFor, database: Database) -> AsyncIterator[Recorder]:
    """Records orders, trades, balances and sessions, as any replica might, and relays the events."""
    recorder = Recorder(settings_for("portfolio"), database)
    await recorder.start()
    yield recorder
    await recorder.stop()


@pytest.fixture
async def bus(settings_for: SettingsFor) -> AsyncIterator[Bus]:
    """A connected bus of an outside program."""
    bus = Bus(settings_for("outside"), "outside")
    await bus.start()
    yield bus
    await bus.stop()


@pytest.fixture(scope="package")
def venue_server() -> Iterator[VenueServer]:
    """One simulated exchange for all tests, each of which makes accounts of its own."""
    server = VenueServer()
    yield server
    server.stop()


@pytest.fixture
def venue(venue_server: VenueServer) -> Iterator[VenueServer]:
    """The exchange, without faults before and after."""
    yield venue_server
    venue_server.remove_faults()


@pytest.fixture
async def credentials(settings_for: SettingsFor) -> AsyncIterator[CredentialsStandIn]:
    """What stands in for the credentials service."""
    credentials = CredentialsStandIn(settings_for("credentials"))
    await credentials.start()
    yield credentials
    await credentials.stop()


@pytest.fixture
async def start(settings_for: SettingsFor, venue: VenueServer) -> AsyncIterator[Start]:
    """A function that starts a replica of the service; all are drained afterwards."""
    async with contextlib.AsyncExitStack() as stack:

        async def start_one(**more: Any) -> PortfolioService:
            values = {"SIMULATOR_URL": venue.url, "NATS_SEED": Nkey.new().seed, **more}
            service = PortfolioService(settings_for("portfolio", PortfolioSettings, **values))
            stack.push_async_callback(service.drain)
            await service.start()
            return service

        yield start_one


@pytest.fixture
async def trader(start: Start, credentials: CredentialsStandIn, bus: Bus, venue: VenueServer) -> Trader:
    """An account whose session is ready to trade, through one replica."""
    trader = await new_trader(bus, venue, credentials)
    await start()
    await trader.ready()
    return trader
