"""Keeping what was traded live: taken over at the start, stored every few seconds, given up some day."""

import asyncio
from collections.abc import Callable

from services.simulator.background import background, failure_of
from services.simulator.live_market import LiveMarket
from services.simulator.live_minute import LiveMinute
from services.simulator.market.intervals import HOUR, MINUTE
from services.simulator.minute_table import KEPT
from services.simulator.store import Store
from services.simulator.venue import Venue
from shared.backoff import Backoff
from shared.errors import CommandError
from shared.tasks import end_task
from shared.telemetry.logs import logger

_log = logger("simulator")
#: Seconds between two times that live candles are stored; ms between two times that old ones are given up.
_FLUSH = 5.0
_PRUNE = HOUR
#: Minutes that wait for a store that can't be reached; the oldest are given up then.
_MOST_WAITING = 5_000
#: What the 24 h figures of a pair are made of is kept this long after somebody has asked for them, in ms: 60 kB.
_DAY_KEPT = 10 * MINUTE


class MinuteKeeping:
    """Keeps the minutes of a live market in a store.

    Those in which no user traded are kept for `keep_ms`, two days or more. After that they are again as the synthetic
    past has them, and so are the larger candles that they are a part of; all others are kept for ever.
    """

    def __init__(self, live: LiveMarket, store: Store, now: Callable[[], int], keep_ms: int) -> None:
        self._live = live
        self._store = store
        self._now = now
        self._keep_ms = keep_ms
        self._waiting: list[tuple[Venue, str, LiveMinute]] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take over what is stored, and keep what comes."""
        self._task = background(self._run(), "the keeping of candles")

    async def stop(self) -> None:
        """Store what is new, and keep nothing more."""
        await end_task(self._task)
        await self.flush()

    @property
    def failure(self) -> str | None:
        """Why no candles are kept any more, if so."""
        return failure_of(self._task)

    async def _run(self) -> None:
        await self.load()
        pruned = 0
        while True:
            now = self._now()
            if now - pruned > _PRUNE:
                pruned = now
                await self.prune()
            await asyncio.sleep(_FLUSH)
            await self.flush()

    async def load(self) -> None:
        """Take over the minutes of the last day; wait for the store if it can't be asked."""
        backoff = Backoff(0.1, 5.0)
        while True:
            try:
                minutes = await self._store.recent_minutes(self._now() - KEPT)
                break
            except CommandError as error:
                _log.warning("live candles could not be loaded yet", error=str(error))
                await backoff.wait()
        for venue, name, minute in minutes:
            symbol = self._live.symbols.get((venue, name))
            if symbol is None:
                continue
            completed = self._live.pair(symbol).take_over(minute)
            if completed is not None:
                self._waiting.append((venue, name, completed))

    async def flush(self) -> None:
        """Store what is new; when that fails it is tried again with the next flush."""
        now = self._now()
        for (venue, name), pair in self._live.pairs.items():
            if now - pair.heard > MINUTE:
                pair.finish(now)
            if pair.day is not None and now - pair.day.asked > _DAY_KEPT:
                pair.day = None
            self._waiting += [(venue, name, minute) for minute in pair.finished]
            pair.finished.clear()
            if (minute := pair.so_far()) is not None:
                self._waiting.append((venue, name, minute))
        writing, self._waiting = self._waiting, []
        if not writing:
            return
        try:
            await self._store.write_minutes(list({(v, s, m.open_time): (v, s, m) for v, s, m in writing}.values()))
        except CommandError as error:
            _log.warning("live candles could not be stored yet", minutes=len(writing), error=str(error))
            self._waiting = [*writing, *self._waiting][-_MOST_WAITING:]

    async def prune(self) -> None:
        """Give up the minutes that are too old and in which no user traded: they are as the synthetic past has them."""
        try:
            dropped = await self._store.drop_minutes(self._now() - self._keep_ms)
        except CommandError as error:
            _log.warning("old candles could not be given up yet", error=str(error))
            return
        if dropped:
            _log.info("old candles given up", minutes=dropped)
