"""How many feeds may run, of all kinds together. Where no place is left, those that nobody asks for give theirs."""

import heapq
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from shared.errors import CommandError, ErrorCode

#: A feed that nobody has asked for in so many seconds gives its place to a new one where there is no other.
IDLE = 30.0
#: One in so many feeds ends at a time where a place is needed, as whoever needs one mostly needs more.
SHARE = 50


class Kind(Protocol):
    """Feeds that share the places."""

    def __len__(self) -> int: ...

    def asked(self) -> Iterable[tuple[float, Callable[[], None]]]:
        """Return of each feed when it was asked for last (monotonic clock), and what ends it."""
        ...


class Places:
    """The places for `most` feeds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kinds: list[Kind] = []
        self._look_again_at = 0.0

    def share(self, kind: Kind) -> None:
        """Have the feeds of `kind` count."""
        self._kinds.append(kind)

    def are_left(self) -> bool:
        """Return whether one feed more may run; if need be, end some that nobody has asked for in a while."""
        return sum(map(len, self._kinds)) < self._most or self._make_room()

    def need(self) -> None:
        """See that one feed more may run.

        Raises:
            CommandError: BUSY if as many run as may, and somebody asks for each of them.
        """
        if not self.are_left():
            text = f"No more than {self._most} feeds may run at a time (MARKET_DATA_MAX_FEEDS)"
            raise CommandError(ErrorCode.BUSY, f"{text}; one that nobody asks for in {IDLE:g} s gives its place")

    def _make_room(self) -> bool:
        now = time.monotonic()
        if now < self._look_again_at:
            return False
        every = ((asked_at, number, end) for number, (asked_at, end) in enumerate(self._each()))
        oldest = heapq.nsmallest(max(1, self._most // SHARE), every)
        idle = [end for asked_at, _, end in oldest if now - asked_at >= IDLE]
        for end in idle:
            end()
        if not idle and oldest:
            self._look_again_at = oldest[0][0] + IDLE
        return bool(idle)

    def _each(self) -> Iterable[tuple[float, Callable[[], None]]]:
        for kind in self._kinds:
            yield from kind.asked()
