"""Rate limits: a token bucket for each identity, or address where there is none."""

import math
import time
from collections.abc import Callable, Hashable

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
        if who not in self._full_at and len(self._full_at) >= _MAX_BUCKETS:
            self._forget_full(now)
        self._full_at[who] = full_at + 1 / self._rate
        return 0

    def _forget_full(self, now: float) -> None:
        self._full_at = {who: full_at for who, full_at in self._full_at.items() if full_at > now}
        while len(self._full_at) >= _MAX_BUCKETS:
            del self._full_at[next(iter(self._full_at))]
