"""The feeds that somebody reads: each is followed once, however many readers it has."""

import asyncio

from nats.errors import Error as NatsError

from services.gateway_api.sockets.live_feed import LiveFeed, Subscribed
from shared.bus.client import Bus
from shared.bus.connection import Client, Receiver, close, connect
from shared.bus.subjects import Subjects
from shared.contracts.declaration import EDGE, AnyLive
from shared.contracts.marketdata.feeds import FeedRef
from shared.errors import CommandError, ErrorCode
from shared.settings import Settings
from shared.tasks import end_task

_AWAY = "the message bus is not reachable"


class LiveFeeds:
    """Opens and closes feeds as readers come and go."""

    def __init__(self, settings: Settings, bus: Bus) -> None:
        self._settings = settings
        self._subjects = Subjects(settings.namespace)
        self._bus = bus
        self._feeds: dict[FeedRef, LiveFeed] = {}
        self._connecting: asyncio.Task[Client] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._feeds)

    async def start(self) -> None:
        """Begin to connect; returns at once and waits for no server."""
        connecting = connect(self._settings, EDGE, on_reconnect=self._reconnected)
        self._connecting = asyncio.create_task(connecting, name="connect for live feeds")

    async def stop(self) -> None:
        """Close all feeds, and the connection."""
        for feed in list(self._feeds.values()):
            await feed.close()
        self._feeds.clear()
        if self._closing:
            await asyncio.wait(set(self._closing))
        await end_task(self._connecting)
        if self._connecting is not None and not self._connecting.cancelled() and not self._connecting.exception():
            await close(self._connecting.result())

    async def acquire(self, ref: FeedRef, actor: str) -> LiveFeed:
        """Return the feed `ref` for one reader more, which is to `release` it; `actor` asks the service for it.

        Raises:
            CommandError: if there is no such feed, or it cannot be had now.
        """
        feed = self._feeds.get(ref)
        if feed is None:
            feed = self._feeds[ref] = LiveFeed(ref, self._bus, self._subscribe)
            feed.opening = asyncio.create_task(feed.open(actor), name="open live feed")
        feed.readers += 1
        assert feed.opening is not None
        try:
            # It goes on for the others when one reader leaves; the last one closes it.
            await asyncio.shield(feed.opening)
        except BaseException as error:
            self.release(feed)
            if isinstance(error, NatsError):
                raise CommandError(ErrorCode.UNAVAILABLE, _AWAY) from error
            raise
        return feed

    def release(self, feed: LiveFeed) -> None:
        """Let go of a feed that was acquired; the last reader closes it."""
        feed.readers -= 1
        opening = feed.opening
        failed = opening is not None and opening.done() and (opening.cancelled() or opening.exception() is not None)
        if self._feeds.get(feed.ref) is feed and (failed or not feed.readers):
            del self._feeds[feed.ref]
        if not feed.readers:
            task = asyncio.create_task(feed.close(), name="close live feed")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _subscribe(self, live: AnyLive, keys: tuple[str, ...], receive: Receiver) -> Subscribed:
        connecting = self._connecting
        if connecting is None or not connecting.done():
            raise CommandError(ErrorCode.UNAVAILABLE, _AWAY)
        connector, pair, *further = keys
        connection = connecting.result()
        subscription = await connection.subscribe_directly(
            self._subjects.live(live, connector, pair, *further), receive
        )
        await connection.flush()
        return subscription

    async def _reconnected(self) -> None:
        for feed in self._feeds.values():
            feed.lost()
