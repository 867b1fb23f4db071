"""Ends the process with SIGKILL at an exact point: between commit, relay, publish, taking in and acknowledging."""

import os
import signal
from collections.abc import Callable
from typing import Any

from shared.database.pool import Database
from shared.events.chain import Chain
from shared.events.consumer import Consumer
from shared.events.inbox import Inbox
from shared.events.outbox import Outbox

#: Where: class, method, whether before it runs (else after), and whether only a call counts that gave something.
_POINTS: dict[str, tuple[type, str, bool]] = {
    "before a commit": (Database, "_commit", True),
    "behind a commit": (Database, "_commit", False),
    "numbered": (Outbox, "take", False),
    "publishing": (Chain, "_next", True),
    "published": (Chain, "publish", False),
    "claimed": (Inbox, "claim", False),
    "acknowledging": (Consumer, "_send", True),
}
#: What can happen to a process that commits and relays, and to one that consumes.
TELLING = ("before a commit", "behind a commit", "numbered", "publishing", "published")
CONSUMING = ("before a commit", "behind a commit", "claimed", "acknowledging")


def crash_at(point: str, times: int) -> None:
    """End this process at the `times`-th passage of `point`."""
    owner, name, before = _POINTS[point]
    method: Callable[..., Any] = getattr(owner, name)
    left = times

    def count(result: object) -> None:
        nonlocal left
        if result == []:
            return  # nothing was numbered: no passage
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def plain(self: Any, *arguments: Any) -> Any:
        count(None)
        return method(self, *arguments)

    async def awaited(self: Any, *arguments: Any) -> Any:
        if before:
            count(None)
        result = await method(self, *arguments)
        if not before:
            count(result)
        return result

    setattr(owner, name, plain if name == "_next" else awaited)
