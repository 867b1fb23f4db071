"""The latest events of all services in the order in which they came, in memory, for every reader of `GET /events`.

There is one ring per process. Readers hold nothing but their place in it, so a slow one costs no memory: when it has
fallen behind the ring, it is given what it missed from the streams, like one that comes back after a while.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from services.gateway_api.stream.positions import Position
from shared.events.envelope import Envelope, encode

#: Bytes of events in memory at most, however few they are.
MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """An event, with the end of its frame made once for all readers."""

    service: str
    seq: int
    kind: str
    account: str | None
    bot: str | None
    frame: bytes


def entry_of(event: Envelope) -> Entry:
    """Return `event` as readers are sent it: everything of the frame but the id, which is each reader's own."""
    frame = b"event: %s\ndata: %s\n\n" % (event.kind.encode(), encode(event))
    return Entry(event.service, event.seq, event.kind, event.account, event.bot, frame)


class EventRing:
    """Keeps the last `capacity` events.

    For every service: all events after `floor` up to `head` are in the ring.
    """

    def __init__(self, capacity: int, max_bytes: int = MAX_BYTES) -> None:
        self._capacity = capacity
        self._max_bytes = max_bytes
        self._entries: list[Entry] = []
        self._bytes = 0
        #: The place of the first entry; places count up for ever.
        self.start = 0
        self._floor: Position = {}
        self._head: Position = {}
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def end(self) -> int:
        """The place that the next event will get."""
        return self.start + len(self._entries)

    @property
    def floor(self) -> Mapping[str, int]:
        """The last `seq` of each service that is no longer in the ring."""
        return self._floor

    @property
    def head(self) -> Mapping[str, int]:
        """The last `seq` of each service that has come."""
        return self._head

    def begin(self, service: str, seq: int) -> None:
        """Start with a service whose last event is `seq`; those up to it are not in the ring."""
        self._floor[service] = self._head[service] = seq
        self._wake()

    def append(self, event: Envelope) -> None:
        """Add an event. One that has come before is left out; one that leaves a hole makes the ring start anew."""
        head = self._head.get(event.service, 0)
        if event.seq <= head:
            return
        if event.seq > head + 1:
            self._drop(len(self._entries))
            self._floor[event.service] = event.seq - 1
        entry = entry_of(event)
        self._entries.append(entry)
        self._bytes += len(entry.frame)
        self._head[event.service] = event.seq
        if len(self._entries) > self._capacity or self._bytes > self._max_bytes:
            # A quarter at a time, as the front of a list is dear to cut.
            self._drop(max(1, len(self._entries) // 4))
        self._wake()

    def read(self, place: int, most: int) -> list[Entry]:
        """Return up to `most` entries from `place` on, which must not lie before the ring."""
        return self._entries[place - self.start : place - self.start + most]

    async def wait_beyond(self, place: int, seconds: float) -> None:
        """Return when there is an event at `place`, or something else has changed, or after `seconds`."""
        if self.end > place:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait((future,), timeout=seconds)
        finally:
            self._waiting.discard(future)

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def _drop(self, count: int) -> None:
        for entry in self._entries[:count]:
            self._floor[entry.service] = entry.seq
            self._bytes -= len(entry.frame)
        del self._entries[:count]
        self.start += count
