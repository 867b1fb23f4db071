"""One reader's way through the events."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.gateway_api.stream.cursor import Cursor
from services.gateway_api.stream.filters import EventFilter
from services.gateway_api.stream.positions import Position
from services.gateway_api.stream.ring import EventRing
from shared.events.range import EventRange
from tests.services.gateway_api.stream.made_events import KeptEvents, event

C = "credentials"
P = "portfolio"


def frames(chunks: bytes) -> list[tuple[str, str, Any]]:
    """Return (id, event, data) of each frame."""
    parsed = []
    for block in chunks.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        parsed.append((fields["id"], fields["event"], json.loads(fields["data"])))
    return parsed


async def read(cursor: Cursor) -> list[tuple[str, str, Any]]:
    return frames(b"".join([chunk async for chunk in cursor.chunks()]))


def ring_with(*seqs: int, begin: int = 0, capacity: int = 100) -> EventRing:
    ring = EventRing(capacity)
    ring.begin(C, begin)
    for seq in seqs:
        ring.append(event(seq))
    return ring


def cursor_at(ring: EventRing, position: Position | None, kept: KeptEvents | None = None) -> Cursor:
    return Cursor(ring, (kept or KeptEvents()).read, EventFilter(), position)


async def test_without_an_id_only_what_comes_is_given() -> None:
    ring = ring_with(1, 2, 3)
    cursor = cursor_at(ring, None)
    assert cursor.id_line() == b"id: c3\n"
    assert await read(cursor) == []
    ring.append(event(4))
    ((identifier, kind, data),) = await read(cursor)
    assert (identifier, kind) == ("c4", "credentials.account.created")
    assert data["seq"] == 4
    assert data["account"] == "alice"
    assert await read(cursor) == []


async def test_with_an_id_what_came_after_it_is_given_from_memory() -> None:
    kept = KeptEvents()
    cursor = cursor_at(ring_with(1, 2, 3, 4), {C: 2}, kept)
    assert [identifier for identifier, _, _ in await read(cursor)] == ["c3", "c4"]
    assert kept.reads == 0


async def test_what_left_memory_is_read_from_the_stream() -> None:
    kept = KeptEvents(event(seq) for seq in range(1, 1203))
    ring = ring_with(1201, 1202, begin=1200)
    given = await read(cursor_at(ring, {C: 3}, kept))
    assert [data["seq"] for _, _, data in given] == list(range(4, 1203))
    assert [identifier for identifier, _, _ in given] == [f"c{seq}" for seq in range(4, 1203)]


async def test_what_is_no_longer_kept_is_a_gap_first() -> None:
    kept = KeptEvents(event(seq) for seq in range(8, 12))
    given = await read(cursor_at(ring_with(11, begin=10), {C: 3}, kept))
    assert given[0] == ("c7", "gap", {"service": C, "after": 3, "next": 8, "missing": 4, "reason": "expired"})
    assert [identifier for identifier, _, _ in given[1:]] == ["c8", "c9", "c10", "c11"]


async def test_a_stream_that_is_being_filled_again_is_no_gap() -> None:
    kept = KeptEvents([event(1)])

    async def filling(service: str, after: int, most: int) -> EventRange:
        kept.events.append(event(len(kept.events) + 1))
        return await kept.read(service, after, most)

    cursor = Cursor(ring_with(5, begin=4), filling, EventFilter(), {C: 2})
    assert [identifier for identifier, _, _ in await read(cursor)] == ["c3", "c4", "c5"]


async def test_a_stream_that_stays_empty_has_lost_its_events() -> None:
    cursor = Cursor(ring_with(5, begin=4), KeptEvents().read, EventFilter(), {C: 2}, patience=0.0)
    gap, last = await read(cursor)
    assert gap == ("c4", "gap", {"service": C, "after": 2, "next": 5, "missing": 2, "reason": "expired"})
    assert last[0] == "c5"


async def test_each_id_names_the_place_in_every_service() -> None:
    ring = ring_with(1)
    ring.begin(P, 7)
    ring.append(event(8, P))
    ring.append(event(2))
    given = await read(cursor_at(ring, {C: 0, P: 7}))
    assert [identifier for identifier, _, _ in given] == ["c1.p7", "c1.p8", "c2.p8"]


async def test_of_a_service_that_the_id_does_not_name_nothing_has_been_seen() -> None:
    ring = ring_with(1)
    ring.begin(P, 0)
    ring.append(event(1, P))
    assert [identifier for identifier, _, _ in await read(cursor_at(ring, {C: 1}))] == ["c1.p1"]


async def test_a_service_that_only_the_id_names_is_kept_in_it() -> None:
    cursor = cursor_at(ring_with(1), {C: 0, P: 5})
    assert [identifier for identifier, _, _ in await read(cursor)] == ["c1.p5"]
    assert cursor.settle(0.0) == (b"", None)


async def test_events_that_are_not_wanted_move_the_id_on() -> None:
    ring = ring_with(1, 2)
    cursor = Cursor(ring, KeptEvents().read, EventFilter(accounts=frozenset({"bob"})), {C: 0})
    assert await read(cursor) == []
    assert cursor.id_line() == b"id: c2\n"


async def test_a_reader_that_fell_behind_the_ring_catches_up() -> None:
    ring = ring_with(1, capacity=10)
    kept = KeptEvents(event(seq) for seq in range(1, 101))
    cursor = cursor_at(ring, None, kept)
    for seq in range(2, 101):
        ring.append(event(seq))
    assert [data["seq"] for _, _, data in await read(cursor)] == list(range(2, 101))


async def test_an_id_from_the_future_is_brought_back_with_a_gap() -> None:
    ring = ring_with(1, 2)
    cursor = cursor_at(ring, {C: 99})
    assert await read(cursor) == []
    assert cursor.settle(5.0) == (b"", 6.0)
    assert cursor.settle(5.9) == (b"", 6.0)
    gap, again = cursor.settle(6.0)
    assert again is None
    ((identifier, kind, data),) = frames(gap)
    assert (identifier, kind) == ("c2", "gap")
    assert data == {"service": C, "after": 99, "next": 3, "missing": None, "reason": "unknown_id"}
    assert cursor.settle(7.0) == (b"", None)
    ring.append(event(3))
    assert [identifier for identifier, _, _ in await read(cursor)] == ["c3"]


async def test_events_that_another_replica_has_given_already_are_waited_for() -> None:
    ring = ring_with(1, 2)
    cursor = cursor_at(ring, {C: 4})
    assert cursor.settle(0.0) == (b"", 1.0)
    ring.append(event(3))
    assert cursor.settle(0.9) == (b"", 1.9)
    ring.append(event(4))
    ring.append(event(5))
    assert cursor.settle(1.8) == (b"", None)
    assert [identifier for identifier, _, _ in await read(cursor)] == ["c5"]


async def test_a_busy_service_does_not_keep_a_wrong_id_waiting_for_long() -> None:
    ring = ring_with(1)
    cursor = cursor_at(ring, {C: 10_000})
    told = b""
    for tenth in range(60):
        ring.append(event(tenth + 2))
        frame, _ = cursor.settle(tenth / 10)
        told += frame
    ((identifier, kind, _),) = frames(told)
    assert (identifier, kind) == ("c52", "gap")  # after five seconds


async def test_while_nothing_is_known_of_a_service_an_id_is_believed() -> None:
    ring = ring_with(begin=0)
    kept = KeptEvents([event(12), event(13)])
    cursor = cursor_at(ring, {C: 12}, kept)
    assert cursor.settle(0.0) == (b"", None)
    ring.append(event(13))
    assert [identifier for identifier, _, _ in await read(cursor)] == ["c13"]


@given(
    total=st.integers(1, 60),
    begin=st.integers(0, 60),
    capacity=st.integers(1, 20),
    first_kept=st.integers(1, 60),
    start=st.integers(0, 60),
    looks=st.lists(st.integers(1, 60), max_size=5),
)
async def test_every_event_comes_once_in_order_or_is_named_in_a_gap(  # noqa: PLR0917
    total: int, begin: int, capacity: int, first_kept: int, start: int, looks: list[int]
) -> None:
    begin, start = min(begin, total), min(start, total)
    first_kept = min(first_kept, begin + 1, total)
    kept = KeptEvents(event(seq) for seq in range(first_kept, total + 1))
    ring = EventRing(capacity)
    ring.begin(C, begin)
    cursor = cursor_at(ring, {C: start}, kept)
    seen: list[int] = []

    async def look() -> None:
        for identifier, kind, data in await read(cursor):
            covered = range(data["after"] + 1, data["next"]) if kind == "gap" else [data["seq"]]
            assert identifier == f"c{covered[-1]}"
            seen.extend(covered)

    for seq in range(begin + 1, total + 1):
        ring.append(event(seq))
        if seq in looks:
            await look()
    await look()
    assert seen == list(range(start + 1, total + 1))
