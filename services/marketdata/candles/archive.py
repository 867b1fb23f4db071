"""The candles of one series that have ended: stored, and asked for where they are not.

They are asked for in pages, which are the same for everybody, so that a page under way is waited for by all who want
something of it. What was told before a failure is kept.
"""

import asyncio
import time
from collections.abc import Callable

from services.marketdata.candles.intervals import Interval
from services.marketdata.candles.series import Series
from services.marketdata.candles.spans import Span, holes, proved
from services.marketdata.failures import NoAnswer
from services.marketdata.repository import Repository
from services.marketdata.shared_fetch import SharedFetch
from shared.backoff import Backoff
from shared.contracts.marketdata.candles import Candle
from shared.errors import CommandError
from shared.exchanges.errors import ExchangeDown, ExchangeError, OutcomeUnknown
from shared.exchanges.interface import Market
from shared.exchanges.traffic import DOWNLOAD
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Seconds after its end that a candle is taken for final, for clocks that differ and exchanges that count late.
SETTLING = 5
#: Seconds after which silence about a candle means that there is none.
LATE = 600
#: Seconds that a page is asked for, waiting for its turn included.
PAGE_SECONDS = 55.0
#: Milliseconds of a page at most: who asks for a month of days gets no ten years.
LONGEST_PAGE = 366 * 24 * 3600 * 1000
#: How often an exchange that does not answer is asked for a page.
ATTEMPTS = 3
#: Seconds that the running candle is good for by REST.
RUNNING_AGE = 1.0

Outcome = Span | ExchangeError | CommandError

_log = logger("marketdata")


class Archive:
    """Stored candles of `series`, completed from `market`. `turns` bounds what is asked of the exchange at a time."""

    def __init__(
        self,
        market: Market,
        series: Series,
        interval: Interval,
        repository: Repository,
        turns: asyncio.Semaphore,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.series = series
        self.interval = interval
        self._market = market
        self._repository = repository
        self._turns = turns
        self._clock = clock
        self._offer = market.candles()
        self._pages: dict[Span, asyncio.Task[Outcome]] = {}
        #: When progress of a download of this series was told last, by the monotonic clock: for all who wait for it.
        self.told_at = 0.0
        self._running = SharedFetch(f"{series}, the running one", self._ask_running)

    @property
    def page_length(self) -> int:
        """How long a page is, in ms: as much as the exchange gives at once, or a year."""
        length = self.interval.length
        return length * min(self._offer.page, LONGEST_PAGE // length)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked for now."""
        return not self._pages and not self._running.asking

    def settled_before(self) -> int:
        """Return the bound, in ms, before which all candles that opened are final."""
        return self.interval.ended_before(self.now() - SETTLING * 1000)

    def now(self) -> int:
        """Return the time, in ms."""
        return int(self._clock() * 1000)

    async def covered(self, span: Span) -> tuple[Span, ...]:
        """Return the parts of `span` that are stored."""
        return await self._repository.covered(self.series, span)

    async def json(self, span: Span) -> bytes:
        """Return the stored candles that open in `span`, as JSON objects with commas between."""
        return await self._repository.candles_json(self.series, span)

    def complete(self, page: Span) -> "asyncio.Task[Outcome]":
        """Have what lacks of `page` asked for and stored.

        The task tells of which time there is no more to be had now: the page, or more of it where the exchange has told
        when its first candle after it opens. Else why the page could not be had.
        """
        task = self._pages.get(page)
        if task is None:
            task = self._pages[page] = asyncio.create_task(self._completed(page), name=f"{self.series} from {page}")
            task.add_done_callback(lambda _: self._pages.pop(page, None))
        return task

    async def running(self, seconds: float) -> tuple[Candle, ...]:
        """Return the last candles, that are not final, oldest first.

        Raises:
            ExchangeError: if the exchange does not give them within `seconds`.
        """
        return await self._running.get(RUNNING_AGE, seconds)

    async def stop(self) -> None:
        """Give up what is asked for."""
        await self._running.stop()
        for task in tuple(self._pages.values()):
            await end_task(task)

    async def _ask_running(self) -> tuple[Candle, ...]:
        since = self.settled_before()
        limit = SETTLING * 1000 // self.interval.length + 3
        return await self._market.fetch_candles(self.series.trading_pair, self._name, since, limit)

    @property
    def _name(self) -> str:
        return str(self.interval.name)

    async def _completed(self, page: Span) -> Outcome:
        try:
            async with asyncio.timeout(PAGE_SECONDS):
                return await self._complete(page)
        except TimeoutError:
            return NoAnswer()
        except (ExchangeError, CommandError) as error:
            return error
        except Exception:  # a defect on the way is told to whoever waits, and the others go on
            _log.exception("candles not understood", series=str(self.series))
            return ExchangeError("it gave candles that cannot be read")

    async def _complete(self, page: Span) -> Span:
        wanted = page.within(Span(0, self.settled_before()))
        reached = page.end
        if not wanted.is_empty:
            for hole in holes(wanted, await self.covered(wanted)):
                reached = max(reached, (await self._fill(hole)).end)
        return Span(page.start, reached)

    async def _fill(self, hole: Span) -> Span:
        """Ask for the candles of `hole`, store what was told, and return the part of which all is told."""
        at = hole.start
        told: list[Candle] = []
        next_open = None
        while at < hole.end:
            limit = min(self._offer.page, self.interval.most_in(at, hole.end) + 1)
            candles = await self._asked(at, limit)
            inside = [candle for candle in candles if at <= opened(candle) < hole.end]
            told += inside
            if len(inside) < len(candles):
                next_open = opened(candles[len(inside)])
                break
            if not inside:
                break
            at = self.interval.end_of(opened(inside[-1]))
        told_to = at if told else None
        trusted_to = self.now() - LATE * 1000
        found = proved(hole, told_to, next_open, trusted_to)
        # Not beyond the hole where the exchange may have left out what it did not want to give.
        limit_to = self.settled_before() if self._offer.finds_next else hole.end
        found = found.within(Span(0, min(limit_to, found.end)))
        if not found.is_empty:
            await self._repository.add_candles(self.series, found, told)
        return found

    async def _asked(self, since: int, limit: int) -> tuple[Candle, ...]:
        backoff = Backoff(0.2, 2.0)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._turns:
                    return await self._market.fetch_candles(
                        self.series.trading_pair, self._name, since, limit, DOWNLOAD
                    )
            except (ExchangeDown, OutcomeUnknown):
                if attempt == ATTEMPTS:
                    raise
            await backoff.wait()
        raise AssertionError("unreachable")


def opened(candle: Candle) -> int:
    """Return when a candle opened, in ms."""
    return round(candle.timestamp * 1000)
