"""Calls at full multiples of a period, for as long as there is something to call."""

import asyncio
from collections.abc import Callable

#: A timer that comes this part of its period early is taken for one that is on time.
_EARLY = 4
#: Calls in one turn of the loop, which sends what they make only at its end: of hundreds, the first would wait long.
_AT_ONCE = 20


class Pace:
    """Calls what was added with the time in ms, whenever `now_ms` passes a multiple of its period."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._calls: dict[int, dict[Callable[[int], None], None]] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def add(self, period: int, call: Callable[[int], None]) -> None:
        """Call `call` every `period` ms from now on."""
        calls = self._calls.setdefault(period, {})
        calls[call] = None
        if period not in self._timers:
            self._arm(period)

    def remove(self, period: int, call: Callable[[int], None]) -> None:
        """Call `call` no more."""
        calls = self._calls.get(period, {})
        calls.pop(call, None)
        if not calls and (timer := self._timers.pop(period, None)) is not None:
            timer.cancel()

    def stop(self) -> None:
        """Call nothing any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._calls.clear()

    def _arm(self, period: int) -> None:
        rest = period - self._now_ms() % period
        if rest * _EARLY < period and period in self._timers:
            rest += period
        self._timers[period] = asyncio.get_running_loop().call_later(rest / 1000, self._fire, period)

    def _fire(self, period: int) -> None:
        self._arm(period)  # first, so that a call that fails does not end the others' updates
        self._call(period, tuple(self._calls[period]))

    def _call(self, period: int, calls: tuple[Callable[[int], None], ...]) -> None:
        now = self._now_ms()
        if len(calls) > _AT_ONCE:
            asyncio.get_running_loop().call_soon(self._call, period, calls[_AT_ONCE:])
        for call in calls[:_AT_ONCE]:
            if call in self._calls.get(period, ()):
                call(now)
