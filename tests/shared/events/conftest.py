"""A ledger whose events go to a stream of their own, and a look at what the stream holds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.js.client import JetStreamContext

from hummingbus.stack.nats_server import NatsServer
from shared.bus.connection import Client, connect
from shared.bus.subjects import Subjects
from shared.database.pool import Database
from shared.database.unit_of_work import UnitOfWork
from shared.events.envelope import Envelope, decode
from shared.events.relay import Relay
from shared.events.stream import BUS_FAILURES
from shared.settings import DatabaseSettings
from tests.eventually import eventually
from tests.stand_ins.ledger.contract import CHANGED, SERVICE, Changed


@pytest.fixture
async def connection(ledger: DatabaseSettings) -> AsyncIterator[Client]:
    """A connection of the test's own."""
    connection = await connect(ledger, "test")
    yield connection
    await connection.close()


@pytest.fixture
async def own_nats(folder: Path) -> AsyncIterator[NatsServer]:
    """A NATS that the test may kill."""
    server = NatsServer(folder / "nats")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def ledger_on_own_nats(ledger: DatabaseSettings, own_nats: NatsServer) -> DatabaseSettings:
    """Settings of the ledger on a NATS that the test may kill."""
    return ledger.model_copy(update={"nats_url": own_nats.url})


class Stream:
    """The ledger's stream, as the test sees it and what it does to it."""

    def __init__(self, connection: Client, subjects: Subjects) -> None:
        self.js: JetStreamContext = connection.jetstream(timeout=10)
        self.name = subjects.stream(SERVICE)

    async def events(self) -> list[Envelope]:
        """Return all that it holds, oldest first."""
        state = (await self.js.stream_info(self.name)).state
        if state.messages == 0:
            return []
        messages = [await self.js.get_msg(self.name, seq=place) for place in range(state.first_seq, state.last_seq + 1)]
        return [decode(message.data or b"") for message in messages]

    async def seqs(self) -> list[int]:
        """Return the `seq` of all that it holds, oldest first."""
        return [event.seq for event in await self.events()]

    async def has(self, count: int) -> None:
        """Wait until the last event is number `count`, and see that none is missing or there twice."""

        async def look() -> bool:
            try:
                state = (await self.js.stream_info(self.name)).state
            except BUS_FAILURES:
                return False
            return state.messages >= count

        await eventually(look)
        assert await self.seqs() == list(range(1, count + 1))


@pytest.fixture
def stream(connection: Client, ledger: DatabaseSettings) -> Stream:
    return Stream(connection, Subjects(ledger.namespace))


class Ledger:
    """A ledger that tells events; its relay is started and stopped by the test."""

    def __init__(self, settings: DatabaseSettings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.relay = Relay(settings, SERVICE, database)
        self.work = UnitOfWork(database, self.relay)

    async def tell(self, count: int = 1, name: str = "a") -> tuple[int, ...]:
        """Commit `count` events in one transaction and return their ids."""
        return await self.work.tell("alice", *((CHANGED, Changed(name, number, number)) for number in range(count)))


@pytest.fixture
async def teller(ledger: DatabaseSettings, database: Database) -> AsyncIterator[Ledger]:
    """The ledger, its relay not started."""
    teller = Ledger(ledger, database)
    yield teller
    await teller.relay.stop()


@pytest.fixture
async def relayed(teller: Ledger) -> Ledger:
    """The ledger, its relay started."""
    await teller.relay.start()
    return teller
