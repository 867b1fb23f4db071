"""Growing pauses between attempts, spread at random so that many who wait for one server do not come back at once."""

import asyncio
import random


class Backoff:
    """The pauses of one loop of attempts, in seconds: each twice the one before, up to `limit`, half of it random."""

    def __init__(self, first: float = 0.05, limit: float = 2.0) -> None:
        self._first = first
        self._limit = limit
        self._next = first

    @property
    def attempts_failed(self) -> bool:
        """Whether there was a pause since the last success."""
        return self._next > self._first

    def reset(self) -> None:
        """Begin with the shortest pause again: an attempt has succeeded."""
        self._next = self._first

    def pause(self) -> float:
        """Return the next pause in seconds, for a caller that waits by itself."""
        pause = self._next * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
        self._next = min(self._next * 2, self._limit)
        return pause

    async def wait(self) -> None:
        """Wait for the next pause."""
        await asyncio.sleep(self.pause())
