"""Every committed event reaches the stream, once, in one order without holes, whatever happens to the servers."""

import asyncio

import pytest
from structlog.testing import capture_logs

from hummingbus.stack.nats_server import NatsServer
from shared.bus.connection import Client, connect
from shared.bus.subjects import Subjects
from shared.database.pool import Database
from shared.events.chain import Chain, ChainBroken
from shared.events.outbox import BATCH, Outbox, OutboxEvent
from shared.events.relay import Relay
from shared.events.stream import StreamEnd, configuration, end_of, ensure
from shared.settings import DatabaseSettings
from shared.telemetry.trace import TraceContext, current_trace
from tests.eventually import eventually
from tests.shared.events.conftest import Ledger, Stream
from tests.stand_ins.ledger.contract import CHANGED, SERVICE, Changed


async def test_an_event_says_who_what_when_and_in_which_trace(relayed: Ledger, stream: Stream) -> None:
    trace = TraceContext.new()
    current_trace.set(trace)
    (event_id,) = await relayed.work.tell("alice", (CHANGED, Changed("a", 5, 1)))
    await stream.has(1)
    (event,) = await stream.events()
    assert (event.seq, event.id, event.event_id) == (1, "ledger-1", event_id)
    assert (event.service, event.kind, event.actor) == ("ledger", "ledger.entry.changed", "alice")
    assert (event.account, event.bot, event.trace) == ("a", None, str(trace))
    assert bytes(event.data) == b'{"name":"a","amount":5,"version":1}'
    message = await stream.js.get_msg(stream.name, seq=1)
    assert message.subject == f"{relayed.settings.namespace}.evt.ledger.entry.changed.a"
    assert (message.headers or {})["Nats-Msg-Id"] == "ledger-1"


async def test_more_events_than_fit_in_one_batch_stay_in_order(relayed: Ledger, stream: Stream) -> None:
    ids = await relayed.tell(2 * BATCH + 10)
    await stream.has(2 * BATCH + 10)
    assert tuple(event.event_id for event in await stream.events()) == ids
    assert relayed.relay.lag() == 0
    assert relayed.relay.published == 2 * BATCH + 10


async def test_an_event_that_commits_late_is_not_lost(relayed: Ledger, database: Database, stream: Stream) -> None:
    row = (
        "INSERT INTO outbox (subject, kind, actor, data) VALUES ('ledger.entry.changed.a', 'k', 'x', '1') RETURNING id"
    )
    async with database.transaction() as slow:
        late = await slow.fetchval(row)
        early = await database.fetchval(row)
        await stream.has(1)
    await stream.has(2)
    assert late < early
    assert [event.event_id for event in await stream.events()] == [early, late]


async def test_events_of_another_replica_are_found_without_a_wake(
    relayed: Ledger, database: Database, stream: Stream
) -> None:
    await stream.has(0)
    await database.execute(
        "INSERT INTO outbox (subject, kind, actor, data) VALUES ('ledger.entry.changed.a', 'k', 'x', '1')"
    )
    await stream.has(1)


async def test_a_deleted_stream_is_made_and_filled_again_though_nothing_happens(
    relayed: Ledger, stream: Stream
) -> None:
    await relayed.tell(20)
    await stream.has(20)
    await stream.js.delete_stream(stream.name)
    await stream.has(20)
    await relayed.tell(5)
    await stream.has(25)


async def test_a_stream_deleted_just_before_an_event_has_all_of_them_again(relayed: Ledger, stream: Stream) -> None:
    await relayed.tell(20)
    await stream.has(20)
    await stream.js.delete_stream(stream.name)
    await relayed.tell(5)
    await stream.has(25)


async def test_a_purged_stream_is_filled_again_although_the_server_remembers_the_ids(
    relayed: Ledger, stream: Stream
) -> None:
    await relayed.tell(20)
    await stream.has(20)
    await stream.js.purge_stream(stream.name)
    await stream.has(20)
    await relayed.tell(5)
    await stream.has(25)

    async def window() -> bool:
        return (await stream.js.stream_info(stream.name)).config.duplicate_window == 120

    await eventually(window)


