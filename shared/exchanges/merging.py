"""Several of ccxt's streams over one connection, as one."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

from shared.exchanges.errors import ExchangeDown, ExchangeError
from shared.exchanges.translation import meaning_of
from shared.exchanges.unanswered import Unanswered
from shared.tasks import end_task

#: What may lie unread before a stream is given up: whoever follows is too slow, and asks anew.
_UNREAD = 10_000

Watch = Callable[[], Awaitable[Any]]


def broken(connector: str, error: Exception) -> ExchangeError:
    """Return what the end of a stream means."""
    meaning = meaning_of(error)
    return ExchangeDown(f"the stream of {connector} broke") if isinstance(meaning, Unanswered) else meaning


async def merged(connector: str, watches: Mapping[str, Watch]) -> AsyncGenerator[tuple[str, Any], None]:
    """Yield what each of `watches` brings, with its name, until one of them fails.

    ccxt keeps no message for a stream that nobody waits for, but hands over all that came since the last one; so each
    is waited for again in the same turn of the loop. What it hands over is its own and changes later: `watches` copy.

    Raises:
        ExchangeError: when a stream breaks, or `_UNREAD` messages were not taken.
    """
    brought: asyncio.Queue[tuple[str, Any] | ExchangeError] = asyncio.Queue(_UNREAD)

    async def follow(name: str, watch: Watch) -> None:
        while True:
            brought.put_nowait((name, await watch()))

    def ended(task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            return
        error = task.exception()
        if brought.full():
            brought.get_nowait()
        brought.put_nowait(
            ExchangeDown(f"the stream of {connector} was not followed fast enough")
            if isinstance(error, asyncio.QueueFull)
            else broken(connector, error if isinstance(error, Exception) else ExchangeDown("the stream ended"))
        )

    tasks = [asyncio.create_task(follow(name, watch), name=f"{connector} {name}") for name, watch in watches.items()]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        while True:
            one = await brought.get()
            if isinstance(one, ExchangeError):
                raise one
            yield one
    finally:
        for task in tasks:
            await end_task(task)
