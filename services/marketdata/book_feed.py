"""The order book of one pair: in memory from its first question on, kept true by a stream, else asked for by REST."""

import asyncio
import time
from collections.abc import Callable

from services.marketdata.book_levels import Depths, fault_of, live_part, reaches, size_for
from services.marketdata.failures import NoAnswer
from services.marketdata.follower import Follower, Unsound
from services.marketdata.shared_fetch import SharedFetch
from shared.contracts.marketdata import LiveBook
from shared.exchanges.errors import ExchangeError
from shared.exchanges.interface import Market
from shared.tasks import end_task

#: Seconds that an answer by REST is good for while there is no stream, or where it reaches deeper.
REST_AGE = 1.0
#: Seconds that a stream's first state is waited for when REST has failed.
GRACE = 1.0
#: Seconds that it holds how deep REST found the book.
DEPTHS_AGE = 60.0


class BookFeed:
    """Follows the book of `pair`; `publish` gets its best levels whenever they have changed."""

    def __init__(
        self,
        market: Market,
        pair: str,
        publish: Callable[[LiveBook], None],
        *,
        patience: float,
        max_age: float,
    ) -> None:
        self._market = market
        self._pair = pair
        self._publish = publish
        self._max_age = max_age
        self._book: LiveBook | None = None
        self._heard = 0.0
        self._published: LiveBook | None = None
        self._depths: Depths | None = None
        self._depths_at = 0.0
        self._fetches: dict[int, SharedFetch[LiveBook]] = {}
        self._arrived = asyncio.Event()
        name = f"{market.connector} book of {pair}"
        self._name = name
        self._follower = Follower(name, lambda: market.watch_book(pair), self._take, patience)
        self.asked_at = time.monotonic()
        self._follower.start()

    @property
    def stream(self) -> Follower[LiveBook]:
        """The stream behind the book."""
        return self._follower

    def now(self, depth: int) -> LiveBook | None:
        """Return the present book from memory; None if it is not there, or has fewer than `depth` levels of more."""
        self.asked_at = time.monotonic()
        if self._follower.live_since is not None:
            book = self._book
            if book is not None and reaches(book, depth, self._known_depths()):
                return book
        fetch = self._fetches.get(size_for(depth))
        return None if fetch is None else fetch.kept(REST_AGE)

    async def get(self, depth: int, seconds: float) -> LiveBook:
        """Return the book, by its stream or by REST, whichever is first.

        Raises:
            ExchangeError: if the exchange does not give it within `seconds` and memory holds none that is young enough.
        """
        until = time.monotonic() + seconds
        arriving = asyncio.create_task(self._until_it_reaches(depth))
        asking = asyncio.create_task(self._by_rest(depth, seconds))
        try:
            await asyncio.wait({arriving, asking}, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
            if arriving.done():
                return arriving.result()
            failure = asking.result() if asking.done() else NoAnswer()
            if isinstance(failure, LiveBook):
                return failure
            await asyncio.wait({arriving}, timeout=max(0.0, min(GRACE, until - time.monotonic())))
            return arriving.result() if arriving.done() else self._last(failure)
        finally:
            await end_task(arriving)
            await end_task(asking)

    async def stop(self) -> None:
        """End the stream."""
        await self._follower.stop()
        for fetch in self._fetches.values():
            await fetch.stop()

    def _last(self, failure: ExchangeError) -> LiveBook:
        """Return the last book that was heard, of whatever depth, if it is young enough."""
        if self._book is None or time.monotonic() - self._heard > self._max_age:
            raise failure.with_traceback(None)
        return self._book

    async def _until_it_reaches(self, depth: int) -> LiveBook:
        while (book := self.now(depth)) is None:
            self._arrived.clear()
            await self._arrived.wait()
        return book

    async def _by_rest(self, depth: int, seconds: float) -> LiveBook | ExchangeError:
        size = size_for(depth)
        fetch = self._fetches.get(size)
        if fetch is None:
            fetch = self._fetches[size] = SharedFetch(f"{self._name}, {size} levels", lambda: self._ask(size))
        try:
            return await fetch.get(REST_AGE, seconds)
        except ExchangeError as error:
            return error

    async def _ask(self, size: int) -> LiveBook:
        book = await self._market.fetch_book(self._pair, size)
        known = self._known_depths()
        if known is None or known.asked <= size:
            self._depths, self._depths_at = Depths(len(book.bids), len(book.asks), size), time.monotonic()
        if self._follower.live_since is None:
            self._book, self._heard = book, time.monotonic()
        return book

    def _known_depths(self) -> Depths | None:
        return self._depths if time.monotonic() - self._depths_at <= DEPTHS_AGE else None

    def _take(self, book: LiveBook) -> None:
        fault = fault_of(book)
        if fault is not None:
            raise Unsound(fault)
        self._book, self._heard = book, time.monotonic()
        self._arrived.set()
        live = live_part(book)
        before = self._published
        if before is None or live.bids != before.bids or live.asks != before.asks:
            self._published = live
            self._publish(live)
