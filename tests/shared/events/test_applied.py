"""Waiting until a view in memory holds what its caller has written."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from shared.events.applied import AppliedEvents


async def test_what_is_applied_is_not_waited_for() -> None:
    applied = AppliedEvents()
    applied.mark(7)
    assert await applied.wait([7], 0)
    assert await applied.wait([], 0)


async def test_a_wait_ends_when_the_last_event_is_applied() -> None:
    applied = AppliedEvents()
    waiting = asyncio.create_task(applied.wait([1, 2], 10))
    await asyncio.sleep(0)
    applied.mark(2)
    await asyncio.sleep(0)
    assert not waiting.done()
    applied.mark(1)
    assert await waiting


async def test_a_wait_that_takes_too_long_is_told_so_and_leaves_nothing() -> None:
    applied = AppliedEvents()
    assert not await applied.wait([1], 0.01)
    assert not await applied.wait([1], -1)
    assert applied._waiting == {}


async def test_a_wait_that_is_cancelled_leaves_nothing() -> None:
    applied = AppliedEvents()
    waiting = asyncio.create_task(applied.wait([1], 10))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert applied._waiting == {}


async def test_what_a_snapshot_holds_counts_as_applied_and_all_before_it() -> None:
    applied = AppliedEvents()
    waiting = asyncio.create_task(applied.wait([3, 12], 10))
    await asyncio.sleep(0)
    applied.load([10, 12])
    assert await waiting
    assert applied.holds([1, 10, 12])
    assert not applied.holds([11])
    assert not applied.holds([13])


@given(st.lists(st.integers(1, 10_000), unique=True, max_size=200))
def test_memory_is_bounded_and_nothing_applied_is_ever_missing(ids: list[int]) -> None:
    applied = AppliedEvents(capacity=16)
    for event_id in ids:
        applied.mark(event_id)
        assert applied.holds([event_id])
        assert len(applied._applied) <= 16
    assert applied.holds(ids)
