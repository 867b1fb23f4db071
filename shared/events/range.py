"""A bounded read of the events that a stream keeps: for clients that resume from before what the edge remembers."""

from dataclasses import dataclass

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from shared.bus.connection import Client
from shared.bus.subjects import Subjects
from shared.errors import CommandError, ErrorCode
from shared.events import stream
from shared.events.envelope import Envelope, decode

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
        subscription = await js.pull_subscribe(
            subjects.events_of(service),
            stream=subjects.stream(service),
            config=ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=end.place_after(after_seq),
                ack_policy=AckPolicy.NONE,
                mem_storage=True,
                inactive_threshold=_FORGOTTEN,
            ),
        )
        events: list[Envelope] = []
        while len(events) < limit and (not events or events[-1].seq < end.seq):
            wanted = min(_FETCHED_AT_ONCE, limit - len(events))
            messages = await subscription.fetch(wanted, timeout=stream.ANSWER_TIMEOUT)
            events += (event for event in (decode(message.data) for message in messages) if event.seq > after_seq)
        await subscription.unsubscribe()
    except (NotFoundError, *stream.BUS_FAILURES) as error:
        raise CommandError(ErrorCode.UNAVAILABLE, f"The events of {service} cannot be read now.") from error
    return EventRange(tuple(events), gap=events[0].seq > after_seq + 1, end=end.seq)
