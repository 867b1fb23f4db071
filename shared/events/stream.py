"""The JetStream stream of one service's events: what it is like, where it ends, and where in it an event stands.

A stream holds events with consecutive `seq`, so an event's place in it follows from that of the last one. The places
(stream sequences) change when a stream is made again; `seq` never does.
"""

from dataclasses import dataclass

import nats.errors
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from shared.bus.messages import MESSAGE_ID
from shared.bus.subjects import Subjects
from shared.events.envelope import seq_of

#: Seconds that an event stays in the stream. Rows of the outbox outlive it: see `outbox.RETENTION`.
MAX_AGE = 7 * 86_400
#: Seconds in which JetStream drops a second message with the same id.
DUPLICATE_WINDOW = 120.0
#: The shortest window there is, for a stream that was purged: see `ensure`.
_NO_WINDOW = 0.1

#: Seconds to wait for JetStream's answer.
ANSWER_TIMEOUT = 2.0

#: What the client library raises when the server is away, slow, or refuses.
BUS_FAILURES = (nats.errors.Error, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """Where a stream ends.

    Attributes:
        first, last: the places of the first and the last message; `first` is `last + 1` when it holds none.
        seq, place: of the last event; 0 and `last` when the stream holds none.
    """

    first: int
    last: int
    seq: int
    place: int

    @property
    def was_emptied(self) -> bool:
        """Whether the stream held messages once and holds none now: it was purged, or all of them were too old."""
        return 0 < self.last < self.first

    def place_after(self, seq: int) -> int:
        """Return the place where the event after `seq` should be, counted from the end.

        Should numbers be missing in between, it is too early and never too late. It is never beyond the next place to
        be filled, because JetStream would hold back what comes before it.
        """
        return min(max(self.first, self.place + 1 - (self.seq - seq)), self.last + 1)


def configuration(subjects: Subjects, service: str, max_bytes: int) -> StreamConfig:
    """Return what the stream of `service` is like; `max_bytes` bounds its file, the oldest events go first."""
    return StreamConfig(
        name=subjects.stream(service),
        subjects=[subjects.events_of(service)],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        max_age=MAX_AGE,
        max_bytes=max_bytes,
        duplicate_window=DUPLICATE_WINDOW,
        allow_direct=True,
    )


async def ensure(js: JetStreamContext, wanted: StreamConfig, service: str, *, forget_ids: bool = False) -> StreamEnd:
    """Make the stream of `service` if it is missing, bring its settings up to date, and return where it ends.

    JetStream remembers ids for the duplicate window also when the messages were purged, and would swallow them when
    they are published again: `forget_ids` makes the window as short as can be, until the next call without it.
    """
    if forget_ids:
        wanted = wanted.evolve(duplicate_window=_NO_WINDOW)
    try:
        found = await js.stream_info(str(wanted.name))
    except NotFoundError:
        found = await js.add_stream(wanted)
    if any(getattr(found.config, name) != getattr(wanted, name) for name in _WATCHED):
        found = await js.update_stream(wanted)
    return await _end(js, found, service)


async def end_of(js: JetStreamContext, subjects: Subjects, service: str) -> StreamEnd:
    """Return where the stream of `service` ends.

    Raises:
        NotFoundError: if there is no stream.
    """
    return await _end(js, await js.stream_info(subjects.stream(service)), service)


def reason_of(error: Exception) -> str:
    """Return what to write of one of `BUS_FAILURES`: JetStream's own words where it refused, as for want of disk."""
    if isinstance(error, APIError) and error.description:
        return f"{type(error).__name__}: {error.description}"
    return type(error).__name__


async def place_after(js: JetStreamContext, subjects: Subjects, service: str, end: StreamEnd, seq: int) -> int:
    """Return a place from which on nothing that comes after the event `seq` is missed.

    What is counted is checked against the message before it: what is no event (published by hand) moves the places.
    """
    place = end.place_after(seq)
    if place == end.first:
        return place
    before = await _seq_at(js, subjects.stream(service), service, place - 1)
    return place if before is not None and before <= seq else end.first


async def oldest_seq(js: JetStreamContext, subjects: Subjects, service: str, end: StreamEnd) -> int:
    """Return the `seq` of the oldest event between `end.first` and `end.last`, 0 if there is none."""
    for place in range(end.first, end.place + 1):
        seq = await _seq_at(js, subjects.stream(service), service, place)
        if seq is not None:
            return seq
    return 0


async def _end(js: JetStreamContext, stream: StreamInfo, service: str) -> StreamEnd:
    state = stream.state
    if state.messages:
        for place in range(state.last_seq, state.first_seq - 1, -1):
            seq = await _seq_at(js, str(stream.config.name), service, place)
            if seq is not None:
                return StreamEnd(state.first_seq, state.last_seq, seq, place)
    return StreamEnd(state.last_seq + 1, state.last_seq, 0, state.last_seq)


async def _seq_at(js: JetStreamContext, stream: str, service: str, place: int) -> int | None:
    """Return the `seq` of the event at `place`, None where there is none."""
    try:
        message = await js.get_msg(stream, seq=place)
    except NotFoundError:
        return None
    return seq_of((message.headers or {}).get(MESSAGE_ID, ""), service)


_WATCHED = ("subjects", "max_age", "max_bytes", "duplicate_window", "allow_direct")
