"""A view that is followed holds what the tables hold, whatever happens to the stream."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shared.bus.connection import Client
from shared.bus.messages import MESSAGE_ID, Call
from shared.bus.subjects import Subjects
from shared.contracts.declaration import AnyEvent, Event
from shared.database.failures import Connection
from shared.database.pool import Database
from shared.errors import CommandError, ErrorCode
from shared.events.envelope import Envelope, encode
from shared.events.followed_view import FollowedView
from tests.eventually import eventually
from tests.pace import within
from tests.shared.events.conftest import Ledger, Stream
from tests.stand_ins.ledger.contract import CHANGED, SERVICE, Change, Changed
from tests.stand_ins.ledger.schema import change

NOW = datetime(2026, 3, 1, tzinfo=UTC)
#: An event of the ledger that the view does not want.
OTHER = Event(SERVICE, "entry", "counted", Changed, "An entry was counted.", keys=("name",))


@dataclass
class Entries:
    """The amounts of entries, by name."""

    entries: dict[str, Changed] = field(default_factory=dict)
    applied: int = 0
    failing: bool = False

    @property
    def events(self) -> Iterable[AnyEvent]:
        return (CHANGED,)

    async def load(self, connection: Connection) -> None:
        if self.failing:
            raise CommandError(ErrorCode.UNAVAILABLE, "no")
        for row in await connection.fetch("SELECT name, amount, version FROM entries"):
            self._take(Changed(**dict(row)))

    def apply(self, event: AnyEvent, payload: Any) -> None:
        assert event is CHANGED
        self.applied += 1
        self._take(payload)

    def amounts(self) -> dict[str, int]:
        return {name: entry.amount for name, entry in self.entries.items()}

    def _take(self, told: Changed) -> None:
        known = self.entries.get(told.name)
        if known is None or known.version < told.version:
            self.entries[told.name] = told


class Following:
    """A followed view and what it said."""

    def __init__(self, ledger: Ledger) -> None:
        self.entries = Entries()
        self.gaps = 0
        self.others: list[str] = []
        self.view = FollowedView(
            ledger.settings, SERVICE, ledger.database, self.entries, on_gap=self._gap, on_event=self.others.append
        )

    def _gap(self) -> None:
        self.gaps += 1


@pytest.fixture
async def following(relayed: Ledger) -> AsyncIterator[Following]:
    """A view of the ledger's entries, not started."""
    following = Following(relayed)
    yield following
    await following.view.stop()


async def add(ledger: Ledger, name: str, amount: int = 1) -> tuple[int, ...]:
    """Add to an entry and return the ids of the events."""
    _, event_ids = await ledger.work.change("alice", change(Change(name, amount)))
    return event_ids


def call(*after: int, seconds: float = 5.0) -> Call:
    return Call("ledger.entry.look", "alice", b"", time.time() + seconds, after=after)


async def test_it_is_filled_from_the_tables_and_follows_the_stream(following: Following, relayed: Ledger) -> None:
    event_ids = await add(relayed, "a", 3)
    await following.view.start()
    assert following.entries.amounts() == {"a": 3}
    assert following.view.holds(event_ids)
    await add(relayed, "a", 2)
    await add(relayed, "b", 7)
    await eventually(lambda: following.entries.amounts() == {"a": 5, "b": 7})
    await eventually(lambda: following.view.position == 3)


async def test_an_own_commit_is_there_at_once(following: Following, relayed: Ledger) -> None:
    await following.view.start()
    following.view.committed([(CHANGED, Changed("a", 1, 1))], [10**9])
    assert following.entries.amounts() == {"a": 1}
    assert following.view.holds([10**9])


async def test_who_was_told_nothing_holds_nothing(following: Following, relayed: Ledger) -> None:
    await following.view.start()
    following.view.committed([], [10**9])
    assert not following.view.holds([10**9])


async def test_what_the_stream_repeats_or_brings_late_changes_nothing(
    following: Following, relayed: Ledger, stream: Stream
) -> None:
    await following.view.start()
    for _ in range(5):
        await add(relayed, "a")
    following.view.committed([(CHANGED, Changed("a", 9, 9))], [])
    await eventually(lambda: following.view.position == 5)
    assert following.entries.applied == 6
    assert following.entries.amounts() == {"a": 9}


async def test_who_knows_of_an_event_waits_for_the_stream_to_bring_it(following: Following, relayed: Ledger) -> None:
    await following.view.start()
    for number in range(1, 20):
        event_ids = await add(relayed, "a")
        await following.view.catch_up(call(*event_ids))
        assert following.entries.amounts() == {"a": number}


async def test_where_the_stream_is_silent_the_database_is_asked(
    following: Following, teller: Ledger, relayed: Ledger
) -> None:
    await following.view.reload()
    await relayed.relay.stop()
    event_ids = await add(teller, "a", 4)
    assert not following.view.holds(event_ids)
    await following.view.catch_up(call(*event_ids))
    assert following.entries.amounts() == {"a": 4}
    assert following.view.holds(event_ids)


async def test_an_event_that_nobody_knows_holds_nobody_up(following: Following) -> None:
    await following.view.start()
    began = time.monotonic()
    await following.view.catch_up(call(10**12, 10**30, -1, 0))
    within(4, began)


async def test_where_neither_stream_nor_database_answers_the_caller_is_told(
    following: Following, database: Database
) -> None:
    await following.view.reload()
    await database.stop()
    with pytest.raises(CommandError) as caught:
        await following.view.catch_up(call(10**12))
    assert caught.value.code is ErrorCode.UNAVAILABLE


async def test_what_the_stream_has_left_out_is_read_from_the_tables(
    following: Following, relayed: Ledger, connection: Client, database: Database
) -> None:
    await following.view.start()
    await add(relayed, "a")
    await eventually(lambda: following.view.position == 1)
    await following.view.repair()  # nothing to do
    await database.execute("INSERT INTO entries VALUES ('silent', 5, 1)")
    # An event that others must have preceded.
    data = msgspec.Raw(msgspec.json.encode(Changed("a", 1, 1)))
    event = Envelope(9, SERVICE, CHANGED.kind, NOW, "x", None, None, None, 9, data)
    subjects = Subjects(relayed.settings.namespace)
    await connection.jetstream().publish(subjects.event(CHANGED, ("a",)), encode(event), headers={MESSAGE_ID: event.id})
    await eventually(lambda: following.gaps == 1)
    assert "silent" not in following.entries.amounts()
    following.entries.failing = True
    with pytest.raises(CommandError):
        await following.view.repair()
    following.entries.failing = False
    await following.view.repair()
    assert following.entries.amounts()["silent"] == 5
    # Once is enough.
    following.entries.failing = True
    await following.view.repair()


async def test_the_kinds_of_what_it_does_not_want_are_told(following: Following, relayed: Ledger) -> None:
    await following.view.start()
    event_ids = await relayed.work.tell("alice", (OTHER, Changed("a", 1, 1)))
    await eventually(lambda: following.others == [OTHER.kind])
    assert following.entries.amounts() == {}
    assert following.view.holds(event_ids)


async def test_two_replicas_end_with_the_same(following: Following, relayed: Ledger) -> None:
    other = Following(relayed)
    await asyncio.gather(following.view.start(), other.view.start())
    await asyncio.gather(*(add(relayed, f"n{number % 7}", number) for number in range(60)))
    await eventually(lambda: other.view.position == following.view.position == 60)
    assert other.entries.amounts() == following.entries.amounts()
    assert sum(other.entries.amounts().values()) == sum(range(60))
    await other.view.stop()
