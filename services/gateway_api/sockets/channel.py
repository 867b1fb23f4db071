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
from shared.http.websocket import Line
from shared.telemetry.logs import logger

_log = logger("sockets")


class Reader(Protocol):
    """A connection."""

    #: Where a push goes while it is direct.
    line: Line

    def takes(self) -> bool:
        """Return whether a push may be written though `line` is not direct; one long behind is ended by this."""
        ...

    def write(self, frame: bytes) -> None:
        """Send a frame."""


#: In the order in which they came, each with its line, which is all that a push looks at as a rule.
Readers = dict[Reader, Line]


class Channel:
    """A subscription of many connections to one feed. Readers who are as far as each other stand together."""

    def __init__(self, subscription: Subscription, feed: LiveFeed) -> None:
        self.subscription = subscription
        self.feed = feed
        self._readers: dict[Mark, Readers] = {}
        self._deep = subscription.feed.kind is FeedKind.BOOK and subscription.most > LIVE_LEVELS
        self.task = asyncio.create_task(self._push_for_ever(), name="pushes")

    def __len__(self) -> int:
        return sum(map(len, self._readers.values()))

    def add(self, reader: Reader) -> None:
        """Push to `reader` from its next turn on what is new from now on, or the state of what has one."""
        self.remove(reader)
        self._put(self.feed.state.beginning(), {reader: reader.line})

    def remove(self, reader: Reader) -> None:
        """Push no more to `reader`."""
        for mark, readers in self._readers.items():
            if reader in readers:
                del readers[reader]
                if not readers:
                    del self._readers[mark]
                return

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
        made: dict[Mark, tuple[Mark, bytes]] = {}
        for mark in list(self._readers):
            following, push = state.after(mark, most)
            if push is not None:
                made[mark] = following, await self._frame(push)
        # Readers may have come, gone or asked something while a deep book was asked for. From here on nothing waits.
        sent: list[tuple[Mark, Readers]] = []
        for mark, (following, frame) in made.items():
            readers = self._readers.get(mark)
            if readers is None:
                continue
            later = _send(frame, readers)
            del self._readers[mark]
            for reader in later:
                del readers[reader]
            self._put(mark, {reader: reader.line for reader in later})
            sent.append((following, readers))
        # Not before all were sent theirs: else some would be sent the next already.
        for following, readers in sent:
            self._put(following, readers)

    def _put(self, mark: Mark, readers: Readers) -> None:
        if not readers:
            return
        there = self._readers.setdefault(mark, readers)
        if there is not readers:
            there.update(readers)

    async def _frame(self, push: Push) -> bytes:
        content = push.data
        if self._deep:
            content = book_levels(await self.feed.deep_book(self.subscription.most))
        return frames.data(push.kind, self.subscription.id, content)


def _send(frame: bytes, readers: Readers) -> list[Reader]:
    """Send `frame` to all who take it now; return the others. What is done here is done for each reader of a push."""
    others: list[Reader] = []
    size = len(frame)
    for reader, line in readers.items():
        if line.direct:
            try:
                sent = line.send_directly(frame)
            except OSError:
                sent = 0  # it takes nothing for now, or is gone, which the transport is about to find out
            if sent != size:
                line.write(frame[sent:])
        elif reader.takes():
            reader.write(frame)
        else:
            others.append(reader)
    return others
