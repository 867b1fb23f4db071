"""Every candle feed and archive of this process: made by the first question, ended when nobody asks any more."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from functools import partial

from services.marketdata.candles.archive import Archive
from services.marketdata.candles.feed import CandleFeed
from services.marketdata.candles.intervals import INTERVALS
from services.marketdata.candles.series import Series
from services.marketdata.live_intake import LiveIntake
from services.marketdata.live_outlet import LiveOutlet
from services.marketdata.ownership import Ownership, lease_name
from services.marketdata.places import Places
from services.marketdata.repository import Repository
from services.marketdata.settings import MarketdataSettings
from services.marketdata.supply import BEAT
from services.marketdata.venue import Venue
from shared.contracts.marketdata.candles import CANDLE, LiveCandle
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Pages that are asked of one exchange at a time.
AT_A_TIME = 4

_log = logger("marketdata")


class CandleFeeds:
    """The candles of all series that somebody has asked for. Pairs and intervals are those that the venue has."""

    def __init__(
        self,
        settings: MarketdataSettings,
        outlet: LiveOutlet,
        intake: LiveIntake,
        ownership: Ownership,
        repository: Repository,
        *,
        places: Places,
    ) -> None:
        self._settings = settings
        self._outlet = outlet
        self._intake = intake
        self._ownership = ownership
        self._places = places
        self._repository = repository
        self._feeds: dict[Series, CandleFeed] = {}
        self._archives: dict[Series, Archive] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._keeping: list[asyncio.Task[None]] = []
        self._ending: set[asyncio.Task[None]] = set()
        places.share(self)

    def __len__(self) -> int:
        return len(self._feeds)

    def asked(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """See `services.marketdata.places.Kind`."""
        for feed in self._feeds.values():
            yield feed.asked_at, partial(self._end, feed)

    def start(self) -> None:
        """Begin to end feeds that nobody asks for, and to tell that the others are there."""
        self._keeping = [
            asyncio.create_task(self._keep_clean(), name="clean-up of candle feeds"),
            asyncio.create_task(self._keep_beating(), name="beats of candle feeds"),
        ]

    async def stop(self) -> None:
        """End all feeds, and what is asked for."""
        for task in self._keeping:
            await end_task(task)
        await asyncio.gather(*(feed.stop() for feed in self._feeds.values()))
        await asyncio.gather(*(archive.stop() for archive in self._archives.values()))
        if self._ending:
            await asyncio.wait(self._ending)

    @property
    def active(self) -> Collection[CandleFeed]:
        """The feeds that run."""
        return self._feeds.values()

    def feed(self, venue: Venue, pair: str, interval: str) -> CandleFeed:
        """Return the feed of a series, which is followed from now on.

        Raises:
            CommandError: BUSY if as many feeds run as may, and somebody asks for each of them.
        """
        series = Series(venue.name, pair, interval)
        feed = self._feeds.get(series)
        if feed is None:
            self._places.need()
            feed = self._feeds[series] = CandleFeed(
                venue.market,
                series,
                INTERVALS[interval],
                self._publish,
                lambda: self._intake.watch(CANDLE, venue.name, pair, interval),
                patience=self._settings.stale_after,
                max_age=self._settings.max_age,
            )
            self._ownership.join(_name(series), feed.supply.turn)
        return feed

    def archive(self, venue: Venue, pair: str, interval: str) -> Archive:
        """Return the stored candles of a series."""
        series = Series(venue.name, pair, interval)
        archive = self._archives.get(series)
        if archive is None:
            turns = self._turns.setdefault(venue.name, asyncio.Semaphore(AT_A_TIME))
            archive = self._archives[series] = Archive(
                venue.market, series, INTERVALS[interval], self._repository, turns
            )
        return archive

    def figures(self) -> tuple[tuple[str, float], ...]:
        """Return how many feeds there are, and how many streams are not there now."""
        broken = sum(feed.supply.why_not is not None for feed in self._feeds.values())
        return (("candle_feeds", float(len(self._feeds))), ("candle_streams_broken", float(broken)))

    async def clean_up(self) -> None:
        """End the feeds that nobody has asked for during the feed timeout."""
        before = time.monotonic() - self._settings.feed_timeout
        ended = [feed for feed in self._feeds.values() if feed.asked_at < before]
        for feed in ended:
            del self._feeds[feed.series]
        for series in [series for series, archive in self._archives.items() if archive.is_idle]:
            del self._archives[series]
        await asyncio.gather(*map(self._let_go, ended))
        if ended:
            _log.info("candle feeds ended that nobody asked for", feeds=len(ended))

    def _end(self, feed: CandleFeed) -> None:
        del self._feeds[feed.series]
        task = asyncio.create_task(self._let_go(feed), name="end of a candle feed")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _let_go(self, feed: CandleFeed) -> None:
        series = feed.series
        self._ownership.leave(_name(series))
        self._outlet.forget(CANDLE, series.connector_name, series.trading_pair, series.interval)
        await feed.stop()

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(BEAT / 2)
            for feed in tuple(self._feeds.values()):
                feed.beat()

    async def _keep_clean(self) -> None:
        while True:
            await asyncio.sleep(self._settings.cleanup_interval)
            try:
                await self.clean_up()
            except Exception:  # feeds that stay too long do less harm than a clean-up that never comes again
                _log.exception("candle feeds not cleaned up")

    def _publish(self, live: LiveCandle) -> None:
        # A candle that has ended is told, also where the next one has changed before it was sent.
        once = live.candle.timestamp if live.closed else None
        self._outlet.offer(CANDLE, live.connector_name, live.trading_pair, live, live.interval, once=once)


def _name(series: Series) -> str:
    return lease_name(CANDLE, series.connector_name, series.trading_pair, series.interval)
