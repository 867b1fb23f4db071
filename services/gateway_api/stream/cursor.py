"""One reader's way through the events: from where it stopped, out of the streams, then out of the ring."""

from collections.abc import AsyncIterator, Iterable, Iterator
from enum import StrEnum
from time import monotonic
from typing import Protocol

import msgspec

from services.gateway_api.stream.filters import EventFilter
from services.gateway_api.stream.positions import Position, encode
from services.gateway_api.stream.ring import Entry, EventRing, entry_of
from shared.backoff import Backoff
from shared.events.range import EventRange

#: Events that are handled, and sent, at a time.
_ENTRIES = 500
REFILL_PATIENCE = 10.0
#: Seconds in which what a reader claims to have seen may still come: from another replica of the edge it may know of
#: events that are on their way here, and a stream that was wiped may be on its way to where it was. The first without a
#: new event, the second in all.
_NEWS_PATIENCE, _CLAIM_PATIENCE = 1.0, 5.0

_encoder = msgspec.json.Encoder()


class Kept(Protocol):
    """Reads up to `most` of the events of `service` after the event `after` that its stream still keeps.

    Raises CommandError if it cannot be read.
    """

    async def __call__(self, service: str, after: int, most: int) -> EventRange: ...


class GapReason(StrEnum):
    """Why events are left out. UNKNOWN_ID: nothing has the id that the reader gave, so it is of another installation,
    or of a later state of a database that was set back.
    """

    EXPIRED = "expired"
    UNKNOWN_ID = "unknown_id"


class Gap(msgspec.Struct, frozen=True):
    """Events of `service` that the reader is not given: those after `after` and before `next`; read the state anew.

    `missing` is how many these are, None where the id is not known: then nobody can say.
    """

    service: str
    after: int
    next: int
    missing: int | None
    reason: GapReason


class Claim(msgspec.Struct):
    """That a reader has seen more than there is: since when, and when what there is has last become more."""

    head: int
    since: float
    grown: float


class Cursor:
    """Gives frames from a position on. `position` is what the reader has been given, or was not to be given.

    Args:
        patience: seconds that a stream which is being filled again may stand still.
    """

    def __init__(
        self,
        ring: EventRing,
        kept: Kept,
        wanted: EventFilter,
        position: Position | None,
        patience: float = REFILL_PATIENCE,
    ) -> None:
        self._patience = patience
        self._ring = ring
        self._kept = kept
        self._wanted = wanted
        self._place = ring.end if position is None else ring.start
        self._claims: dict[str, Claim] = {}
        self.position: Position = dict(ring.head) | (position or {})
        if position is not None:
            # An id names every service that the edge knew: of one that it does not name, nothing has been seen.
            self.position |= {service: 0 for service in ring.head if service not in position}

    @property
    def place(self) -> int:
        """The place in the ring that is read next."""
        return self._place

    def id_line(self) -> bytes:
        """Return the line that tells the reader its position."""
        return f"id: {encode(self.position)}\n".encode()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give everything that there is for the reader now.

        Raises:
            CommandError: if events that left the ring cannot be read from the streams.
        """
        while True:
            behind = next((s for s, floor in self._ring.floor.items() if self.position.get(s, 0) < floor), None)
            if behind is not None:
                frames = await self._catch_up(behind, self._ring.floor[behind])
            else:
                self._place = max(self._place, self._ring.start)
                entries = self._ring.read(self._place, _ENTRIES)
                if not entries:
                    return
                self._place += len(entries)
                frames = list(self._frames(entries))
            if frames:
                yield b"".join(frames)

    def settle(self, now: float) -> tuple[bytes, float | None]:
        """Bring the reader back to what there is, where it claims to have seen more and that does not come.

        Returns:
            The frames that tell it so, and when to look again, by the clock of `now`; None if it claims nothing.
        """
        frames, again = [], []
        for service, head in self._ring.head.items():
            # A head of 0 says nothing: the stream holds no event that could tell how far the service is.
            if not 0 < head < self.position.get(service, 0):
                self._claims.pop(service, None)
                continue
            claim = self._claims.setdefault(service, Claim(head, now, now))
            if head > claim.head:
                claim.head, claim.grown = head, now
            until = min(claim.grown + _NEWS_PATIENCE, claim.since + _CLAIM_PATIENCE)
            if now < until:
                again.append(until)
            else:
                frames.append(self._rewind(service, head))
        return b"".join(frames), min(again, default=None)

    def _rewind(self, service: str, head: int) -> bytes:
        del self._claims[service]
        claimed, self.position[service] = self.position[service], head
        return self._gap(Gap(service, claimed, head + 1, None, GapReason.UNKNOWN_ID))

    async def _catch_up(self, service: str, floor: int) -> list[bytes]:
        """Return the next events of `service` that have left the ring, and say so where they are no longer kept."""
        last = self.position.get(service, 0)
        found = await self._kept_by_now(service, last, floor)
        first = found.events[0].seq if found.events else floor + 1
        frames = []
        if first > last + 1:
            self.position[service] = first - 1
            frames.append(self._gap(Gap(service, last, first, first - last - 1, GapReason.EXPIRED)))
        return frames + list(self._frames(map(entry_of, found.events)))

    async def _kept_by_now(self, service: str, last: int, floor: int) -> EventRange:
        """Return what is kept after `last`, once the stream has come as far as we have seen it.

        A stream that ends before that was wiped and is being filled again: nothing is lost, only late. When it makes no
        progress for a while, its events were too old to be kept.
        """
        backoff = Backoff(0.1, 1.0)
        end, since = -1, monotonic()
        while True:
            found = await self._kept(service, last, _ENTRIES)
            if found.end >= floor or monotonic() - since > self._patience:
                return found
            if found.end > end:
                end, since = found.end, monotonic()
            await backoff.wait()

    def _frames(self, entries: Iterable[Entry]) -> Iterator[bytes]:
        for entry in entries:
            if entry.seq > self.position.get(entry.service, 0):
                self.position[entry.service] = entry.seq
                if self._wanted.matches(entry.kind, entry.service, entry.account, entry.bot):
                    yield self.id_line() + entry.frame

    def _gap(self, gap: Gap) -> bytes:
        return self.id_line() + b"event: gap\ndata: %s\n\n" % _encoder.encode(gap)
