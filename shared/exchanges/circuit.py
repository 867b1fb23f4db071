"""Not to ask an exchange that does not answer: whoever needs it learns so at once, and one asks now and then."""

import time
from collections.abc import Callable

from shared.backoff import Backoff
from shared.exchanges.errors import ExchangeDown

#: Failures in a row after which an exchange counts as down.
FAILURES = 5


class Circuit:
    """Opens after failures in a row; then one request at a time tries whether the exchange is back.

    The pauses between tries grow from half a second to 15 s. Any clear answer closes it, refusals too.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._failures = 0
        self._closed_from = 0.0
        self._backoff = Backoff(0.5, 15.0)

    @property
    def is_open(self) -> bool:
        """Whether the exchange counts as down."""
        return self._failures >= FAILURES

    def enter(self) -> None:
        """Return if a request may be sent.

        Raises:
            ExchangeDown: if not; nothing was sent.
        """
        if not self.is_open:
            return
        now = self._clock()
        if now < self._closed_from:
            raise ExchangeDown(f"{self._name} does not answer; it is asked again in a moment")
        self._closed_from = now + self._backoff.pause()

    def succeeded(self) -> None:
        """Take note of a clear answer."""
        self._failures = 0
        self._backoff.reset()

    def failed(self) -> None:
        """Take note that no answer came."""
        self._failures += 1
        if self._failures == FAILURES:
            self._closed_from = self._clock() + self._backoff.pause()
