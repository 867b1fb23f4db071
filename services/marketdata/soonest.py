"""What whoever asks a feed is told: the state of its stream, the answer by REST, or else the last state."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from services.marketdata.failures import NoAnswer
from services.marketdata.shared_fetch import SharedFetch
from shared.exchanges.errors import ExchangeError
from shared.tasks import end_task

V = TypeVar("V")

#: Seconds that a stream's first state is waited for when REST has failed and there is no last state.
GRACE = 1.0
#: Seconds that an exchange of which nothing bad is known yet is waited for where there is a last state.
WAIT = 1.0


async def soonest(
    fetch: SharedFetch[Any],
    arrive: Callable[[], Coroutine[Any, Any, V]],
    ask: Callable[[], Coroutine[Any, Any, V | ExchangeError]],
    last: Callable[[], V | None],
    *,
    seconds: float,
    is_last_enough: bool = True,
) -> V:
    """Return what comes first; at once the last state while REST is in trouble.

    Args:
        fetch: the question by REST, which is asked beside whoever gets the last state.
        arrive: returns what the stream has brought.
        ask: returns what REST says, or how it failed.
        last: returns the last state if it is young enough to stand in for an exchange that is away.
        seconds: the longest time to wait.
        is_last_enough: whether where there is a last state no more than `WAIT` seconds are waited for a newer one.

    Raises:
        ExchangeError: if neither comes within `seconds`, and there is no last state.
    """
    until = time.monotonic() + seconds
    kept = last()
    if kept is not None and fetch.asks_beside():
        return kept
    patience = min(WAIT, seconds) if kept is not None and is_last_enough else seconds
    stream, rest = asyncio.create_task(arrive()), asyncio.create_task(ask())
    try:
        await asyncio.wait({stream, rest}, timeout=max(0.0, patience), return_when=asyncio.FIRST_COMPLETED)
        if stream.done():
            return stream.result()
        outcome = rest.result() if rest.done() else NoAnswer()
        if not isinstance(outcome, ExchangeError):
            return outcome
        state = last()
        if state is None:
            await asyncio.wait({stream}, timeout=max(0.0, min(GRACE, until - time.monotonic())))
            if stream.done():
                return stream.result()
            raise outcome.with_traceback(None)
        return state
    finally:
        await end_task(stream)
        await end_task(rest)