async def test_settings_of_the_stream_follow_the_code(relayed: Ledger, stream: Stream) -> None:
    await relayed.tell()
    await stream.has(1)
    info = await stream.js.stream_info(stream.name)
    await stream.js.update_stream(info.config.evolve(max_age=3600.0))

    async def restored() -> bool:
        return (await stream.js.stream_info(stream.name)).config.max_age == 7 * 86_400

    await eventually(restored)


async def test_the_server_refuses_a_relay_that_is_out_of_date(relayed: Ledger, stream: Stream) -> None:
    await relayed.tell(5)
    await stream.has(5)
    connection = await connect(relayed.settings, SERVICE)
    subjects = Subjects(relayed.settings.namespace)
    stale = Chain(connection, subjects, SERVICE, await end_of(stream.js, subjects, SERVICE))
    await relayed.tell(1)
    await stream.has(6)
    with pytest.raises(ChainBroken):
        await stale.publish([OutboxEvent(7, "ledger.entry.changed.a", b"{}")])
    await connection.close()
    await stream.has(6)


async def test_the_server_refuses_a_hole(relayed: Ledger, stream: Stream) -> None:
    await relayed.tell(5)
    await stream.has(5)
    await relayed.relay.stop()
    connection = await connect(relayed.settings, SERVICE)
    subjects = Subjects(relayed.settings.namespace)
    chain = Chain(connection, subjects, SERVICE, StreamEnd(1, 5, 5, 5))
    await chain.publish([OutboxEvent(6, "ledger.entry.changed.a", (await stream.events())[0].data or b"")])
    chain._expected = {"Nats-Expected-Last-Msg-Id": "ledger-7"}
    with pytest.raises(ChainBroken):
        await chain.publish([OutboxEvent(8, "ledger.entry.changed.a", b"{}")])
    await connection.close()


async def test_a_standby_takes_over_when_the_leader_lost_its_session(
    relayed: Ledger, database: Database, stream: Stream
) -> None:
    await eventually(lambda: relayed.relay.leading)
    other = Relay(relayed.settings, SERVICE, database)
    await other.start()
    await relayed.tell(3)
    await stream.has(3)
    assert not other.leading
    await relayed.relay.stop()
    await relayed.tell(3)
    await stream.has(6)
    assert other.leading
    await other.stop()


async def test_a_leader_whose_session_was_ended_comes_back(relayed: Ledger, database: Database, stream: Stream) -> None:
    await relayed.tell(3)
    await stream.has(3)
    await database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await database.fetchval("SELECT 1")
    await relayed.tell(3)
    await stream.has(6)


