"""A book of Binance's from its differences and snapshots, each asked for no deeper than is needed."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import msgspec

from shared.exchanges.binance_streams import Messages
from shared.exchanges.book_sync import BookSync, Difference, Snapshot
from shared.exchanges.errors import ExchangeDown, ExchangeError, RateLimited
from shared.exchanges.local_book import LocalBook
from shared.tasks import end_task

#: Levels a side that snapshots have: the first that is enough, then the next when too few are left. Deep ones cost
#: ten times the weight of the first, and most pairs never need one.
SIZES = (100, 500, 1000)
#: A side that has fewer levels than this, while there are more, needs a snapshot.
ENOUGH = 50
#: Snapshots in a row that do not fit the differences after them.
MOST_TRIES = 5
#: Seconds until the exchange is asked again when it allows no more questions.
PAUSE = 2.0
#: Seconds between two snapshots that are to bring more levels: of a book that moves fast they would use up the limit.
DEEPER_EVERY = 5.0

#: Asks for a snapshot of so many levels.
Ask = Callable[[int], Awaitable[Snapshot]]

_difference = msgspec.json.Decoder(Difference).decode


class Snapshots:
    """Asks for the snapshots of one book, a few of all books at a time."""

    def __init__(self, ask: Ask, places: asyncio.Semaphore) -> None:
        self._ask = ask
        self._places = places
        self.size = 0

    async def next(self, levels: int) -> Snapshot:
        """Return a snapshot of at least `levels`, as far as the exchange gives so many; wait where it allows no more.

        Raises:
            ExchangeError: as it says.
        """
        self.size = next((size for size in SIZES if size >= max(levels, self.size)), SIZES[-1])
        while True:
            async with self._places:
                try:
                    return await self._ask(self.size)
                except RateLimited as error:
                    wait = error.retry_after or PAUSE
            # What the stream brings meanwhile is kept, and bounded: it breaks when this takes too long.
            await asyncio.sleep(min(wait, PAUSE))


async def kept_book(
    sync: BookSync, following: AsyncGenerator[Messages, None], snapshots: Snapshots, wanted: Callable[[], int]
) -> AsyncGenerator[LocalBook, None]:
    """Yield the book after each change of it, always the same object.

    Raises:
        ExchangeError: when the stream breaks, or snapshots do not fit it.
    """
    book = sync.book
    deeper = _Deeper(sync, snapshots)
    try:
        async with aclosing(following) as brought:
            async for messages in brought:
                differences = [_difference(message) for message in messages]
                deeper.note(differences)
                changed = False
                for difference in differences:
                    changed |= sync.take(difference)
                if not sync.is_synced:
                    await _begin(sync, differences, snapshots, wanted())
                    changed = True
                changed |= deeper.look()
                if book.lacks(ENOUGH) or (snapshots.size < wanted() and book.lacks(wanted())):
                    deeper.begin(max(snapshots.size + 1, wanted()))
                if changed and sync.is_synced and not book.lacks(1):
                    yield book
    finally:
        await deeper.stop()


async def _begin(sync: BookSync, differences: list[Difference], snapshots: Snapshots, wanted: int) -> None:
    """Bring the book in step; `differences` are what came last. What comes meanwhile waits in the stream."""
    for _ in range(MOST_TRIES):
        sync.load(await snapshots.next(wanted))
        sync.book.timestamp = time.time()
        for difference in differences:
            sync.take(difference)
        if sync.is_synced:
            return
    raise ExchangeDown("the book's snapshots do not fit what follows them")


class _Deeper:
    """A snapshot with more levels for a book that goes on meanwhile."""

    def __init__(self, sync: BookSync, snapshots: Snapshots) -> None:
        self._sync = sync
        self._snapshots = snapshots
        self._task: asyncio.Task[Snapshot | ExchangeError] | None = None
        self._since: list[Difference] = []
        self._not_before = 0.0

    def begin(self, levels: int) -> None:
        """Ask for it, unless that is under way or was done a moment ago."""
        now = time.monotonic()
        if self._task is None and now >= self._not_before:
            self._not_before = now + DEEPER_EVERY
            self._task = asyncio.create_task(self._ask(levels), name="deeper book")

    def note(self, differences: list[Difference]) -> None:
        """Remember what is applied while it is awaited: it may be as old as the question."""
        if self._task is not None:
            self._since += differences

    def look(self) -> bool:
        """Put it in the place of the book if it has come; return whether that is so."""
        if self._task is None or not self._task.done():
            return False
        snapshot, since = self._task.result(), self._since
        self._task, self._since = None, []
        if isinstance(snapshot, ExchangeError) or not self._sync.is_synced:
            return False
        timestamp = self._sync.book.timestamp
        self._sync.load(snapshot)
        self._sync.book.timestamp = timestamp
        for difference in since:
            self._sync.take(difference)
        return True

    async def stop(self) -> None:
        """Give it up."""
        await end_task(self._task)

    async def _ask(self, levels: int) -> Snapshot | ExchangeError:
        try:
            return await self._snapshots.next(levels)
        except ExchangeError as error:
            return error  # the book is true without it; it is asked for again
