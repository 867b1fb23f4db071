"""Says in the log that something is away: once, then rarely, and once that it is back."""

import time
from collections.abc import Callable
from typing import Any

from shared.telemetry.logs import Logger

#: Seconds after which it is said again, and three times as many with each time, up to the last.
AGAIN, LONGEST = 30.0, 900.0


class Outage:
    """What is told of one thing that may be away. `away` and `back` are called as often as one likes."""

    def __init__(
        self, log: Logger, away: str, back: str, clock: Callable[[], float] = time.monotonic, **more: Any
    ) -> None:
        """`away` and `back` are the events as they stand in the log, with `more`."""
        self._log = log.bind(**more)
        self._event = away
        self._back = back
        self._clock = clock
        self._since: float | None = None
        self._pause = AGAIN
        self._next = 0.0
        self._times = 0

    @property
    def lasts(self) -> bool:
        """Whether it is away, as far as was told."""
        return self._since is not None

    def away(self, **more: Any) -> None:
        """Say that it is away, if it is time to."""
        now = self._clock()
        self._times += 1
        if self._since is None:
            self._since, self._pause, self._times = now, AGAIN, 1
            self._next = now + self._pause
            self._log.warning(self._event, **more)
        elif now >= self._next:
            self._pause = min(self._pause * 3, LONGEST)
            self._next = now + self._pause
            self._log.warning(self._event, seconds=round(now - self._since), times=self._times, **more)

    def back(self) -> None:
        """Say that it is back, if it was away."""
        if self._since is not None:
            seconds = round(self._clock() - self._since, 1)
            self._since = None
            self._log.info(self._back, seconds=seconds)

    def forget(self) -> None:
        """Say nothing more of it: nobody waits for it any longer."""
        self._since = None
