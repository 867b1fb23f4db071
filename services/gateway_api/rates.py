"""Rate limits: a token bucket for each identity, or address where there is none."""

import math
import time
from collections.abc import Callable, Hashable

from services.gateway_api.room import make_room

_MAX_BUCKETS = 10_000


class Rates:
    """Buckets of `burst` tokens that fill at `rate` a second. A rate of 0 lets everything through."""

    def __init__(self, rate: float, burst: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.limited = rate > 0
        self._rate = rate
        self._burst = float(burst or max(1, math.ceil(2 * rate)))
        self._clock = clock
        #: The time at which each bucket is full again: all the state that a bucket has.
        self._full_at: dict[Hashable, float] = {}

    def take(self, who: Hashable) -> int:
        """Take a token of `who`; return 0, or the whole seconds after which one will be there."""
        now = self._clock()
        full_at = max(self._full_at.get(who, now), now)
        missing = (full_at - now) * self._rate
        if missing + 1 > self._burst + 1e-9:
            return max(1, math.ceil((missing + 1 - self._burst) / self._rate))
        if who not in self._full_at:
            make_room(self._full_at, _MAX_BUCKETS, lambda full_at: full_at <= now)
        self._full_at[who] = full_at + 1 / self._rate
        return 0
