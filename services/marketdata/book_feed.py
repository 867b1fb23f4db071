"""The order book of one pair: in memory from its first question on, kept true by a stream, else asked for by REST."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from services.marketdata.book_levels import Depths, fault_of, reaches, size_for
from services.marketdata.follower import Unsound
from services.marketdata.shared_fetch import SharedFetch
from services.marketdata.soonest import soonest
from services.marketdata.supply import BEAT, Supply
from shared.contracts.marketdata.books import LIVE_LEVELS, LiveBook
from shared.exchanges.errors import ExchangeError
from shared.exchanges.interface import BookState, Market
from shared.exchanges.whole_book import WholeBook

#: Seconds that an answer by REST is good for while there is no stream, or where it reaches deeper.
REST_AGE = 1.0
#: Seconds that a stream which has just begun is given before REST is asked beside it: its book mostly comes sooner.
HEAD_START = 0.25
#: Seconds that it holds how deep REST found the book.
DEPTHS_AGE = 60.0


class BookFeed:
    """Follows the book of `pair`.

    `publish` gets the pair and its best levels, as JSON, whenever they have changed, if this replica leads. `bus` opens
    the stream of the best levels that another replica sends.
    """

    def __init__(
        self,
        market: Market,
        pair: str,
        publish: Callable[[str, bytes], None],
        bus: Callable[[], AsyncGenerator[LiveBook, None]],
        *,
        patience: float,
        max_age: float,
    ) -> None:
        self._market = market
        self._pair = pair
        self._publish = publish
        self._max_age = max_age
        self._book: BookState | None = None
        self._levels_wanted = 0
        self._levels_wanted_at = 0.0
        self._heard = 0.0
        self._best: LiveBook | None = None
        self._published_at = 0.0
        self._depths: Depths | None = None
        self._depths_at = 0.0
        self._fetches: dict[int, SharedFetch[LiveBook]] = {}
        self._arrived = asyncio.Event()
        name = f"{market.connector} book of {pair}"
        self._name = name
        self.supply: Supply[BookState] = Supply(
            name, lambda: market.watch_book(pair, self._wanted), lambda: _whole(bus()), self._take, patience
        )
        self._rest_from = time.monotonic() + HEAD_START
        self.asked_at = time.monotonic()
        self.supply.start()

    @property
    def state(self) -> BookState | None:
        """The book as it was heard last."""
        return self._book

    @property
    def heard(self) -> float:
        """When it was heard, by the monotonic clock."""
        return self._heard

    def now(self, depth: int) -> LiveBook | None:
        """Return the present book from memory; None if it is not there, or has fewer than `depth` levels of more."""
        now = self.asked_at = time.monotonic()
        if depth >= self._levels_wanted:
            self._levels_wanted, self._levels_wanted_at = depth, now
        book = self._book
        is_live = self.supply.live_since is not None
        if is_live and book is not None and reaches(book.counts, depth, self._known_depths()):
            return book.best(depth)
        fetch = self._fetches.get(size_for(depth))
        return None if fetch is None else fetch.kept(REST_AGE)

    def beat(self) -> None:
        """Send the last state again if nothing was sent for a while: who follows us hears that we are there."""
        book = self._book
        if book is None or not self.supply.leads or self.supply.live_since is None:
            return
        if time.monotonic() - self._published_at >= BEAT:
            self._send(book)

    async def get(self, depth: int, seconds: float) -> LiveBook:
        """Return the book, by its stream or by REST, whichever is first; at once the last one if REST is in trouble.

        Raises:
            ExchangeError: if the exchange does not give it within `seconds` and memory holds none that is young enough.
        """
        fetch = self._fetch_of(size_for(depth))
        return await soonest(
            fetch,
            lambda: self._until_it_reaches(depth),
            lambda: self._by_rest(fetch, seconds),
            lambda: self._last(depth),
            seconds=seconds,
            # Where the stream stands the last book is less than what is wanted, not an older one.
            is_last_enough=self.supply.live_since is None,
        )

    async def stop(self) -> None:
        """End the stream."""
        await self.supply.stop()
        for fetch in self._fetches.values():
            await fetch.stop()

    def _last(self, depth: int) -> LiveBook | None:
        """Return the last book that was heard, of whatever depth, if it is young enough."""
        if self._book is None or time.monotonic() - self._heard > self._max_age:
            return None
        return self._book.best(depth)

    async def _until_it_reaches(self, depth: int) -> LiveBook:
        while (book := self.now(depth)) is None:
            self._arrived.clear()
            await self._arrived.wait()
        return book

    async def _by_rest(self, fetch: SharedFetch[LiveBook], seconds: float) -> LiveBook | ExchangeError:
        wait = self._rest_from - time.monotonic()
        if wait > 0 and self.supply.why_not is None:
            await asyncio.sleep(min(wait, seconds))
            seconds -= wait
        try:
            return await fetch.get(REST_AGE, seconds)
        except ExchangeError as error:
            return error

    def _fetch_of(self, size: int) -> SharedFetch[LiveBook]:
        fetch = self._fetches.get(size)
        if fetch is None:
            fetch = self._fetches[size] = SharedFetch(f"{self._name}, {size} levels", lambda: self._ask(size))
        return fetch

    async def _ask(self, size: int) -> LiveBook:
        book = await self._market.fetch_book(self._pair, size)
        known = self._known_depths()
        if known is None or known.asked <= size:
            self._depths, self._depths_at = Depths(len(book.bids), len(book.asks), size), time.monotonic()
        if self.supply.live_since is None:
            self._book, self._heard = WholeBook(book), time.monotonic()
        return book

    def _known_depths(self) -> Depths | None:
        return self._depths if time.monotonic() - self._depths_at <= DEPTHS_AGE else None

    def _wanted(self) -> int:
        """Return how many levels were asked for lately: the stream is to have them."""
        if time.monotonic() - self._levels_wanted_at > DEPTHS_AGE:
            self._levels_wanted = 0
        return self._levels_wanted

    def _take(self, book: BookState) -> None:
        best = book.best(LIVE_LEVELS)
        fault = fault_of(best)
        if fault is not None:
            if self._best is not None:
                # What was the book goes on changing with its stream: the last good levels are what is left of it.
                self._book = WholeBook(self._best)
            raise Unsound(fault)
        self._book, self._heard = book, time.monotonic()
        self._arrived.set()
        before, self._best = self._best, best
        changed = before is None or best.bids != before.bids or best.asks != before.asks
        if changed and self.supply.leads:
            self._send(book)

    def _send(self, state: BookState) -> None:
        self._published_at = time.monotonic()
        self._publish(self._pair, state.json(LIVE_LEVELS))


async def _whole(books: AsyncGenerator[LiveBook, None]) -> AsyncIterator[BookState]:
    async with aclosing(books) as brought:
        async for book in brought:
            yield WholeBook(book)
