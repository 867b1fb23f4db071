"""A replica says what keeps it from its work: a database that is away, a clock that is off; and it mends its view."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shared.bus.connection import Client
from shared.bus.messages import MESSAGE_ID
from shared.bus.subjects import Subjects
from shared.contracts.declaration import AnyEvent
from shared.database.failures import Connection
from shared.errors import CommandError, ErrorCode
from shared.events import readiness as module
from shared.events.envelope import Envelope, encode
from shared.events.followed_view import FollowedView
from shared.events.readiness import Readiness
from tests.eventually import eventually
from tests.shared.events.conftest import Ledger
from tests.stand_ins.ledger.contract import CHANGED, SERVICE, Changed

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Counting:
    """A view that counts how often it was filled."""

    def __init__(self) -> None:
        self.loads = 0
        self.failing = False

    @property
    def events(self) -> Iterable[AnyEvent]:
        return (CHANGED,)

    async def load(self, connection: Connection) -> None:
        if self.failing:
            raise CommandError(ErrorCode.UNAVAILABLE, "no")
        self.loads += 1

    def apply(self, event: AnyEvent, payload: Any) -> None:
        assert event is CHANGED


class Replica:
    """What a replica looks at; it looks when `attention` is set, and by itself not within a test."""

    def __init__(self, ledger: Ledger) -> None:
        self.view = Counting()
        self.attention = asyncio.Event()
        self.followed = FollowedView(ledger.settings, SERVICE, ledger.database, self.view, on_gap=self.attention.set)
        self.readiness = Readiness(ledger.database, ledger.relay, self.followed, self.attention)

    def figure(self, name: str) -> float:
        return dict(self.readiness.health().figures)[name]


async def publish_far_ahead(ledger: Ledger, connection: Client) -> None:
    """Publish an event that others must have preceded."""
    data = msgspec.Raw(msgspec.json.encode(Changed("a", 1, 1)))
    event = Envelope(9, SERVICE, CHANGED.kind, NOW, "x", None, None, None, 9, data)
    subject = Subjects(ledger.settings.namespace).event(CHANGED, ("a",))
    await connection.jetstream().publish(subject, encode(event), headers={MESSAGE_ID: event.id})


@pytest.fixture
async def replica(relayed: Ledger, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Replica]:
    monkeypatch.setattr(module, "INTERVAL", 3600.0)
    replica = Replica(relayed)
    await replica.followed.start()
    await replica.readiness.start()
    yield replica
    await replica.readiness.stop()
    await replica.followed.stop()


async def test_a_replica_that_lacks_nothing_is_ready(replica: Replica) -> None:
    health = replica.readiness.health()
    assert (health.ready, health.reasons) == (True, ())
    assert abs(replica.figure("clock_offset_ms")) < 1000
    assert replica.figure("outbox_lag") == replica.figure("view_lag") == 0


async def test_it_looks_again_and_again_without_a_reason(
    replica: Replica, relayed: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    offsets = itertools.count(1000)

    async def clock_offset() -> float:
        return float(next(offsets))

    monkeypatch.setattr(relayed.database, "clock_offset", clock_offset)
    replica.attention.set()
    await eventually(lambda: replica.figure("clock_offset_ms") >= 1_003_000)


@pytest.mark.parametrize(
    ("offset", "reasons"),
    [
        (1.0, ()),
        (-1.0, ()),
        (1.26, ("the clock is +1.3 s off that of the database",)),
        (-90.0, ("the clock is -90.0 s off that of the database",)),
    ],
)
async def test_a_clock_that_is_off_keeps_it_from_its_work(
    offset: float, reasons: tuple[str, ...], replica: Replica, relayed: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def clock_offset() -> float:
        return offset

    monkeypatch.setattr(relayed.database, "clock_offset", clock_offset)
    replica.attention.set()
    await eventually(lambda: replica.figure("clock_offset_ms") == offset * 1000)
    health = replica.readiness.health()
    assert (health.ready, health.reasons) == (not reasons, reasons)


async def test_a_database_that_is_away_is_said_until_it_is_back(replica: Replica, relayed: Ledger) -> None:
    await relayed.database.stop()
    replica.attention.set()
    await eventually(lambda: not replica.readiness.health().ready)
    assert replica.readiness.health().reasons == ("the database is not reachable",)
    await relayed.database.start()
    replica.attention.set()
    await eventually(lambda: replica.readiness.health().ready)


async def test_a_view_that_the_stream_has_left_something_out_of_is_mended(
    replica: Replica, relayed: Ledger, connection: Client
) -> None:
    replica.view.failing = True
    await publish_far_ahead(relayed, connection)
    await eventually(lambda: not replica.readiness.health().ready)
    assert replica.view.loads == 1  # that of the start
    replica.view.failing = False
    replica.attention.set()
    await eventually(lambda: replica.readiness.health().ready)
    assert replica.view.loads == 2


async def test_a_view_behind_the_database_lags_by_the_events_that_it_lacks(replica: Replica, relayed: Ledger) -> None:
    await replica.followed.stop()  # it hears of nothing from now on
    await relayed.tell(3)
    await eventually(lambda: relayed.relay.published == 3)
    replica.attention.set()
    await eventually(lambda: replica.figure("view_lag") == 3)
    assert replica.readiness.health().ready
