"""The tables of the portfolio service on a real PostgreSQL, and buses to ask it by."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from hummingbus.stack.postgres_server import PostgresServer
from shared.bus.client import Bus
from shared.database.migrate import ensure_migrated
from shared.database.pool import Database
from shared.settings import DatabaseSettings
from tests.conftest import SettingsFor
from tests.servers import create_database, drop_database
from tests.services.portfolio.recorded import Recorder


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
