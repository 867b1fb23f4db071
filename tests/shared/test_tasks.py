"""How background tasks wait, and how they are ended."""

import asyncio
import contextlib
import gc

import pytest

from shared.tasks import end_other_tasks, end_task, set_within, to_its_end


async def test_an_event_that_is_set_is_not_waited_for() -> None:
    event = asyncio.Event()
    event.set()
    assert await set_within(event, 0)
    assert await set_within(event, 60)


async def test_an_event_is_waited_for_until_it_is_set() -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(set_within(event, 60))
    await asyncio.sleep(0)
    assert not waiting.done()
    event.set()
    assert await waiting


@pytest.mark.parametrize("seconds", [-1, 0, 0.01])
async def test_an_event_is_waited_for_no_longer_than_allowed(seconds: float) -> None:
    assert not await set_within(asyncio.Event(), seconds)


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("comes", [True, False], ids=["as the event comes", "as the time ends"])
async def test_one_cancellation_ends_a_wait_whenever_it_comes(turns: int, comes: bool) -> None:
    event = asyncio.Event()

    async def wait_for_ever() -> None:
        while True:
            event.clear()
            await set_within(event, 60 if comes else 0)

    task = asyncio.create_task(wait_for_ever())
    for _ in range(turns):
        await asyncio.sleep(0)
        if comes:
            event.set()
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()


async def test_a_task_that_drops_a_cancellation_is_ended_all_the_same() -> None:
    dropped = 0

    async def stubborn() -> None:
        nonlocal dropped
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if dropped == 1:
                    raise
                dropped += 1

    task = asyncio.create_task(stubborn())
    await asyncio.wait({task}, timeout=0.01)
    await end_task(task)
    assert task.cancelled()
    assert dropped == 1


async def test_a_task_that_has_ended_and_no_task_at_all_are_left_alone() -> None:
    async def quick() -> int:
        return 1

    task = asyncio.create_task(quick())
    await task
    await end_task(task)
    await end_task(None)
    assert task.result() == 1


def test_at_the_end_of_a_process_every_task_ends_also_one_that_drops_a_cancellation() -> None:
    ended = []

    async def stubborn(number: int) -> None:
        for _ in range(number):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    async def main() -> None:
        tasks = [asyncio.create_task(stubborn(number)) for number in (2, 0, 1)]
        await asyncio.sleep(0)
        await end_other_tasks()
        assert all(task.done() for task in tasks)

    asyncio.run(main())
    assert ended == [0, 1, 2]


async def test_what_must_come_to_its_end_does_also_when_nobody_waits_any_more() -> None:
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def close() -> None:
        begun.set()
        await go_on.wait()
        ended.set()

    waiting = asyncio.create_task(to_its_end(close()))
    await begun.wait()
    await end_task(waiting)
    assert waiting.cancelled()
    gc.collect()
    go_on.set()
    async with asyncio.timeout(10):
        await ended.wait()


async def test_what_fails_on_its_way_to_the_end_is_told() -> None:
    async def close() -> None:
        raise OSError("it is stuck")

    with pytest.raises(OSError, match="stuck"):
        await to_its_end(close())
