"""How often an account is asked for what its stream leaves out: a few times at once, in the long run once a second."""

import asyncio
import time
from collections.abc import Callable

#: Questions that may follow each other at once, as an order is placed, filled and answered within a moment.
BURST = 4
#: Seconds in which one more is earned, and seconds between two at least: what comes together is asked for together.
INTERVAL, GAP = 1.0, 0.1


class QuestionPace:
    """A bucket of questions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = float(BURST)
        self._at = clock()
        self._last = self._at - GAP

    def take(self) -> float:
        """Count a question; return how long to wait with it."""
        now = self._clock()
        self._left = min(float(BURST), self._left + (now - self._at) / INTERVAL)
        self._at = now
        wait = max(0.0, (1.0 - self._left) * INTERVAL, self._last + GAP - now)
        self._left -= 1.0
        self._last = now + wait
        return wait

    async def wait(self) -> None:
        """Return when the next question may be asked, and count it."""
        await asyncio.sleep(self.take())
