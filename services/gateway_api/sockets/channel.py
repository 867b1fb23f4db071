"""Pushes to all who read the same at the same pace: what several are due is made once and written to each."""

import asyncio
from typing import Protocol

import msgspec

from services.gateway_api.sockets import frames
from services.gateway_api.sockets.live_feed import LiveFeed
from services.gateway_api.sockets.questions import Subscription
from services.gateway_api.sockets.states import Mark, Push, book_levels
from shared.contracts.marketdata.books import LIVE_LEVELS
from shared.contracts.marketdata.feeds import FeedKind
from shared.errors import CommandError
from shared.telemetry.logs import logger

_log = logger("sockets")


class Reader(Protocol):
    """A connection."""

    def takes(self) -> bool:
        """Return whether a push may be written now; one that does not read for long is ended by this."""
        ...

    def write(self, frame: bytes) -> None:
        """Send a frame."""


class Channel:
    """A subscription of many connections to one feed."""

    def __init__(self, subscription: Subscription, feed: LiveFeed) -> None:
        self.subscription = subscription
        self.feed = feed
        self._marks: dict[Reader, Mark] = {}
        self._deep = subscription.feed.kind is FeedKind.BOOK and subscription.most > LIVE_LEVELS
        self.task = asyncio.create_task(self._push_for_ever(), name="pushes")

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, reader: Reader) -> None:
        """Push to `reader` from its next turn on what is new from now on, or the state of what has one."""
        self._marks[reader] = self.feed.state.beginning()

    def remove(self, reader: Reader) -> None:
        """Push no more to `reader`."""
        self._marks.pop(reader, None)

    async def _push_for_ever(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock() + self.subscription.every
        while True:
            await asyncio.sleep(due - clock())
            due = max(due + self.subscription.every, clock())
            try:
                await self.push()
            except (CommandError, msgspec.DecodeError) as error:
                _log.info("no push", subscription=self.subscription.id, error=str(error))
            except Exception:
                # One bad push must not end those after it, which nobody would start again.
                _log.exception("push failed", subscription=self.subscription.id)

    async def push(self) -> None:
        """Send every reader what it has not been sent.

        Raises:
            CommandError: if the levels of a deep book cannot be had.
            msgspec.DecodeError: if the service sent something else than its contract says.
        """
        state, most = self.feed.state, self.subscription.most
        made: dict[Mark, tuple[Mark, bytes | None]] = {}
        for reader, mark in list(self._marks.items()):
            if not reader.takes():
                continue
            if mark not in made:
                following, push = state.after(mark, most)
                made[mark] = following, None if push is None else await self._frame(push)
            following, frame = made[mark]
            # While a deep book was asked for, the reader may have gone, or asked something.
            if frame is not None and reader in self._marks and reader.takes():
                self._marks[reader] = following
                reader.write(frame)

    async def _frame(self, push: Push) -> bytes:
        content = push.data
        if self._deep:
            content = book_levels(await self.feed.deep_book(self.subscription.most))
        return frames.data(push.kind, self.subscription.id, content)
