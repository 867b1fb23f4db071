"""Publishes events to a stream so that JetStream itself refuses a gap, a repetition and a relay that is out of date.

Guarantee: when `publish` returns, every event given to it is in the stream, once, right behind the one before it. When
it raises `ChainBroken` or a failure of the bus, a beginning of them may be; where the stream ends must be asked again.

This speaks to JetStream through nats-py and not through FastStream, whose publisher waits for the answer to each
message before the next: 0.4 ms each, where the chain needs one answer in five hundred. Each message names the one
before it, so the answer to the last speaks for all.
"""

from collections.abc import Sequence

import msgspec

from shared.bus.connection import Client
from shared.bus.messages import EXPECTED_LAST_ID, EXPECTED_LAST_SEQUENCE, MESSAGE_ID
from shared.bus.subjects import Subjects
from shared.events.envelope import message_id
from shared.events.outbox import OutboxEvent
from shared.events.stream import ANSWER_TIMEOUT, StreamEnd


class ChainBroken(Exception):
    """The stream does not end where we thought it does. `swallowed`: it took an event for one that it has already."""

    def __init__(self, text: str, *, swallowed: bool = False) -> None:
        super().__init__(text)
        self.swallowed = swallowed


class _Refusal(msgspec.Struct):
    description: str = ""


class _Answer(msgspec.Struct):
    error: _Refusal | None = None
    duplicate: bool = False


_decode = msgspec.json.Decoder(_Answer).decode


class Chain:
    """The end of one service's stream, where events are added."""

    def __init__(self, connection: Client, subjects: Subjects, service: str, end: StreamEnd) -> None:
        self._connection = connection
        self._subjects = subjects
        self._service = service
        #: The last event of the stream.
        self.seq = end.seq
        # The first event names the place that it expects and not an id: the last message may not be an event, or have
        # left the stream by its age.
        self._expected = {EXPECTED_LAST_SEQUENCE: str(end.last)}
        self._tried = False

    async def publish(self, events: Sequence[OutboxEvent]) -> None:
        """Add `events`, which follow `seq`; return when the stream has all of them.

        Raises:
            ChainBroken: if the stream refuses one.
            nats.errors.Error, TimeoutError: if it is not known how many it has.
        """
        if not self._tried and len(events) > 1:
            # Alone, so that its answer is seen: after a purge JetStream may swallow it by its id, and the ones behind
            # it, and then take the first that is new as if nothing was missing.
            await self.publish(events[:1])
            events = events[1:]
        for event in events[:-1]:
            await self._connection.publish(self._subjects.event_at(event.tail), event.body, headers=self._next(event))
        last = events[-1]
        message = await self._connection.request(
            self._subjects.event_at(last.tail), last.body, timeout=ANSWER_TIMEOUT, headers=self._next(last)
        )
        answer = _decode(message.data)
        if answer.error is not None:
            raise ChainBroken(answer.error.description)
        if answer.duplicate:
            raise ChainBroken(f"{message_id(self._service, last.seq)} was taken for a repetition", swallowed=True)
        self._tried = True
        self.seq = last.seq

    def _next(self, event: OutboxEvent) -> dict[str, str]:
        own = message_id(self._service, event.seq)
        headers = {MESSAGE_ID: own, **self._expected}
        self._expected = {EXPECTED_LAST_ID: own}
        return headers