async def test_two_relays_that_both_believe_to_lead_break_nothing(
    teller: Ledger, database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def granted(_: Outbox) -> bool:
        return True

    monkeypatch.setattr(Outbox, "try_lock", granted)
    other = Relay(teller.settings, SERVICE, database)
    await teller.relay.start()
    await other.start()
    for _ in range(30):
        await teller.tell(7)
        other.wake()
    await stream.has(30 * 7)
    ids = [event.event_id for event in await stream.events()]
    assert len(set(ids)) == 30 * 7
    await other.stop()


async def test_a_look_at_an_empty_outbox_writes_nothing(teller: Ledger, database: Database) -> None:
    outbox = Outbox(await database.connect(), SERVICE)
    await teller.tell()
    assert len(await outbox.take()) == 1
    version = await database.fetchval("SELECT xmin::text FROM relay")
    assert await outbox.take() == []
    assert await database.fetchval("SELECT xmin::text FROM relay") == version


async def test_numbers_are_given_only_by_a_relay_that_knows_the_last_one(teller: Ledger, database: Database) -> None:
    await teller.tell(3)
    connection = await database.connect()
    stale, current = Outbox(connection, SERVICE), Outbox(await database.connect(), SERVICE)
    assert [event.seq for event in await current.take()] == [1, 2, 3]
    await teller.tell(2)
    assert await stale.take() == []
    assert await database.fetchval("SELECT last_seq FROM relay") == 3
    assert [event.seq for event in await current.take()] == [4, 5]


async def test_a_database_that_is_older_than_the_stream_gives_no_number_twice(
    relayed: Ledger, database: Database, stream: Stream
) -> None:
    await relayed.tell(5)
    await stream.has(5)
    await relayed.relay.stop()
    await database.execute("DELETE FROM outbox WHERE seq > 2")
    await database.execute("UPDATE relay SET last_seq = 2")
    again = Ledger(relayed.settings, database)
    await again.relay.start()
    await again.tell(2)
    await stream.has(7)
    await again.relay.stop()


async def test_what_was_kept_long_enough_is_deleted_but_never_before_it_was_published(
    teller: Ledger, database: Database
) -> None:
    await teller.tell(6)
    outbox = Outbox(await database.connect(), SERVICE)
    await outbox.take()
    await teller.tell(1)
    await database.execute("UPDATE outbox SET created_at = now() - interval '9 days' WHERE seq <> 3 OR seq IS NULL")
    await database.execute(
        "INSERT INTO idempotency (actor, command, key, request_hash, created_at)"
        " VALUES ('a', 'c', 'old', '', now() - interval '3 days'), ('a', 'c', 'new', '', now() - interval '1 day')"
    )
    assert await outbox.prune(published=5) == 4 + 1
    assert [row["seq"] for row in await database.fetch("SELECT seq FROM outbox ORDER BY id")] == [3, 6, None]
    assert await database.fetchval("SELECT key FROM idempotency") == "new"


@pytest.mark.parametrize("wipe", [False, True], ids=["kept", "wiped"])
async def test_nats_is_killed_and_comes_back(
    wipe: bool, ledger_on_own_nats: DatabaseSettings, database: Database, own_nats: NatsServer
) -> None:
    teller = Ledger(ledger_on_own_nats, database)
    await teller.relay.start()
    connection = await connect(ledger_on_own_nats, "test")
    stream = Stream(connection, Subjects(ledger_on_own_nats.namespace))
    await teller.tell(20)
    await stream.has(20)
    own_nats.kill()
    if wipe:
        own_nats.wipe()
    await teller.tell(10)
    await eventually(lambda: teller.relay.lag() == 10)
    await own_nats.start()
    await stream.has(30)
    await eventually(lambda: teller.relay.lag() == 0)
    await teller.tell(1)
    await stream.has(31)
    await teller.relay.stop()
    await connection.close()


async def test_a_relay_may_start_before_nats(
    ledger_on_own_nats: DatabaseSettings, database: Database, own_nats: NatsServer
) -> None:
    await own_nats.stop()
    teller = Ledger(ledger_on_own_nats, database)
    await teller.relay.start()
    await teller.tell(3)
    await eventually(lambda: teller.relay.lag() == 3)
    await own_nats.start()
    connection = await connect(ledger_on_own_nats, "test")
    await Stream(connection, Subjects(ledger_on_own_nats.namespace)).has(3)
    await teller.relay.stop()
    await connection.close()


async def test_a_relay_stops_also_while_nothing_is_there(
    ledger_on_own_nats: DatabaseSettings, database: Database, own_nats: NatsServer
) -> None:
    relay = Relay(ledger_on_own_nats, SERVICE, database)
    await relay.start()
    await eventually(lambda: relay.leading)
    own_nats.kill()
    await database.stop()
    async with asyncio.timeout(5):
        await relay.stop()


async def test_a_stream_made_by_hand_is_taken_over(connection: Client, stream: Stream, teller: Ledger) -> None:
    subjects = Subjects(teller.settings.namespace)
    wanted = configuration(subjects, SERVICE, 10_000_000)
    await stream.js.add_stream(name=stream.name, subjects=[subjects.events_of(SERVICE)])
    end = await ensure(stream.js, wanted, SERVICE)
    assert end == StreamEnd(1, 0, 0, 0)
    assert (await stream.js.stream_info(stream.name)).config.max_bytes == 10_000_000


async def test_a_stream_that_the_disk_has_no_room_for_is_told_in_the_words_of_jetstream(
    ledger: DatabaseSettings, database: Database, stream: Stream
) -> None:
    """Events wait until there is room, or the setting is lower."""
    teller = Ledger(ledger.model_copy(update={"event_stream_max_bytes": 2**60}), database)
    await teller.tell(3)
    with capture_logs() as lines:
        await teller.relay.start()
        await eventually(lambda: any("insufficient storage" in line.get("error", "") for line in lines))
    await teller.relay.stop()
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == ["stream not reachable"]
    roomy = Ledger(ledger, database)
    await roomy.relay.start()
    await stream.has(3)
    await roomy.relay.stop()
