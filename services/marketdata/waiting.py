"""Waiting for an exchange on behalf of a caller: not too many for one, and none past its deadline."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from services.marketdata.failures import command_error
from services.marketdata.venue import Venue
from shared.bus.messages import Call
from shared.errors import CommandError, ErrorCode
from shared.exchanges.errors import ExchangeError

T = TypeVar("T")
Later = Coroutine[Any, Any, T]

#: Seconds before the caller's deadline at which waiting ends, so that it gets a reason and not silence; of a short
#: time a fifth.
MARGIN = 0.3
#: Questions that may wait for one exchange at a time: those who come then would only wait longer.
MOST_WAITING = 200


class Waiting:
    """Counts who waits for which exchange."""

    def __init__(self) -> None:
        self._waiting: dict[str, int] = {}

    def for_exchange(self, venue: Venue, work: Callable[[], Awaitable[T]]) -> Later[T]:
        """Return `work` for the dispatcher to run: the exchange's failures are told, and not too many wait for it."""

        async def waiting() -> T:
            others = self._waiting.get(venue.name, 0)
            if others >= MOST_WAITING:
                raise CommandError(ErrorCode.BUSY, f"Too many questions wait for the exchange '{venue.name}' already")
            self._waiting[venue.name] = others + 1
            try:
                return await work()
            except ExchangeError as error:
                raise command_error(venue.name, error) from error
            finally:
                self._waiting[venue.name] -= 1

        return waiting()


def seconds_for(call: Call) -> float:
    """Return how long the caller may be kept waiting."""
    left = max(0.0, call.seconds_left())
    return left - min(MARGIN, left / 5)
