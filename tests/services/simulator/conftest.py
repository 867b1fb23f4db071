"""Real simulators on free ports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from hummingbus.stack.postgres_server import PostgresServer
from shared.database.migrate import ensure_migrated
from shared.settings import DatabaseSettings
from tests.servers import copied_database, create_database, drop_database
from tests.services.simulator.process import SimulatorProcess
from tests.services.simulator.rest.venue_server import VenueServer

StartSimulator = Callable[..., Awaitable[SimulatorProcess]]


@pytest.fixture
async def start_simulator(tmp_path: Path) -> AsyncIterator[StartSimulator]:
    """A function that starts a simulator with further settings, ended after the test."""
    started: list[SimulatorProcess] = []

    async def start(**settings: str) -> SimulatorProcess:
        simulator = SimulatorProcess(tmp_path, settings)
        started.append(simulator)
        await simulator.start()
        return simulator

    yield start
    for simulator in started:
        await simulator.kill()


@pytest.fixture
async def simulator(start_simulator: StartSimulator) -> SimulatorProcess:
    """A simulator that keeps its state in memory."""
    return await start_simulator()


@pytest.fixture(scope="package")
def server() -> Iterator[VenueServer]:
    """The simulator of all tests that do not need one of their own; its limits are not to be met by chance."""
    running = VenueServer()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def migrated_simulator_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a database with the schema of the simulator, to be copied: migrating takes longer than most tests."""
    name = asyncio.run(create_database(postgres_server))
    settings = DatabaseSettings(DATABASE_URL=SecretStr(postgres_server.database_url(name)))
    asyncio.run(ensure_migrated(settings, "simulator"))
    yield name
    asyncio.run(drop_database(postgres_server, name))


@pytest.fixture
async def simulator_database(postgres_server: PostgresServer, migrated_simulator_database: str) -> AsyncIterator[str]:
    """The URL of a database with the schema of the simulator, for one test."""
    name = await copied_database(postgres_server, migrated_simulator_database)
    yield postgres_server.database_url(name)
    await drop_database(postgres_server, name)
