"""The volume-weighted average price of the last minutes, as Binance's percent price filter and `avgPrice` use it."""

from collections import deque


class AveragePrice:
    """The average over a window, in seconds' steps: adding a trade costs the same however many there were.

    Amounts are quote units and base units of 10^-8; the average is in quote units per whole base asset.
    """

    __slots__ = ("_base", "_quote", "_seconds", "_window")

    def __init__(self, minutes: int) -> None:
        self._window = minutes * 60
        self._seconds: deque[list[int]] = deque()  # [second, quote, base], oldest first
        self._quote = 0
        self._base = 0

    def add(self, now: int, quote: int, base: int) -> None:
        """Count a trade at `now` (milliseconds)."""
        second = now // 1000
        if self._seconds and self._seconds[-1][0] == second:
            last = self._seconds[-1]
            last[1] += quote
            last[2] += base
        else:
            self._forget(second)
            self._seconds.append([second, quote, base])
        self._quote += quote
        self._base += base

    def ratio(self, now: int) -> tuple[int, int] | None:
        """Return (quote units, base units) traded within the window before `now`, None when nothing was."""
        self._forget(now // 1000)
        return (self._quote, self._base) if self._base else None

    def _forget(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second - self._window:
            _, quote, base = self._seconds.popleft()
            self._quote -= quote
            self._base -= base
