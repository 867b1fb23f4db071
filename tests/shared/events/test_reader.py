"""A reader sees every event once, in order, or is told which ones are gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hummingbus.stack.nats_server import NatsServer
from shared.bus.connection import Client, connect
from shared.bus.subjects import Subjects
from shared.database.pool import Database
from shared.errors import CommandError, ErrorCode
from shared.events import delivery, reader
from shared.events.applied import AppliedEvents
from shared.events.envelope import Envelope
from shared.events.position import current_position
from shared.events.range import read_range
from shared.events.reader import Gap, StreamReader
from shared.settings import DatabaseSettings
from tests.eventually import eventually
from tests.shared.events.conftest import Ledger, Stream
from tests.stand_ins.ledger.contract import SERVICE


class Seen:
    """What a reader was given."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.gaps: list[Gap] = []

    def event(self, event: Envelope) -> None:
        self.seqs.append(event.seq)


@asynccontextmanager
async def reading(settings: DatabaseSettings, after: int | None, seen: Seen) -> AsyncIterator[StreamReader]:
    stream_reader = StreamReader(settings, "test", SERVICE, after, seen.event, on_gap=seen.gaps.append)
    await stream_reader.start()
    try:
        yield stream_reader
    finally:
        await stream_reader.stop()


async def test_from_the_beginning_or_from_a_position_on(relayed: Ledger, stream: Stream) -> None:
    await relayed.tell(10)
    await stream.has(10)
    for after in (0, 4, 10):
        seen = Seen()
        async with reading(relayed.settings, after, seen) as stream_reader:
            await eventually(lambda: stream_reader.following and stream_reader.position == 10)
        assert (seen.seqs, seen.gaps) == (list(range(after + 1, 11)), [])


async def test_without_a_position_only_what_comes(relayed: Ledger, stream: Stream) -> None:
    await relayed.tell(10)
    await stream.has(10)
    seen = Seen()
    async with reading(relayed.settings, None, seen) as stream_reader:
        await eventually(lambda: stream_reader.following)
        assert stream_reader.position == 10
        await relayed.tell(3)
        await eventually(lambda: stream_reader.position == 13)
    assert (seen.seqs, seen.gaps) == ([11, 12, 13], [])


async def test_a_reader_may_be_there_before_the_stream(teller: Ledger) -> None:
    seen = Seen()
    async with reading(teller.settings, None, seen) as stream_reader:
        await teller.tell(3)
        await teller.relay.start()
        await eventually(lambda: stream_reader.position == 3)
    assert seen.gaps == []


async def test_many_events_through_a_slow_reader(relayed: Ledger, stream: Stream) -> None:
    seen = Seen()

    async def slowly(event: Envelope) -> None:
        if event.seq % 500 == 0:
            await asyncio.sleep(0)
        seen.event(event)

    stream_reader = StreamReader(relayed.settings, "test", SERVICE, 0, slowly, on_gap=seen.gaps.append)
    await stream_reader.start()
    for _ in range(10):
        await relayed.tell(1_000)
    await eventually(lambda: stream_reader.position == 10_000, seconds=60)
    await stream_reader.stop()
    assert (seen.seqs, seen.gaps) == (list(range(1, 10_001)), [])


async def test_a_stream_that_was_deleted_is_followed_again_without_repetition(
    relayed: Ledger, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "SILENCE", 1.5)
    seen = Seen()
    async with reading(relayed.settings, 0, seen) as stream_reader:
        await relayed.tell(10)
        await eventually(lambda: stream_reader.position == 10)
        await stream.js.delete_stream(stream.name)
        await relayed.tell(10)
        await eventually(lambda: stream_reader.position == 20)
    assert (seen.seqs, seen.gaps) == (list(range(1, 21)), [])


async def test_a_consumer_that_was_deleted_is_made_again(
    relayed: Ledger, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "SILENCE", 1.5)
    seen = Seen()
    async with reading(relayed.settings, 0, seen) as stream_reader:
        await relayed.tell(10)
        await eventually(lambda: stream_reader.position == 10)
        for consumer in await stream.js.consumers_info(stream.name):
            await stream.js.delete_consumer(stream.name, consumer.name)
        await relayed.tell(10)
        await eventually(lambda: stream_reader.position == 20)
    assert (seen.seqs, seen.gaps) == (list(range(1, 21)), [])


async def test_a_position_that_is_no_longer_kept_is_a_gap_first(relayed: Ledger, stream: Stream) -> None:
    await relayed.tell(20)
    await stream.has(20)
    await stream.js.purge_stream(stream.name, keep=5)
    seen = Seen()
    async with reading(relayed.settings, 3, seen) as stream_reader:
        await eventually(lambda: stream_reader.position == 20)
    assert seen.gaps == [Gap(SERVICE, 3, 16)]
    assert seen.seqs == [16, 17, 18, 19, 20]


