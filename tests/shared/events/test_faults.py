"""Processes and servers are killed at random: every committed event is in the stream once, and has one effect.

Each seed is another schedule. A command is tried with its key until it is done; what is checked at the end is that
each was done once, told once, in one order without a hole, and taken in once.
"""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import msgspec
import pytest

from hummingbus.stack.nats_server import NatsServer
from hummingbus.stack.postgres_server import PostgresServer
from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.database.pool import Database
from shared.errors import CommandError
from shared.events.envelope import Envelope
from shared.events.reader import Gap, StreamReader
from shared.settings import DatabaseSettings
from tests.eventually import eventually
from tests.servers import create_database, drop_database, short_folder
from tests.shared.events.conftest import Stream
from tests.stand_ins.ledger.contract import SERVICE, Changed
from tests.stand_ins.ledger.crash import CONSUMING, TELLING
from tests.stand_ins.ledger.processes import Crash, Killable, consume, tell
from tests.stand_ins.ledger.schema import make_tables

PRODUCERS = ("p", "q")
#: Commands of each producer.
EACH = 120
TOTAL = EACH * len(PRODUCERS)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[PostgresServer, NatsServer]]:
    """A PostgreSQL and a NATS that the tests of this module may kill."""
    with short_folder() as folder:
        postgres, nats = PostgresServer(folder / "postgres"), NatsServer(folder / "nats")
        asyncio.run(_start(postgres, nats))
        yield postgres, nats
        asyncio.run(postgres.stop())
        asyncio.run(nats.stop())


async def _start(*servers: PostgresServer | NatsServer) -> None:
    for server in servers:
        await server.start()


class World:
    """The ledger's processes with what they work on, and a reader that looks on all the time."""

    def __init__(self, settings: DatabaseSettings, postgres: PostgresServer, nats: NatsServer) -> None:
        self.settings = settings
        self.postgres = postgres
        self.nats = nats
        self.database = Database(settings, SERVICE)
        self.seen: list[int] = []
        self.gaps: list[Gap] = []
        self.reader = StreamReader(settings, "test", SERVICE, 0, self._see, on_gap=self.gaps.append)

    def _see(self, event: Envelope) -> None:
        self.seen.append(event.seq)

    async def reached(self, table: str, count: int) -> None:
        """Wait until `table` has `count` rows, through outages."""

        async def look() -> bool:
            try:
                rows: int = await self.database.fetchval(f"SELECT count(*) FROM {table}")
            except CommandError:
                return False
            return rows >= count

        await eventually(look, seconds=60)

    async def check(self) -> None:
        """Wait for the end, and see that nothing is missing, nothing is there twice, and all is in order."""
        await self.reached("outbox", TOTAL)
        await self.reached("effects", TOTAL)
        await eventually(lambda: self.reader.position >= TOTAL, seconds=60)

        rows = await self.database.fetch("SELECT id, seq, data FROM outbox ORDER BY seq")
        assert [row["seq"] for row in rows] == list(range(1, TOTAL + 1))
        assert await self.database.fetchval("SELECT sum(version) FROM entries") == TOTAL, "a command was done twice"

        connection = await connect(self.settings, "test")
        stream = Stream(connection, Subjects(self.settings.namespace))
        await stream.has(TOTAL)  # one that was wiped after the last event is filled again
        events = await stream.events()
        await connection.close()
        assert [(event.seq, event.event_id, bytes(event.data)) for event in events] == [
            (row["seq"], row["id"], row["data"]) for row in rows
        ]
        versions: dict[str, list[int]] = {}
        for event in events:
            changed = msgspec.json.decode(event.data, type=Changed)
            versions.setdefault(changed.name, []).append(changed.version)
        assert all(found == list(range(1, len(found) + 1)) for found in versions.values()), (
            "an entry's order was broken"
        )

        effects = [row["seq"] for row in await self.database.fetch("SELECT seq FROM effects ORDER BY seq")]
        assert effects == list(range(1, TOTAL + 1))
        assert (self.seen, self.gaps) == (list(range(1, TOTAL + 1)), [])


