"""One feed as the edge follows it: what the service sends live, for all readers, while it is asked to go on with it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from services.gateway_api.sockets.states import BookState, CandlesState, State, TradesState
from shared.bus.client import Bus
from shared.bus.connection import Receiver
from shared.contracts.declaration import EDGE, AnyLive
from shared.contracts.marketdata.books import BOOK, GET_BOOK, LIVE_LEVELS, Book, BookFilter
from shared.contracts.marketdata.candles import CANDLE, RECENT_CANDLES, Candle, RecentCandles
from shared.contracts.marketdata.feeds import FOLLOW_FEED, FeedKind, FeedRef
from shared.contracts.marketdata.trades import TRADES
from shared.errors import CommandError
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: How often it is looked whether the service has to be asked again: at once for a feed that was silent so long, as its
#: replica may have died, else in time before it would end the feed.
CHECK_PERIOD = 5.0
_IN_TIME = 1 / 3

_log = logger("sockets")


class Subscribed(Protocol):
    """A subscription on the bus."""

    async def unsubscribe(self) -> None: ...


#: Subscribes to the subject of what is sent live for a connector and a pair, with the values of further keys.
Subscribe = Callable[[AnyLive, tuple[str, ...], Receiver], Awaitable[Subscribed]]


class LiveFeed:
    """The state of `ref`, from `open` to `close`."""

    def __init__(self, ref: FeedRef, bus: Bus, subscribe: Subscribe) -> None:
        self.ref = ref
        self.readers = 0
        self.opening: asyncio.Task[None] | None = None
        self.state: State
        self._bus = bus
        self._subscribe = subscribe
        self._subscription: Subscribed | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._heard = 0
        self._missed = False
        self._next_follow = 0.0
        keys = (ref.connector_name, ref.trading_pair)
        self._candles: CandlesState | None = None
        self._book: BookState | None = None
        if ref.kind is FeedKind.CANDLES:
            assert ref.interval is not None
            self.state = self._candles = CandlesState(ref.interval)
            self._source: tuple[AnyLive, tuple[str, ...]] = (CANDLE, (*keys, ref.interval))
        elif ref.kind is FeedKind.BOOK:
            self.state = self._book = BookState()
            self._source = (BOOK, keys)
        else:
            self.state = TradesState()
            self._source = (TRADES, keys)

    async def open(self, actor: str) -> None:
        """Have the feed run, as `actor`, and its first state there.

        Raises:
            CommandError: if there is no such feed, or it cannot be had now.
            NatsError: if the bus is away.
        """
        await self._follow(actor)
        live, keys = self._source
        self._subscription = await self._subscribe(live, keys, self._received)
        await self.refresh(1)
        self._keeping = asyncio.create_task(self._keep(), name="live feed")

    async def close(self) -> None:
        """Follow it no more; the service ends it when nobody else asks."""
        await end_task(self.opening)
        await end_task(self._keeping)
        if self._subscription is not None:
            try:
                await self._subscription.unsubscribe()
            except NatsError as error:  # the connection was lost, and its subscriptions with it, or is closed
                _log.info("not unsubscribed", feed=self._source[1], error=type(error).__name__)

    def lost(self) -> None:
        """Take note that messages may have been missed."""
        self._missed = True

    async def refresh(self, most: int) -> None:
        """Ask for the state, with at least `most` candles.

        Raises:
            CommandError: if it cannot be had.
        """
        ref = self.ref
        if self._candles is not None:
            assert ref.interval is not None
            self._candles.most = max(self._candles.most, most)
            asked = RecentCandles(ref.connector_name, ref.trading_pair, ref.interval, self._candles.most)
            candles: list[Candle] = await self._bus.request(RECENT_CANDLES, asked, actor=EDGE)
            self._candles.begin(candles)
        elif self._book is not None:
            version = self._book.version
            book = await self.deep_book(LIVE_LEVELS)
            if self._book.version == version:  # else what came live meanwhile is newer
                self._book.begin(book)
        self._missed = False

    async def have(self, most: int) -> None:
        """Have at least `most` candles at hand.

        Raises:
            CommandError: if they cannot be had.
        """
        if self._candles is not None and most > self._candles.most:
            await self.refresh(most)

    async def deep_book(self, depth: int) -> Book:
        """Return the book with more levels than are sent live.

        Raises:
            CommandError: if it cannot be had.
        """
        asked = BookFilter(self.ref.connector_name, self.ref.trading_pair, depth)
        return await self._bus.request(GET_BOOK, asked, actor=EDGE)

    async def _received(self, message: Msg) -> None:
        self._heard += 1
        try:
            self.state.take(message.data)
        except msgspec.DecodeError as error:
            _log.error("not what the contract says", subject=message.subject, error=str(error))

    async def _keep(self) -> None:
        heard = -1
        while True:
            await asyncio.sleep(CHECK_PERIOD)
            silent, heard = self._heard == heard, self._heard
            try:
                if silent or time.monotonic() >= self._next_follow:
                    await self._follow(EDGE)
                # A silent feed may have moved, too, if it began anew elsewhere.
                if silent or self._missed or (self._candles is not None and self._candles.stale):
                    await self.refresh(1)
            except CommandError as error:
                # Whoever reads it sees that nothing comes; it goes on when the service, or the exchange, is back.
                self._missed = True
                _log.info("feed not kept", feed=self._source[1], error=error.detail)
            except msgspec.DecodeError as error:
                self._missed = True
                _log.error("not what the contract says", feed=self._source[1], error=str(error))

    async def _follow(self, actor: str) -> None:
        followed = await self._bus.request(FOLLOW_FEED, self.ref, actor=actor)
        self._next_follow = time.monotonic() + followed.seconds * _IN_TIME
