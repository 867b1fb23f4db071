"""Every feed of this process, by connector and pair: begun by the first question, ended when nobody asks any more."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeVar

import msgspec

from services.marketdata.book_feed import BookFeed
from services.marketdata.funding_feed import FundingFeed
from services.marketdata.live_intake import LiveIntake
from services.marketdata.live_outlet import LiveOutlet
from services.marketdata.ownership import Ownership, Turn, lease_name
from services.marketdata.places import Places
from services.marketdata.quote_board import QuoteBoard
from services.marketdata.settings import MarketdataSettings
from services.marketdata.supply import BEAT
from services.marketdata.tickers import TickerBoard
from services.marketdata.trade_feed import TradeFeed
from services.marketdata.venue import Venue
from shared.contracts.declaration import AnyLive
from shared.contracts.marketdata.books import BOOK
from shared.contracts.marketdata.funding import FUNDING, LiveFunding
from shared.contracts.marketdata.tickers import TICKER, LiveTicker
from shared.contracts.marketdata.trades import TRADES, LiveTrades
from shared.tasks import end_task
from shared.telemetry.logs import logger

_log = logger("marketdata")

#: A connector and a pair.
Key = tuple[str, str]
#: A feed of one pair, of whichever kind.
PairFeed = BookFeed | TradeFeed | FundingFeed
F = TypeVar("F", BookFeed, TradeFeed, FundingFeed)


class Feeds:
    """Books, tickers, trades, funding and quotes that are followed. What one exchange does holds up no other's."""

    def __init__(
        self,
        settings: MarketdataSettings,
        outlet: LiveOutlet,
        intake: LiveIntake,
        ownership: Ownership,
        places: Places,
    ) -> None:
        self._settings = settings
        self._outlet = outlet
        self._intake = intake
        self._ownership = ownership
        self._places = places
        places.share(self)
        self._books: dict[Key, BookFeed] = {}
        self._trades: dict[Key, TradeFeed] = {}
        self._funding: dict[Key, FundingFeed] = {}
        self._tickers: dict[str, TickerBoard] = {}
        self._quotes: dict[str, QuoteBoard] = {}
        self._keeping: list[asyncio.Task[None]] = []
        self._ending: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to end feeds that nobody asks for, and to tell that the others are there."""
        self._keeping = [
            asyncio.create_task(self._keep_clean(), name="clean-up of feeds"),
            asyncio.create_task(self._keep_beating(), name="beats of feeds"),
        ]

    async def stop(self) -> None:
        """End all feeds."""
        for task in self._keeping:
            await end_task(task)
        await asyncio.gather(*(feed.stop() for _, _, feed in self._each()))
        await asyncio.gather(*(board.stop() for board in self._tickers.values()))
        await asyncio.gather(*(board.stop() for board in self._quotes.values()))
        if self._ending:
            await asyncio.wait(self._ending)

    def __len__(self) -> int:
        return sum(len(feeds) for _, feeds in self._kinds()) + sum(map(len, self._tickers.values()))

    def asked(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """See `services.marketdata.places.Kind`."""
        for live, key, feed in self._each():
            yield feed.asked_at, partial(self._end, live, key)
        for connector, board in self._tickers.items():
            for pair, asked_at in board.active():
                yield asked_at, partial(self._end_ticker, connector, pair)

    @property
    def timeout(self) -> float:
        """Seconds after which a feed ends that nobody asks for."""
        return float(self._settings.feed_timeout)

    @property
    def books(self) -> Mapping[Key, BookFeed]:
        """The books that are followed."""
        return self._books

    @property
    def trade_feeds(self) -> Mapping[Key, TradeFeed]:
        """The trades that are followed."""
        return self._trades

    @property
    def funding_feeds(self) -> Mapping[Key, FundingFeed]:
        """The funding that is followed."""
        return self._funding

    @property
    def ticker_boards(self) -> Mapping[str, TickerBoard]:
        """The tickers of each connector."""
        return self._tickers

    def book(self, venue: Venue, pair: str) -> BookFeed:
        """Return the book of a pair that the venue has; it is followed from now on.

        Raises:
            CommandError: BUSY if as many feeds run as may, and somebody asks for each of them.
        """
        return self._feed(self._books, BOOK, venue, pair, lambda: BookFeed(
            venue.market,
            pair,
            lambda of, text: self._outlet.offer(BOOK, venue.name, of, msgspec.Raw(text)),
            lambda: self._intake.watch(BOOK, venue.name, pair),
            patience=self._settings.stale_after,
            max_age=self._settings.max_age,
        ))  # fmt: skip

    def trades(self, venue: Venue, pair: str) -> TradeFeed:
        """Return the trades of a pair that the venue has; raises as `book` does."""
        return self._feed(self._trades, TRADES, venue, pair, lambda: TradeFeed(
            venue.market,
            pair,
            self._publish_trades,
            lambda: self._intake.watch(TRADES, venue.name, pair),
            patience=self._settings.stale_after,
        ))  # fmt: skip

    def funding(self, venue: Venue, pair: str) -> FundingFeed:
        """Return the funding of a perpetual that the venue has; raises as `book` does."""
        return self._feed(self._funding, FUNDING, venue, pair, lambda: FundingFeed(
            venue.market,
            pair,
            self._publish_funding,
            lambda: self._intake.watch(FUNDING, venue.name, pair),
            patience=self._settings.stale_after,
            max_age=self._settings.max_age,
        ))  # fmt: skip

    def tickers(self, venue: Venue) -> TickerBoard:
        """Return the tickers of a venue."""
        board = self._tickers.get(venue.name)
        if board is None:
            board = self._tickers[venue.name] = TickerBoard(
                venue.market,
                self._publish_ticker,
                self._ownership,
                lambda pair: self._intake.watch(TICKER, venue.name, pair),
                self._places,
                patience=self._settings.stale_after,
                max_age=self._settings.max_age,
            )
        return board

    def quotes(self, venue: Venue) -> QuoteBoard:
        """Return the prices of all pairs of a venue."""
        board = self._quotes.get(venue.name)
        if board is None:
            board = self._quotes[venue.name] = QuoteBoard(venue.market, self._settings.max_age)
        return board

    def figures(self) -> tuple[tuple[str, float], ...]:
        """Return how many feeds there are, and how many streams are not there now."""
        groups = [group for board in self._tickers.values() for group in board.groups]
        broken = sum(feed.supply.why_not is not None for _, _, feed in self._each())
        broken += sum(group.why_not is not None for group in groups)
        return (
            ("book_feeds", float(len(self._books))),
            ("trade_feeds", float(len(self._trades))),
            ("funding_feeds", float(len(self._funding))),
            ("ticker_feeds", float(sum(map(len, self._tickers.values())))),
            ("ticker_streams", float(len(groups))),
            ("streams_broken", float(broken)),
        )

    def forget_book(self, connector: str, pair: str) -> bool:
        """End the feed of a book; return whether there was one here."""
        if (connector, pair) not in self._books:
            return False
        self._end(BOOK, (connector, pair))
        return True

    def restart_books(self, connector: str) -> tuple[str, ...]:
        """Open the streams of a connector's books anew; return their pairs."""
        found = {pair: feed for (name, pair), feed in self._books.items() if name == connector}
        for feed in found.values():
            feed.supply.restart()
        return tuple(found)

    async def clean_up(self) -> None:
        """End the feeds that nobody has asked for during the feed timeout."""
        before = time.monotonic() - self._settings.feed_timeout
        ended = 0
        for live, feeds in self._kinds():
            for key in [key for key, feed in feeds.items() if feed.asked_at < before]:
                await self._let_go(live, key, feeds.pop(key))
                ended += 1
        for connector, board in tuple(self._tickers.items()):
            for pair in await board.forget(before):
                self._outlet.forget(TICKER, connector, pair)
                ended += 1
        if ended:
            _log.info("feeds ended that nobody asked for", feeds=ended)

    def _feed(self, feeds: dict[Key, F], live: AnyLive, venue: Venue, pair: str, make: Callable[[], F]) -> F:
        key = (venue.name, pair)
        feed = feeds.get(key)
        if feed is None:
            self._places.need()
            feed = feeds[key] = make()
            turn: Turn = feed.supply.turn
            self._ownership.join(lease_name(live, *key), turn)
        return feed

    def _end(self, live: AnyLive, key: Key) -> None:
        feed = next(feeds for each, feeds in self._kinds() if each is live).pop(key)
        task = asyncio.create_task(self._let_go(live, key, feed), name="end of a feed")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _end_ticker(self, connector: str, pair: str) -> None:
        self._tickers[connector].end(pair)
        self._outlet.forget(TICKER, connector, pair)

    async def _let_go(self, live: AnyLive, key: Key, feed: PairFeed) -> None:
        self._ownership.leave(lease_name(live, *key))
        self._outlet.forget(live, *key)
        await feed.stop()

    def _kinds(self) -> tuple[tuple[AnyLive, dict[Key, PairFeed]], ...]:
        return ((BOOK, self._books), (TRADES, self._trades), (FUNDING, self._funding))  # type: ignore[return-value]

    def _each(self) -> Iterator[tuple[AnyLive, Key, PairFeed]]:
        for live, feeds in self._kinds():
            for key, feed in feeds.items():
                yield live, key, feed

    async def _keep_clean(self) -> None:
        while True:
            await asyncio.sleep(self._settings.cleanup_interval)
            try:
                await self.clean_up()
            except Exception:  # feeds that stay too long do less harm than a clean-up that never comes again
                _log.exception("feeds not cleaned up")

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(BEAT / 2)
            for _, _, feed in tuple(self._each()):
                feed.beat()
            for board in tuple(self._tickers.values()):
                board.beat()

    def _publish_ticker(self, ticker: LiveTicker) -> None:
        self._outlet.offer(TICKER, ticker.connector_name, ticker.trading_pair, ticker)

    def _publish_funding(self, funding: LiveFunding) -> None:
        self._outlet.offer(FUNDING, funding.connector_name, funding.trading_pair, funding)

    def _publish_trades(self, trades: LiveTrades) -> None:
        # None of them is overtaken by the next ones.
        self._outlet.offer(TRADES, trades.connector_name, trades.trading_pair, trades, once=float(trades.sequence))
