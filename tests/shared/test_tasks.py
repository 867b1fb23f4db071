"""Ending background tasks."""

import asyncio

from shared.tasks import end_task


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
