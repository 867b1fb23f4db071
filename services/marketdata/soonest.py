"""What whoever asks a feed is told: the state of its stream, the answer by REST, or else the last state."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from services.marketdata.failures import NoAnswer
from shared.exchanges.errors import ExchangeError
from shared.tasks import end_task

V = TypeVar("V")

#: Seconds that a stream's first state is waited for when REST has failed and there is no last state.
GRACE = 1.0
#: Seconds that an exchange of which nothing bad is known yet is waited for where there is a last state.
WAIT = 1.0


async def soonest(
    arriving: Coroutine[Any, Any, V],
    asking: Coroutine[Any, Any, V | ExchangeError],
    last: Callable[[], V | None],
    *,
    seconds: float,
    wait: float | None = None,
) -> V:
    """Return what comes first.

    Args:
        arriving: returns what the stream has brought.
        asking: returns what REST says, or how it failed.
        last: returns the last state if it is young enough to stand in for an exchange that is away.
        seconds: the longest time to wait.
        wait: the longest time to wait where there is a last state; `seconds` without it.

    Raises:
        ExchangeError: if neither comes within `seconds`, and there is no last state.
    """
    until = time.monotonic() + seconds
    patience = seconds if wait is None or last() is None else min(wait, seconds)
    stream, rest = asyncio.create_task(arriving), asyncio.create_task(asking)
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
