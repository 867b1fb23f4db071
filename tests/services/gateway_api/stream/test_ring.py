"""The ring of events in memory."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from services.gateway_api.stream.ring import EventRing
from tests.services.gateway_api.stream.made_events import event


def seqs(ring: EventRing) -> list[int]:
    return [entry.seq for entry in ring.read(ring.start, 10_000)]


def test_it_keeps_the_latest_and_knows_what_it_lost() -> None:
    ring = EventRing(4)
    ring.begin("credentials", 10)
    assert (ring.floor["credentials"], ring.head["credentials"]) == (10, 10)
    for seq in range(11, 20):
        ring.append(event(seq))
    kept = seqs(ring)
    assert kept == list(range(ring.floor["credentials"] + 1, 20))
    assert 3 <= len(kept) <= 4
    assert ring.head["credentials"] == 19
    assert ring.end - ring.start == len(kept)


def test_an_event_that_came_before_is_left_out() -> None:
    ring = EventRing(10)
    ring.begin("credentials", 10)
    for seq in (11, 12, 11, 10, 12):
        ring.append(event(seq))
    assert seqs(ring) == [11, 12]


def test_a_hole_makes_readers_look_into_the_streams() -> None:
    ring = EventRing(10)
    ring.begin("credentials", 10)
    ring.append(event(11))
    ring.append(event(15))
    assert seqs(ring) == [15]
    assert ring.floor["credentials"] == 14


def test_its_bytes_are_bounded_too() -> None:
    ring = EventRing(1000, max_bytes=3000)
    ring.begin("credentials", 0)
    for seq in range(1, 200):
        ring.append(event(seq))
    assert sum(len(entry.frame) for entry in ring.read(ring.start, 1000)) <= 3000
    assert seqs(ring)[-1] == 199


async def test_who_waits_is_woken_by_an_event_or_after_a_while() -> None:
    ring = EventRing(10)
    ring.begin("credentials", 0)
    waiting = [asyncio.create_task(ring.wait_beyond(ring.end, 60)) for _ in range(3)]
    await asyncio.sleep(0)
    ring.append(event(1))
    await asyncio.gather(*waiting)
    await ring.wait_beyond(0, 60)  # there is one already
    await ring.wait_beyond(ring.end, 0.01)
    assert not ring._waiting


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from(["credentials", "portfolio"]), st.integers(1, 40)), max_size=100),
)
def test_between_floor_and_head_nothing_is_missing(capacity: int, came: list[tuple[str, int]]) -> None:
    ring = EventRing(capacity)
    ring.begin("credentials", 0)
    ring.begin("portfolio", 0)
    for service, seq in came:
        ring.append(event(seq, service))
    entries = ring.read(ring.start, 10_000)
    assert len(entries) <= capacity
    for service in ("credentials", "portfolio"):
        own = [entry.seq for entry in entries if entry.service == service]
        assert own == list(range(ring.floor[service] + 1, ring.head[service] + 1))
