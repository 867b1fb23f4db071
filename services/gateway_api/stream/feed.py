"""The answer of `GET /events`: server-sent events (WHATWG HTML, 9.2) that end only with their reader, or with us."""

import asyncio
from collections.abc import Callable, Sequence

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from services.gateway_api.departure import departure
from services.gateway_api.stream.cursor import Cursor, Kept
from services.gateway_api.stream.filters import EventFilter
from services.gateway_api.stream.positions import Position
from services.gateway_api.stream.ring import EventRing
from shared.errors import CommandError, ErrorCode
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Milliseconds after which a reader that lost its connection comes back.
_RETRY = 2000

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # proxies that read this send every event at once
]

_log = logger("events")


class EventFeed:
    """Everything that readers of `GET /events` share.

    Args:
        kept: reads events from before what `ring` holds.
        missing: names the services of which it is not known where their events stand.
        keep_alive: seconds without an event after which a reader is told that the connection is alive.
        most_readers: readers that are served at once.
    """

    def __init__(
        self,
        ring: EventRing,
        kept: Kept,
        missing: Callable[[], Sequence[str]],
        keep_alive: float,
        most_readers: int,
    ) -> None:
        self.ring = ring
        self.keep_alive = keep_alive
        self.closing = asyncio.Event()
        self.readers = 0
        self._kept = kept
        self._missing = missing
        self._most_readers = most_readers

    def open(self, wanted: EventFilter, position: Position | None) -> "EventStream":
        """Return the answer for one reader, from `position` on, or from now on if that is None.

        Raises:
            CommandError: UNAVAILABLE while it is not known where the events stand, BUSY if there are too many readers.
        """
        if self.closing.is_set():
            raise CommandError(ErrorCode.UNAVAILABLE, "gateway_api is about to stop")
        if missing := self._missing():
            raise CommandError(ErrorCode.UNAVAILABLE, f"the events of {', '.join(missing)} cannot be read now")
        if self.readers >= self._most_readers:
            raise CommandError(ErrorCode.BUSY, f"gateway_api serves {self.readers} readers of events and takes no more")
        return EventStream(self, Cursor(self.ring, self._kept, wanted, position))

    def close(self) -> None:
        """End all streams."""
        self.closing.set()


class EventStream(ASGIResponse):
    """The stream of one reader. Nothing is queued for one that does not read: it falls behind and catches up later."""

    def __init__(self, feed: EventFeed, cursor: Cursor) -> None:
        self._feed = feed
        self._cursor = cursor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the reader leaves or the edge stops."""
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        sending = asyncio.create_task(self._send_events(send))
        tasks = (sending, asyncio.create_task(departure(receive)), asyncio.create_task(self._feed.closing.wait()))
        self._feed.readers += 1
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._feed.readers -= 1
            for task in tasks:
                await end_task(task)
        if not sending.cancelled() and (fault := sending.exception()) is not None:
            # The reader comes back with its last id, and is told then that events cannot be read.
            _log.warning("event stream broke off", error=str(fault) or type(fault).__name__)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_events(self, send: Send) -> None:
        cursor, ring, keep_alive = self._cursor, self._feed.ring, self._feed.keep_alive
        clock = asyncio.get_running_loop().time
        await _write(send, b"retry: %d\n%s\n" % (_RETRY, cursor.id_line()))
        due = clock() + keep_alive
        while True:
            async for chunk in cursor.chunks():
                await _write(send, chunk)
                due = clock() + keep_alive
            gaps, again = cursor.settle(clock())
            if gaps:
                await _write(send, gaps)
                due = clock() + keep_alive
            if clock() >= due:
                # The id has moved past events that the reader did not want.
                await _write(send, b": keep-alive\n%s\n" % cursor.id_line())
                due = clock() + keep_alive
            await ring.wait_beyond(cursor.place, (due if again is None else min(due, again)) - clock())


async def _write(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
