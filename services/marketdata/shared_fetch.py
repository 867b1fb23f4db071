"""A question to an exchange that many share: asked once at a time, and not again right after it has failed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from services.marketdata.failures import NoAnswer
from shared.backoff import Backoff
from shared.exchanges.errors import ExchangeError, RateLimited
from shared.tasks import end_task
from shared.telemetry.logs import logger

V = TypeVar("V")

#: Seconds after which a question is given up, also when nobody waits any more.
LIMIT = 20.0
#: Seconds of the first and the longest pause after failures: meanwhile callers get the last failure at once.
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
#: Seconds after which a question without an answer counts as a bad sign, and for how long a failure does: so long that
#: whoever asks now and then has it tried again meanwhile.
SLOW = 1.0
BAD_FOR = 15.0

_log = logger("marketdata")


class SharedFetch(Generic[V]):
    """The answer to one question, and who waits for it. `name` is for the log."""

    def __init__(self, name: str, ask: Callable[[], Awaitable[V]]) -> None:
        self._name = name
        self._ask = ask
        self._value: V | None = None
        self._at = 0.0
        self._failure: ExchangeError | None = None
        self._failed_at = 0.0
        self._began = 0.0
        self._ask_again_at = 0.0
        self._backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        self._task: asyncio.Task[V | ExchangeError] | None = None

    @property
    def asking(self) -> bool:
        """Whether an answer is awaited now."""
        return self._task is not None

    @property
    def in_trouble(self) -> bool:
        """Whether an answer is not to be expected soon: the last question has failed lately, or one takes long."""
        now = time.monotonic()
        if self._failure is not None and now - self._failed_at <= BAD_FOR:
            return True
        return self._task is not None and now - self._began > SLOW

    def kept(self, age: float | None = None) -> V | None:
        """Return the last answer; None if there is none, or if it is older than `age` seconds."""
        if age is not None and time.monotonic() - self._at > age:
            return None
        return self._value

    def begin(self) -> "asyncio.Task[V | ExchangeError] | None":
        """Ask, unless that is under way or in the pause after a failure; return what is under way."""
        if self._task is None and time.monotonic() >= self._ask_again_at:
            self._began = time.monotonic()
            self._task = asyncio.create_task(self._run(), name=f"ask {self._name}")
        return self._task

    def asks_beside(self) -> bool:
        """Return whether no answer is to be expected soon; ask then beside whoever makes do with an older one."""
        if not self.in_trouble:
            return False
        self.begin()
        return True

    async def get(self, age: float, seconds: float) -> V:
        """Return an answer that is no older than `age`, waiting for up to `seconds`.

        Raises:
            ExchangeError: what the exchange has failed with, now or right before; NoAnswer when the time is over.
        """
        kept = self.kept(age)
        if kept is not None:
            return kept
        task = self.begin()
        if task is None:
            assert self._failure is not None, "expected a failure before a pause"
            raise self._failure.with_traceback(None)
        done, _ = await asyncio.wait({task}, timeout=max(0.0, seconds))
        if not done or task.cancelled():
            raise NoAnswer
        outcome = task.result()
        if isinstance(outcome, ExchangeError):
            raise outcome.with_traceback(None)
        return outcome

    async def stop(self) -> None:
        """Give up a question that is under way."""
        await end_task(self._task)

    async def _run(self) -> V | ExchangeError:
        failure: ExchangeError
        try:
            async with asyncio.timeout(LIMIT):
                value = await self._ask()
        except TimeoutError:
            failure = NoAnswer()
        except ExchangeError as error:
            failure = error
        except Exception:  # a defect on the way is that question's alone: whoever waits is told
            _log.exception("answer not understood", question=self._name)
            failure = ExchangeError("it gave an answer that cannot be read")
        else:
            self._value, self._at = value, time.monotonic()
            self._failure = None
            self._backoff.reset()
            return value
        finally:
            self._task = None
        self._failed(failure)
        return failure

    def _failed(self, failure: ExchangeError) -> None:
        if self._failure is None:
            _log.warning("exchange failed", question=self._name, error=str(failure))
        self._failure, self._failed_at = failure, time.monotonic()
        pause = self._backoff.pause()
        if isinstance(failure, RateLimited) and failure.retry_after is not None:
            pause = max(pause, failure.retry_after)
        self._ask_again_at = time.monotonic() + pause
