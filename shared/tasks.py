"""How a background task waits, and how it is ended."""

import asyncio
from collections.abc import Coroutine
from typing import Any

#: Seconds after which a task that goes on is cancelled again.
_AGAIN = 0.5


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for `event`, but no longer than `seconds`; return whether it is set.

    A cancellation always goes through, which it does not with `asyncio.wait_for` of Python 3.11; see `end_task`.
    """
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass  # what it is waited for may have come all the same
    return event.is_set()


async def end_task(task: "asyncio.Task[Any] | None") -> None:
    """Cancel `task` and return when it has ended; without one, return at once.

    Once is not always enough: `asyncio.wait_for` of Python 3.11, which the NATS library uses, drops a cancellation that
    comes in the same turn of the loop as the result it waits for, and a task that loops would then go on for ever.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN)


#: What goes on although nobody waits for it any more: the loop itself keeps no task alive.
_going_on: set["asyncio.Task[None]"] = set()


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do `work`; whoever waits for it may be cancelled meanwhile, and it goes on. For closing what was opened."""
    task = asyncio.create_task(work, name="to its end")
    _going_on.add(task)
    task.add_done_callback(_going_on.discard)
    await asyncio.shield(task)


async def end_other_tasks() -> None:
    """End every other task of this loop: `asyncio.run` would cancel each once at its end, see `end_task`."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*(end_task(task) for task in others))