@pytest.fixture
async def world(servers: tuple[PostgresServer, NatsServer], namespace: str) -> AsyncIterator[World]:
    postgres, nats = servers
    name = await create_database(postgres)
    settings = DatabaseSettings.model_validate(
        {
            "HUMMINGBUS_NAMESPACE": namespace,
            "NATS_URL": nats.url,
            "DATABASE_URL": postgres.database_url(name),
        }
    )
    await make_tables(settings)
    world = World(settings, postgres, nats)
    await world.database.start()
    await world.reader.start()
    yield world
    await world.reader.stop()
    await world.database.stop()
    # A killed PostgreSQL looks at every file when it comes back: hundreds of databases would take it a minute.
    await drop_database(postgres, name)


@contextmanager
def started(*processes: Killable) -> Iterator[None]:
    """Run `processes` and end them with SIGKILL."""
    try:
        for process in processes:
            process.start()
        yield
    finally:
        for process in processes:
            process.kill()


@asynccontextmanager
async def kept_running(*processes: Killable) -> AsyncIterator[None]:
    """Run `processes`, started again whenever they crash; an end that was not a crash fails the test."""
    with started(*processes):
        keepers = [asyncio.create_task(process.keep_running()) for process in processes]
        try:
            yield
        finally:
            for keeper in keepers:
                keeper.cancel()
            results = await asyncio.gather(*keepers, return_exceptions=True)
        failures = [result for result in results if not isinstance(result, asyncio.CancelledError)]
        assert failures == []


def crashes(rng: random.Random, points: tuple[str, ...], count: int, most: int) -> tuple[Crash, ...]:
    return tuple((rng.choice(points), rng.randint(1, most)) for _ in range(count))


def producers(world: World, rng: random.Random, count: int = 0) -> list[Killable]:
    return [Killable(tell, world.settings, name, EACH, crashes=crashes(rng, TELLING, count, 60)) for name in PRODUCERS]


def group_of_three(world: World, rng: random.Random, count: int = 0) -> list[Killable]:
    return [Killable(consume, world.settings, crashes=crashes(rng, CONSUMING, count, 20)) for _ in range(3)]


async def test_processes_are_killed_between_any_two_steps(world: World, seed: int) -> None:
    rng = random.Random(seed)
    processes = [*producers(world, rng, 3), *group_of_three(world, rng, 2)]
    async with kept_running(*processes):
        await world.check()
    assert sum(process.crashed for process in processes) >= 3, "expected crashes"


@pytest.mark.parametrize("wipe", [False, True], ids=["kept", "wiped"])
async def test_nats_is_killed_and_comes_back(wipe: bool, world: World, seed: int) -> None:
    rng = random.Random(seed)

    async def outage() -> None:
        world.nats.kill()
        if wipe:
            world.nats.wipe()
        await world.nats.start()

    await _with_outages(world, rng, outage)


async def test_postgresql_is_killed_and_comes_back(world: World, seed: int) -> None:
    async def outage() -> None:
        world.postgres.kill()
        await world.postgres.start()

    await _with_outages(world, random.Random(seed), outage)


async def test_both_servers_are_killed_at_once_and_nats_is_wiped(world: World, seed: int) -> None:
    async def outage() -> None:
        world.postgres.kill()
        world.nats.kill()
        world.nats.wipe()
        await asyncio.gather(world.nats.start(), world.postgres.start())

    await _with_outages(world, random.Random(seed), outage)


async def _with_outages(world: World, rng: random.Random, outage: Callable[[], Awaitable[None]]) -> None:
    async with kept_running(*producers(world, rng), *group_of_three(world, rng)):
        for count in sorted(rng.sample(range(1, TOTAL), 2)):
            await world.reached("outbox", count)
            await outage()
        await world.check()


async def test_of_a_group_of_three_one_is_killed_for_good(world: World, seed: int) -> None:
    rng = random.Random(seed)
    group = group_of_three(world, rng)
    async with kept_running(*producers(world, rng)):
        with started(*group):
            await world.reached("effects", rng.randrange(1, TOTAL // 2))
            rng.choice(group).kill()
            await world.check()


async def test_a_relay_that_was_paused_wakes_beside_its_successor(world: World, seed: int) -> None:
    rng = random.Random(seed)
    first, second = producers(world, rng)
    with started(first, *group_of_three(world, rng)):
        await world.reached("effects", rng.randrange(1, EACH))
        pid = first.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        with started(second):
            # Its locks and its leadership end with its sessions, which PostgreSQL closes when it hears nothing.
            await world.reached("effects WHERE name LIKE 'q-%'", EACH // 2)
            os.kill(pid, signal.SIGCONT)
            await world.check()
