"""Relay, reader and consumer do all they do with the rights that their NATS users have, and no more is asked for."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.contracts.credentials import ACCOUNT_CREATED, SERVICE, AccountChanged
from shared.contracts.declaration import EDGE, OUTSIDE
from shared.database.pool import Database
from shared.database.unit_of_work import UnitOfWork, Work
from shared.events.consumer import Consumer
from shared.events.envelope import Envelope
from shared.events.range import read_range
from shared.events.reader import StreamReader
from shared.events.relay import Relay
from shared.settings import DatabaseSettings
from tests.conftest import SettingsFor
from tests.eventually import eventually
from tests.servers import TEST_USER, strict_nats
from tests.stand_ins.ledger.schema import make_tables


@pytest.fixture
async def strict(folder: Path, settings_for: SettingsFor, namespace: str) -> AsyncIterator[dict[str, DatabaseSettings]]:
    """Settings of each user of a NATS that holds everybody to its rights."""
    server, seeds = strict_nats(folder / "nats", namespace)
    await server.start()
    await make_tables(settings_for(SERVICE), SERVICE)
    yield {user: settings_for(user, NATS_URL=server.url, NATS_SEED=seed) for user, seed in seeds.items()}
    await server.stop()


async def test_relay_reader_and_consumer_have_all_the_rights_that_they_need(
    strict: dict[str, DatabaseSettings], capfd: pytest.CaptureFixture[str]
) -> None:
    own = strict[SERVICE]
    database = Database(own, SERVICE)
    await database.start()
    relay = Relay(own, SERVICE, database)
    work = UnitOfWork(database, relay)
    seen: dict[str, list[int]] = {user: [] for user in (SERVICE, EDGE, OUTSIDE)}
    readers = [
        StreamReader(strict[user], user, SERVICE, 0, lambda event, user=user: seen[user].append(event.seq))  # type: ignore[misc]
        for user in seen
    ]

    async def effect(inside: Work, event: Envelope) -> None:
        await inside.connection.execute("INSERT INTO effects (seq, name) VALUES ($1, 'x')", event.seq)

    consumer = Consumer(own, SERVICE, "own", SERVICE, effect, database=database)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.stop)
        parts: list[Relay | Consumer | StreamReader] = [relay, consumer, *readers]
        for part in parts:
            await part.start()
            stack.push_async_callback(part.stop)
        admin, outside = await connect(strict[TEST_USER], TEST_USER), await connect(strict[OUTSIDE], OUTSIDE)
        stack.push_async_callback(admin.close)
        stack.push_async_callback(outside.close)

        async def tell(last: int) -> None:
            await work.tell("alice", (ACCOUNT_CREATED, AccountChanged("a", last)))
            await eventually(lambda: all(reader.position == last for reader in readers))

            async def effects() -> bool:
                return bool(await database.fetchval("SELECT count(*) = $1 FROM effects", last))

            await eventually(effects)

        async def kept() -> bool:
            events = (await read_range(outside, Subjects(own.namespace), SERVICE, 0)).events
            return [event.seq for event in events] == [1, 2, 3]

        await tell(1)
        await tell(2)
        stream = Subjects(own.namespace).stream(SERVICE)
        await admin.jetstream().delete_stream(stream)
        await tell(3)
        await eventually(kept)
        await admin.jetstream().purge_stream(stream)
        await eventually(kept)
    assert seen == {user: [1, 2, 3] for user in seen}
    assert "ermissions" not in "".join(capfd.readouterr())
