"""A bounded read of the events that a stream keeps: for clients that resume from before what the edge remembers."""

from dataclasses import dataclass

import msgspec
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.client import JetStreamContext

from shared.bus.connection import Client
from shared.bus.subjects import Subjects
from shared.errors import CommandError, ErrorCode
from shared.events import stream
from shared.events.envelope import Envelope, decode
from shared.telemetry.logs import logger

_FETCHED_AT_ONCE = 256
#: Seconds after which the server forgets the consumer, should we not come to delete it.
_FORGOTTEN = 10.0


@dataclass(frozen=True, slots=True)
class EventRange:
    """Events of one service with consecutive `seq`.

    Attributes:
        events: those that are kept, at most as many as were asked for.
        gap: whether events between the position that was asked for and the first of `events` are gone, or that
            position lies beyond all that exists.
        end: the `seq` of the last event of the stream; there is more where it is beyond the last of `events`.
    """

    events: tuple[Envelope, ...]
    gap: bool
    end: int


async def read_range(
    connection: Client, subjects: Subjects, service: str, after_seq: int, limit: int = 1_000
) -> EventRange:
    """Read the events of `service` after `after_seq` that its stream holds now, oldest first, up to `limit`.

    Raises:
        CommandError: `UNAVAILABLE` if the stream cannot be read.
    """
    js = connection.jetstream(timeout=stream.ANSWER_TIMEOUT)
    try:
        end = await stream.end_of(js, subjects, service)
        if end.seq <= after_seq:
            return EventRange((), gap=0 < end.seq < after_seq, end=end.seq)
        events = await _read(js, subjects, service, (after_seq, end, limit))
    except stream.BUS_FAILURES as error:
        raise CommandError(ErrorCode.UNAVAILABLE, f"The events of {service} cannot be read now.") from error
    return EventRange(events, gap=not events or events[0].seq > after_seq + 1, end=end.seq)


async def _read(
    js: JetStreamContext, subjects: Subjects, service: str, bounds: tuple[int, stream.StreamEnd, int]
) -> tuple[Envelope, ...]:
    after_seq, end, limit = bounds
    name = subjects.stream(service)
    place = await stream.place_after(js, subjects, service, end, after_seq)
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=place,
        ack_policy=AckPolicy.NONE,
        mem_storage=True,
        inactive_threshold=_FORGOTTEN,
    )
    subscription = await js.pull_subscribe(subjects.events_of(service), stream=name, config=config)
    events: list[Envelope] = []
    while len(events) < limit and place <= end.last:
        for message in await subscription.fetch(_FETCHED_AT_ONCE, timeout=stream.ANSWER_TIMEOUT):
            place = message.metadata.sequence.stream + 1
            event = _event(message)
            if event is not None and event.seq > after_seq:
                events.append(event)
    await subscription.unsubscribe()
    await js.delete_consumer(name, str(config.name))  # the name that the library gave it
    return tuple(events[:limit])


def _event(message: Msg) -> Envelope | None:
    try:
        return decode(message.data)
    except msgspec.DecodeError as error:
        logger("reader").error("not an event", subject=message.subject, error=str(error))
        return None
