"""Following one stream of an exchange for as long as it is wanted: again after each break, with growing pauses."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Generic, TypeVar

from shared.backoff import Backoff
from shared.exchanges.errors import ExchangeError, Unsupported
from shared.tasks import end_task
from shared.telemetry.logs import logger

T = TypeVar("T")

#: Seconds of the first and the longest pause before a stream is opened again.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
#: A stream that lasted so many seconds was a good one: the pauses begin anew.
GOOD_LIFE = 10.0
#: A quiet pair is opened again less and less often: up to this many times `patience` apart.
MOST_PATIENCE = 10

_log = logger("marketdata")


class Unsound(Exception):
    """What a stream has brought cannot be: it has to be begun anew."""


class Follower(Generic[T]):
    """Hands each state of a stream to `take`, in order.

    Args:
        name: for logs.
        watch: opens the stream.
        take: keeps a state; raises Unsound if it cannot be.
        patience: seconds without a state after which the stream counts as dead and is opened again. A market in which
            nothing happens looks the same, so the patience doubles each time that it brought nothing new.
        most_patience: up to so many times what it was at first.
    """

    def __init__(
        self,
        name: str,
        watch: Callable[[], AsyncIterator[T]],
        take: Callable[[T], None],
        patience: float,
        most_patience: int = MOST_PATIENCE,
    ) -> None:
        self._name = name
        self._most_patience = most_patience
        self._watch = watch
        self._take = take
        self._first_patience = self._patience = patience
        self._task: asyncio.Task[None] | None = None
        self._live_since: float | None = None
        self._opened = 0
        self._states = 0
        self._why_not: str | None = None

    @property
    def live_since(self) -> float | None:
        """When the running stream brought its first state, by the monotonic clock; None while there is no such."""
        return self._live_since

    @property
    def opened(self) -> int:
        """How often the stream was opened."""
        return self._opened

    @property
    def why_not(self) -> str | None:
        """Why the stream broke last, while it is not back."""
        return None if self._live_since is not None else self._why_not

    def start(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._follow(), name=f"follow {self._name}")

    async def stop(self) -> None:
        """Close the stream and end."""
        await end_task(self._task)
        self._live_since = None

    async def _follow(self) -> None:
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            opened_at = time.monotonic()
            self._states = 0
            silent = False
            try:
                await self._follow_once()
                why = "the exchange ended the stream"
            except TimeoutError:
                silent = self._states > 0
                why = f"nothing came for {self._patience:g} s"
                self._patience = min(self._patience * 2, self._first_patience * self._most_patience)
            except Unsupported as error:
                # It will not be there in a moment either. REST answers those who ask.
                self._why_not = str(error)
                _log.info("no such stream", stream=self._name, why=str(error))
                return
            except (ExchangeError, Unsound) as error:
                why = str(error) or type(error).__name__
            except Exception as error:
                # A defect in what reads this stream, or rubbish in it: the feed goes on, and the others never stopped.
                if not backoff.attempts_failed:
                    _log.exception("stream not understood", stream=self._name)
                why = type(error).__name__
            self._why_not = why
            if silent or time.monotonic() - opened_at >= GOOD_LIFE:
                backoff.reset()
            log = _log.debug if silent or backoff.attempts_failed else _log.warning
            log("stream broke", stream=self._name, why=why)
            await backoff.wait()

    async def _follow_once(self) -> None:
        loop = asyncio.get_running_loop()
        self._opened += 1
        stream = self._watch()
        rescheduled_at = -math.inf
        try:
            async with asyncio.timeout(self._patience) as silence:
                async for state in stream:
                    came_at = time.monotonic()
                    self._take(state)
                    # A timer for each state would be a tenth of its costs: the end of patience comes that much sooner.
                    if came_at >= rescheduled_at + self._patience / 10:
                        silence.reschedule(loop.time() + self._patience)
                        rescheduled_at = came_at
                    self._states += 1
                    if self._states == 1:
                        self._live_since = came_at
                    else:
                        self._patience = self._first_patience
        finally:
            # At once: closing takes time, and meanwhile nothing is heard.
            self._live_since = None
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
