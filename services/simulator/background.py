"""Tasks that run as long as the exchange does: one that fails says so at once, and can be asked."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from shared.telemetry.logs import logger

_log = logger("simulator")


def background(work: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
    """Run `work` in a task; log it if that ends by an exception, which is a defect."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_ended)
    return task


def failure_of(task: "asyncio.Task[None] | None") -> str | None:
    """Return why a task has failed, None if it has not."""
    if task is None or not task.done() or task.cancelled() or (error := task.exception()) is None:
        return None
    return f"{task.get_name()} has failed: {error or type(error).__name__}"


def _ended(task: "asyncio.Task[None]") -> None:
    if (failure := failure_of(task)) is not None:
        _log.critical(failure, exc_info=task.exception())