async def test_a_position_that_does_not_exist_is_a_gap_and_the_end_is_followed(
    relayed: Ledger, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_CATCHING_UP", 0.2)
    await relayed.tell(10)
    await stream.has(10)
    seen = Seen()
    async with reading(relayed.settings, 99, seen) as stream_reader:
        await eventually(lambda: stream_reader.following)
        await relayed.tell(2)
        await eventually(lambda: stream_reader.position == 12)
    assert (seen.seqs, seen.gaps) == ([11, 12], [Gap(SERVICE, 99, None)])


async def test_a_position_that_the_relay_has_not_reached_yet_is_no_gap(teller: Ledger, stream: Stream) -> None:
    await teller.tell(10)
    await teller.relay.start()
    await stream.has(10)
    seen = Seen()
    async with reading(teller.settings, 12, seen) as stream_reader:
        await teller.tell(5)
        await eventually(lambda: stream_reader.position == 15)
    assert (seen.seqs, seen.gaps) == ([13, 14, 15], [])


async def test_an_event_that_is_missing_in_the_stream_is_a_gap_reported_once(relayed: Ledger, stream: Stream) -> None:
    await relayed.tell(10)
    await stream.has(10)
    await stream.js.delete_msg(stream.name, 5)
    seen = Seen()
    async with reading(relayed.settings, 0, seen) as stream_reader:
        await eventually(lambda: stream_reader.position == 10)
    assert seen.gaps == [Gap(SERVICE, 4, 6)]
    assert seen.seqs == [1, 2, 3, 4, 6, 7, 8, 9, 10]


async def test_messages_that_the_client_dropped_are_read_again(
    relayed: Ledger, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await relayed.tell(10)
    await stream.has(10)
    receive = StreamReader._receive
    dropped: list[object] = []

    async def drops_one(self: StreamReader, message: object) -> None:
        if not dropped and self.position == 4:
            dropped.append(message)
            return
        await receive(self, message)  # type: ignore[arg-type]

    monkeypatch.setattr(StreamReader, "_receive", drops_one)
    seen = Seen()
    async with reading(relayed.settings, 0, seen) as stream_reader:
        await eventually(lambda: stream_reader.position == 10)
    assert len(dropped) == 1
    assert (seen.seqs, seen.gaps) == (list(range(1, 11)), [])


async def test_an_event_that_the_view_cannot_take_is_counted_and_passed_over(relayed: Ledger) -> None:
    seen = Seen()

    def refuses(event: Envelope) -> None:
        if event.seq == 2:
            raise ValueError("on purpose")
        seen.event(event)

    stream_reader = StreamReader(relayed.settings, "test", SERVICE, 0, refuses)
    await stream_reader.start()
    await relayed.tell(3)
    await eventually(lambda: stream_reader.position == 3)
    await stream_reader.stop()
    assert (seen.seqs, stream_reader.failures) == ([1, 3], 1)


async def test_what_is_no_event_is_left_out(relayed: Ledger, stream: Stream, connection: Client) -> None:
    seen = Seen()
    await relayed.tell(2)
    await stream.has(2)
    await stream.js.publish(f"{relayed.settings.namespace}.evt.{SERVICE}.junk", b"junk")
    async with reading(relayed.settings, 0, seen) as stream_reader:
        await relayed.tell(2)
        await eventually(lambda: stream_reader.position == 4)
    assert (seen.seqs, seen.gaps) == ([1, 2, 3, 4], [])
    assert [e.seq for e in (await read_range(connection, Subjects(relayed.settings.namespace), SERVICE, 0)).events] == (
        [1, 2, 3, 4]
    )


@pytest.mark.parametrize("wipe", [False, True], ids=["kept", "wiped"])
async def test_nats_is_killed_and_comes_back(
    wipe: bool, ledger_on_own_nats: DatabaseSettings, database: Database, own_nats: NatsServer
) -> None:
    teller = Ledger(ledger_on_own_nats, database)
    await teller.relay.start()
    seen = Seen()
    async with reading(ledger_on_own_nats, 0, seen) as stream_reader:
        await teller.tell(50)
        await eventually(lambda: stream_reader.position == 50)
        own_nats.kill()
        if wipe:
            own_nats.wipe()
        await teller.tell(10)
        await own_nats.start()
        await eventually(lambda: stream_reader.position == 60)
    await teller.relay.stop()
    assert (seen.seqs, seen.gaps) == (list(range(1, 61)), [])


async def test_a_view_filled_from_a_snapshot_knows_what_its_callers_wrote(
    relayed: Ledger, database: Database, stream: Stream
) -> None:
    before = await relayed.tell(5)
    await stream.has(5)
    applied = AppliedEvents()
    async with database.transaction() as inside:
        position = await current_position(inside)
    applied.load(position.event_ids)
    assert applied.holds(before)
    stream_reader = StreamReader(
        relayed.settings, "test", SERVICE, position.seq, lambda event: applied.mark(event.event_id)
    )
    await stream_reader.start()
    assert await applied.wait(await relayed.tell(3), 10)
    await stream_reader.stop()


async def test_a_range_is_read_up_to_its_limit(relayed: Ledger, stream: Stream, connection: Client) -> None:
    subjects = Subjects(relayed.settings.namespace)
    await relayed.tell(600)
    await eventually(lambda: relayed.relay.published == 600)
    some = await read_range(connection, subjects, SERVICE, 10, 300)
    assert [event.seq for event in some.events] == list(range(11, 311))
    assert (some.gap, some.end) == (False, 600)
    rest = await read_range(connection, subjects, SERVICE, 590)
    assert [event.seq for event in rest.events] == list(range(591, 601))
    nothing = await read_range(connection, subjects, SERVICE, 600)
    assert (nothing.events, nothing.gap) == ((), False)
    assert (await read_range(connection, subjects, SERVICE, 601)).gap
    await stream.js.purge_stream(stream.name, keep=5)
    kept = await read_range(connection, subjects, SERVICE, 10)
    assert ([event.seq for event in kept.events], kept.gap) == ([596, 597, 598, 599, 600], True)
    assert await stream.js.consumers_info(stream.name) == []


async def test_a_range_of_a_stream_that_is_not_there_is_unavailable(ledger: DatabaseSettings) -> None:
    connection = await connect(ledger, "test")
    with pytest.raises(CommandError) as caught:
        await read_range(connection, Subjects(ledger.namespace), SERVICE, 0)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    await connection.close()
