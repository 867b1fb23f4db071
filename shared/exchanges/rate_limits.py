"""How much may be asked of an exchange: by an address, and by a key. Ours, as ccxt counts each of its objects alone.

Counts are of rolling windows. Those of an exchange, which begin with its clock's minutes, hold no more than they do.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

import msgspec


class Limit(msgspec.Struct, frozen=True):
    """At most `weight` in `seconds`."""

    seconds: float
    weight: float


class _Window:
    """What was counted in the last `limit.seconds`."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._counted: deque[tuple[float, float]] = deque()
        self._sum = 0.0

    def wait(self, weight: float, share: float, burst: float, now: float) -> float:
        """Return in how many seconds `weight` fits into `share` of the limit, evenly beyond `burst` of it; 0: now."""
        self._forget(now)
        if not self._counted:
            return 0.0
        free = self.limit.weight * share - weight
        if self._sum <= free:
            if self._sum + weight <= self.limit.weight * burst:
                return 0.0
            even = weight / (self.limit.weight * share) * self.limit.seconds
            return max(0.0, self._counted[-1][0] + even - now)
        excess = self._sum - free
        for at, counted in self._counted:
            excess -= counted
            if excess <= 0:
                return at + self.limit.seconds - now
        return self._counted[-1][0] + self.limit.seconds - now

    def count(self, weight: float, now: float) -> None:
        self._counted.append((now, weight))
        self._sum += weight

    def raise_to(self, weight: float, now: float) -> None:
        """Count what others have used, as the exchange tells."""
        self._forget(now)
        if weight > self._sum:
            self.count(weight - self._sum, now)

    def _forget(self, now: float) -> None:
        while self._counted and self._counted[0][0] + self.limit.seconds <= now:
            self._sum -= self._counted.popleft()[1]
        if not self._counted:
            self._sum = 0.0


class Budget:
    """What one address, or one key, may still ask. Safe to use from several threads."""

    def __init__(self, limits: Iterable[Limit], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows = [_Window(limit) for limit in limits]
        self._blocked_until = 0.0
        self._lock = threading.Lock()

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What may be asked."""
        return tuple(window.limit for window in self._windows)

    def change_limits(self, limits: Iterable[Limit]) -> None:
        """Keep to other limits from now on; what was counted stays where a window is as long as before."""
        with self._lock:
            known = {window.limit.seconds: window for window in self._windows}
            changed = []
            for limit in limits:
                window = known.get(limit.seconds) or _Window(limit)
                window.limit = limit
                changed.append(window)
            self._windows = changed

    def take(self, weight: float, share: float = 1.0, burst: float = 1.0) -> float:
        """Count `weight` if it fits into `share` of every limit and return 0, else return the seconds to wait.

        What goes beyond `burst` of a limit comes evenly, so that nobody waits long for a whole window to pass.
        """
        with self._lock:
            now = self._clock()
            wait = max(
                (window.wait(weight, share, burst, now) for window in self._windows),
                default=0.0,
            )
            wait = max(wait, self._blocked_until - now)
            if wait > 0:
                return wait
            for window in self._windows:
                window.count(weight, now)
            return 0.0

    def block(self, seconds: float) -> None:
        """Ask nothing for so long: the exchange has said so."""
        with self._lock:
            self._blocked_until = max(self._blocked_until, self._clock() + seconds)

    def used(self, seconds: float, weight: float) -> None:
        """Take note of what the exchange has counted in its window of so many seconds."""
        with self._lock:
            now = self._clock()
            for window in self._windows:
                if window.limit.seconds == seconds:
                    window.raise_to(weight, now)
