"""A durable consumer: each event with effect exactly once, over replicas, refusals, and losses of every part."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from hummingbus.stack.nats_server import NatsServer
from shared.database.pool import Database
from shared.database.unit_of_work import Work
from shared.errors import CommandError, ErrorCode
from shared.events import consumer as consumer_module
from shared.events import intake
from shared.events.consumer import Consumer
from shared.events.envelope import Envelope
from shared.settings import DatabaseSettings
from shared.telemetry.trace import TraceContext, current_trace
from tests.eventually import eventually
from tests.shared.events.conftest import Ledger, Stream
from tests.stand_ins.ledger.contract import CHANGED, SERVICE, Changed

NAME = "copy"


async def effect(work: Work, event: Envelope) -> None:
    """Note the event, in a table that a second effect would show in."""
    changed = msgspec.json.decode(event.data, type=Changed)
    await work.connection.execute("INSERT INTO effects (seq, name) VALUES ($1, $2)", event.seq, changed.name)


async def effects(database: Database) -> list[int]:
    """Return the `seq` of all effects, in the order in which they happened."""
    return [row["seq"] for row in await database.fetch("SELECT seq FROM effects ORDER BY id")]


@asynccontextmanager
async def consuming(
    settings: DatabaseSettings,
    database: Database,
    handle: Callable[[Work, Envelope], Awaitable[None]] = effect,
    **more: Any,
) -> AsyncIterator[Consumer]:
    consumer = Consumer(settings, SERVICE, NAME, SERVICE, handle, database=database, **more)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def has(database: Database, count: int, seconds: float = 60) -> None:
    """Wait for `count` effects, and see that each event had one."""

    async def look() -> bool:
        number: int = await database.fetchval("SELECT count(*) FROM effects")
        return number >= count

    await eventually(look, seconds=seconds)
    assert sorted(await effects(database)) == list(range(1, count + 1))


async def test_each_event_takes_effect_in_order(relayed: Ledger, database: Database) -> None:
    async with consuming(relayed.settings, database) as consumer:
        await relayed.tell(1_000)
        await has(database, 1_000)
        await eventually(lambda: consumer.lag() == 0)
    assert await effects(database) == list(range(1, 1_001))


async def test_a_consumer_goes_on_where_it_stopped(relayed: Ledger, database: Database) -> None:
    async with consuming(relayed.settings, database):
        await relayed.tell(20)
        await has(database, 20)
    await relayed.tell(20)
    async with consuming(relayed.settings, database):
        await has(database, 40)


async def test_what_is_delivered_and_not_begun_when_it_stops_goes_to_another_at_once(
    relayed: Ledger, database: Database
) -> None:
    begun, proceed = asyncio.Event(), asyncio.Event()

    async def slow(work: Work, event: Envelope) -> None:
        begun.set()
        await proceed.wait()
        await effect(work, event)

    first = Consumer(relayed.settings, SERVICE, NAME, SERVICE, slow, database=database)
    await first.start()
    await relayed.tell(1)
    await begun.wait()
    await relayed.tell(300)
    await eventually(lambda: len(first._delivered) == 300)
    stopping = asyncio.create_task(first.stop())
    async with consuming(relayed.settings, database):
        proceed.set()
        await stopping
        await has(database, 301)


async def test_three_replicas_share_the_events(relayed: Ledger, database: Database) -> None:
    took: dict[int, int] = {0: 0, 1: 0, 2: 0}

    def counting(replica: int) -> Callable[[Work, Envelope], Awaitable[None]]:
        async def handle(work: Work, event: Envelope) -> None:
            took[replica] += 1
            await effect(work, event)

        return handle

    async with (
        consuming(relayed.settings, database, counting(0)),
        consuming(relayed.settings, database, counting(1)),
        consuming(relayed.settings, database, counting(2)),
    ):
        await eventually(lambda: relayed.relay.leading)
        for _ in range(30):
            await relayed.tell(10)
        await has(database, 300)
    assert all(took.values()), took


async def test_with_one_unacknowledged_event_at_a_time_a_group_keeps_the_order(
    relayed: Ledger, database: Database
) -> None:
    async with (
        consuming(relayed.settings, database, max_unacknowledged=1),
        consuming(relayed.settings, database, max_unacknowledged=1),
    ):
        await relayed.tell(60)
        await has(database, 60)
    assert await effects(database) == list(range(1, 61))


async def test_an_event_that_the_handler_keeps_refusing_is_parked_and_the_others_go_on(
    relayed: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_PAUSES", (0.001, 0.01))
    monkeypatch.setattr(consumer_module, "_CHECK", 0.2)
    tried: list[int] = []

    async def picky(work: Work, event: Envelope) -> None:
        await effect(work, event)
        if event.seq == 5:
            tried.append(event.seq)
            raise ValueError("on purpose")

    async with consuming(relayed.settings, database, picky) as consumer:
        await relayed.tell(10)
        await eventually(lambda: consumer.parked == 1)

        async def others() -> bool:
            return sorted(await effects(database)) == [1, 2, 3, 4, 6, 7, 8, 9, 10]

        await eventually(others)
        await eventually(lambda: consumer.lag() == 0)
    row = await database.fetchrow("SELECT * FROM parked")
    assert row is not None
    assert (row["consumer"], row["service"], row["seq"], row["kind"]) == (NAME, SERVICE, 5, "ledger.entry.changed")
    assert row["error"] == "ValueError: on purpose"
    assert msgspec.json.decode(row["envelope"])["seq"] == 5
    assert len(tried) in {intake.ATTEMPTS, intake.ATTEMPTS + 1}  # once more if it was not alone in its first batch


async def test_an_event_that_is_refused_once_takes_effect_once(relayed: Ledger, database: Database) -> None:
    refused: list[int] = []

    async def moody(work: Work, event: Envelope) -> None:
        await effect(work, event)
        if event.seq == 3 and not refused:
            refused.append(event.seq)
            raise CommandError(ErrorCode.UNAVAILABLE, "a handler's own reason")

    async with consuming(relayed.settings, database, moody) as consumer:
        await relayed.tell(5)
        await has(database, 5)
        assert consumer.parked == 0


async def test_a_handler_may_tell_events_of_its_own(relayed: Ledger, database: Database, stream: Stream) -> None:
    async def tells(work: Work, event: Envelope) -> None:
        await effect(work, event)
        if event.account == "a":
            work.emit(CHANGED, Changed("b", 0, 0))

    trace = TraceContext.new()
    current_trace.set(trace)
    async with consuming(relayed.settings, database, tells, relay=relayed.relay):
        await relayed.tell(3, "a")
        await has(database, 6)
    told = [event for event in await stream.events() if event.account == "b"]
    assert [event.actor for event in told] == ["alice"] * 3
    assert {TraceContext.parse(event.trace).trace_id for event in told} == {trace.trace_id}


@pytest.mark.parametrize("victim", ["stream", "consumer"])
async def test_a_deleted_stream_or_consumer_is_resumed_without_a_second_effect(
    victim: str, relayed: Ledger, database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_CHECK", 0.2)
    async with consuming(relayed.settings, database):
        await relayed.tell(50)
        await has(database, 50)
        if victim == "stream":
            await stream.js.delete_stream(stream.name)
        else:
            await stream.js.delete_consumer(stream.name, NAME)
        await relayed.tell(50)
        await has(database, 100)


async def test_a_consumer_that_is_delivered_everything_again_does_nothing_twice(
    relayed: Ledger, database: Database, stream: Stream
) -> None:
    async with consuming(relayed.settings, database):
        await relayed.tell(50)
        await has(database, 50)
    await stream.js.delete_consumer(stream.name, NAME)
    await database.execute("UPDATE inbox_floor SET seq = 0")  # so that it begins from the beginning
    async with consuming(relayed.settings, database) as consumer:
        await relayed.tell(1)
        await has(database, 51)
        await eventually(lambda: consumer.lag() == 0)
    assert len(await effects(database)) == 51


async def test_settings_of_the_consumer_follow_the_code(relayed: Ledger, database: Database, stream: Stream) -> None:
    async with consuming(relayed.settings, database, max_unacknowledged=10, ack_wait=5):
        await relayed.tell(1)
        await has(database, 1)
    async with consuming(relayed.settings, database, max_unacknowledged=20, ack_wait=7):

        async def changed() -> bool:
            config = (await stream.js.consumer_info(stream.name, NAME)).config
            return (config.max_ack_pending, config.ack_wait) == (20, 7)

        await eventually(changed)
        await relayed.tell(1)
        await has(database, 2)


async def test_while_the_database_is_away_nothing_is_given_up(
    relayed: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Database(relayed.settings, "ledger")
    await away.start()
    async with consuming(relayed.settings, away) as consumer:
        await relayed.tell(1)
        await has(database, 1)
        pool, away._pool = away._pool, None
        await relayed.tell(20)
        await eventually(lambda: consumer.lag() == 20)
        away._pool = pool
        await has(database, 21)
        assert consumer.parked == 0
    await away.stop()


@pytest.mark.parametrize("wipe", [False, True], ids=["kept", "wiped"])
async def test_nats_is_killed_and_comes_back(
    wipe: bool, ledger_on_own_nats: DatabaseSettings, database: Database, own_nats: NatsServer
) -> None:
    teller = Ledger(ledger_on_own_nats, database)
    await teller.relay.start()
    async with consuming(ledger_on_own_nats, database, ack_wait=2):
        await teller.tell(50)
        await has(database, 50)
        own_nats.kill()
        if wipe:
            own_nats.wipe()
        await teller.tell(10)
        await own_nats.start()
        await has(database, 60)
    await teller.relay.stop()
