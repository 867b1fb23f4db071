"""Wrong passwords and keys, counted by address, so that nobody can try them one after the other.

An address with too many of them has to wait: what it sends is no longer verified. A caller from the same address whose
identity the edge remembers is still served, as a program with an old password must not lock out its neighbours; but
only up to a second limit, because that answer too would tell a guesser something. No account is ever locked.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.gateway_api.room import make_room

#: An address with this many times the limit is refused whatever it sends.
_HARD = 10
_MAX_ADDRESSES = 10_000


@dataclass(slots=True)
class _Count:
    wrong: int
    until: float


class Guesses:
    """Counts wrong attempts within windows of `window` seconds; a `limit` of 0 counts nothing."""

    def __init__(self, limit: int, window: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._window = window
        self._clock = clock
        self._counts: dict[str, _Count] = {}

    def wrong(self, address: str) -> None:
        """Count one wrong attempt from `address`."""
        if not self._limit:
            return
        count = self._current(address)
        if count is None:
            now = self._clock()
            make_room(self._counts, _MAX_ADDRESSES, lambda old: old.until <= now)
            count = self._counts[address] = _Count(0, now + self._window)
        count.wrong += 1

    def wait(self, address: str) -> int:
        """Return the seconds until an attempt from `address` is verified again, 0 if it is now."""
        return self._wait(address, self._limit)

    def wait_of_known(self, address: str) -> int:
        """Return the seconds until even a remembered identity is served at `address`, 0 if it is now."""
        return self._wait(address, self._limit * _HARD) if self._counts else 0

    def _wait(self, address: str, limit: int) -> int:
        count = self._current(address)
        if count is None or count.wrong < limit:
            return 0
        return max(1, math.ceil(count.until - self._clock()))

    def _current(self, address: str) -> _Count | None:
        count = self._counts.get(address)
        if count is not None and count.until <= self._clock():
            del self._counts[address]
            return None
        return count
