"""How many messages a socket has sent us within the last second."""

from collections import deque


class MessageRate:
    """At most `most` messages within any second; times are in seconds."""

    __slots__ = ("_most", "_times")

    def __init__(self, most: int) -> None:
        self._most = most
        self._times: deque[float] = deque()

    def allows(self, now: float) -> bool:
        """Count a message; return whether it is not one too many."""
        while self._times and self._times[0] <= now - 1.0:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) <= self._most
