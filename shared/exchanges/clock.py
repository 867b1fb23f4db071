"""How far an exchange's clock is from ours."""

import time
from collections.abc import Awaitable, Callable

#: For so many seconds a measurement holds.
_HOLDS = 600.0
#: A measurement over a way longer than this, in ms, is not worth much.
_LONGEST_WAY_MS = 2000.0


class Clock:
    """The offset of an exchange's clock: `offset_ms` is its time less ours."""

    def __init__(self) -> None:
        self.offset_ms = 0
        self._measured_at: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether the offset was measured lately."""
        return self._measured_at is not None and time.monotonic() - self._measured_at < _HOLDS

    def doubt(self) -> None:
        """Have it measured again: the exchange did not like a time."""
        self._measured_at = None

    async def measure(self, ask: Callable[[], Awaitable[int]]) -> None:
        """Ask the exchange for its time, and take the middle of the way there and back as the moment of its answer."""
        sent, began = time.time() * 1000, time.monotonic()
        told = await ask()
        way = (time.monotonic() - began) * 1000
        if way <= _LONGEST_WAY_MS or self._measured_at is None:
            self.offset_ms = round(told - (sent + way / 2))
        self._measured_at = time.monotonic()
