"""Waiting for what other tasks and processes do: look, yield, look again, until it is so or it took too long."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable


async def eventually(look: Callable[[], bool | Awaitable[bool]], *, seconds: float = 90.0) -> None:
    """Return when `look` says so.

    Raises:
        AssertionError: if it does not within `seconds`.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        seen = look()
        if await seen if inspect.isawaitable(seen) else seen:
            return
        assert loop.time() < until, f"not within {seconds} s: {inspect.getsource(look).strip()}"
        await asyncio.sleep(0.01)
