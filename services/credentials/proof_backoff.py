"""Slows down a program on the bus that guesses a password, without locking out anybody else.

It counts failures per (actor, user name), so it holds up the guessing program and no other; who logs in through the
edge is another actor, and is limited there by address. It lives in memory: that a restart forgets it gives a guesser
nothing that counts beside the cost of a hash.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import CommandError, ErrorCode

#: Failures in a row that cost nothing: people mistype.
FREE_FAILURES = 3
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
#: Pairs that are remembered; the one that failed longest ago is forgotten first.
CAPACITY = 1024


@dataclass(slots=True)
class _Failures:
    count: int
    until: float


class ProofBackoff:
    """The failures in a row of each (actor, user name). Times are seconds of a monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def check(self, actor: str, username: str) -> None:
        """Let the proof be looked at.

        Raises:
            CommandError: BUSY if it comes before the pause after the last failure is over.
        """
        failures = self._failures.get((actor, username))
        left = 0.0 if failures is None else failures.until - self._clock()
        if left > 0:
            raise CommandError(ErrorCode.BUSY, f"Too many failed proofs; try again in {left:.0f} s")

    def failed(self, actor: str, username: str) -> None:
        """Count a failure; from the fourth in a row on, each doubles the pause."""
        failures = self._failures.setdefault((actor, username), _Failures(0, 0.0))
        self._failures.move_to_end((actor, username))
        failures.count += 1
        if failures.count > FREE_FAILURES:
            doublings = min(failures.count - FREE_FAILURES - 1, 10)
            failures.until = self._clock() + min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE)
        if len(self._failures) > CAPACITY:
            self._failures.popitem(last=False)

    def succeeded(self, actor: str, username: str) -> None:
        """Forget the failures: this one knows the password."""
        self._failures.pop((actor, username), None)
