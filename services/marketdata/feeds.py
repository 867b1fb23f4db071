"""Every feed of this process, by connector and pair: begun by the first question, ended when nobody asks any more."""

import asyncio
import time

from services.marketdata.book_feed import BookFeed
from services.marketdata.live_outlet import LiveOutlet
from services.marketdata.quote_board import QuoteBoard
from services.marketdata.settings import MarketdataSettings
from services.marketdata.tickers import TickerBoard
from services.marketdata.venue import Venue
from shared.contracts.marketdata import BOOK, TICKER, LiveBook, LiveTicker
from shared.tasks import end_task
from shared.telemetry.logs import logger

_log = logger("marketdata")


class Feeds:
    """Books, tickers and quotes that are followed. What one exchange does holds up no other's."""

    def __init__(self, settings: MarketdataSettings, outlet: LiveOutlet) -> None:
        self._settings = settings
        self._outlet = outlet
        self._books: dict[tuple[str, str], BookFeed] = {}
        self._tickers: dict[str, TickerBoard] = {}
        self._quotes: dict[str, QuoteBoard] = {}
        self._cleaning: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to end feeds that nobody asks for."""
        self._cleaning = asyncio.create_task(self._keep_clean(), name="clean-up of feeds")

    async def stop(self) -> None:
        """End all feeds."""
        await end_task(self._cleaning)
        await asyncio.gather(*(feed.stop() for feed in self._books.values()))
        await asyncio.gather(*(board.stop() for board in self._tickers.values()))
        await asyncio.gather(*(board.stop() for board in self._quotes.values()))

    def book(self, venue: Venue, pair: str) -> BookFeed:
        """Return the book of a pair that the venue has; it is followed from now on."""
        feed = self._books.get((venue.name, pair))
        if feed is None:
            feed = self._books[venue.name, pair] = BookFeed(
                venue.market,
                pair,
                self._publish_book,
                patience=self._settings.stale_after,
                max_age=self._settings.max_age,
            )
        return feed

    def tickers(self, venue: Venue) -> TickerBoard:
        """Return the tickers of a venue."""
        board = self._tickers.get(venue.name)
        if board is None:
            board = self._tickers[venue.name] = TickerBoard(
                venue.market,
                self._publish_ticker,
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
        broken = sum(feed.stream.why_not is not None for feed in self._books.values())
        broken += sum(group.why_not is not None for group in groups)
        return (
            ("book_feeds", float(len(self._books))),
            ("ticker_feeds", float(sum(map(len, self._tickers.values())))),
            ("ticker_streams", float(len(groups))),
            ("streams_broken", float(broken)),
        )

    async def clean_up(self) -> None:
        """End the feeds that nobody has asked for during the feed timeout."""
        before = time.monotonic() - self._settings.feed_timeout
        idle = [key for key, feed in self._books.items() if feed.asked_at < before]
        ended = [self._books.pop(key) for key in idle]
        for connector, pair in idle:
            self._outlet.forget(BOOK, connector, pair)
        tickers = 0
        for connector, board in tuple(self._tickers.items()):
            for pair in await board.forget(before):
                self._outlet.forget(TICKER, connector, pair)
                tickers += 1
        await asyncio.gather(*(feed.stop() for feed in ended))
        if ended or tickers:
            _log.info("feeds ended that nobody asked for", books=len(ended), tickers=tickers)

    async def _keep_clean(self) -> None:
        while True:
            await asyncio.sleep(self._settings.cleanup_interval)
            try:
                await self.clean_up()
            except Exception:  # feeds that stay too long do less harm than a clean-up that never comes again
                _log.exception("feeds not cleaned up")

    def _publish_book(self, book: LiveBook) -> None:
        self._outlet.offer(BOOK, book.connector_name, book.trading_pair, book)

    def _publish_ticker(self, ticker: LiveTicker) -> None:
        self._outlet.offer(TICKER, ticker.connector_name, ticker.trading_pair, ticker)
