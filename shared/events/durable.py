"""The consumer on the server's side: made, looked after, and made again when it or its stream was deleted."""

from dataclasses import dataclass

from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import APIError, NotFoundError

from shared.bus.connection import Client
from shared.bus.subjects import Subjects
from shared.events import stream

#: "consumer already exists": another replica was faster.
_EXISTS = 10_148


@dataclass(frozen=True, slots=True)
class Durable:
    """The push consumer `name` of the events of `service`; it delivers to one of those who listen as `user`."""

    subjects: Subjects
    user: str
    name: str
    service: str
    max_unacknowledged: int
    ack_wait: float

    async def look(self, connection: Client) -> ConsumerInfo | None:
        """Return the state of the consumer, with its settings brought up to date; None if there is none."""
        js = connection.jetstream(timeout=stream.ANSWER_TIMEOUT)
        name = self.subjects.stream(self.service)
        try:
            found: ConsumerInfo = await js.consumer_info(name, self.name)
        except NotFoundError:
            return None
        wanted = (self.max_unacknowledged, self.ack_wait)
        if (found.config.max_ack_pending, found.config.ack_wait) != wanted:
            changed = found.config.evolve(max_ack_pending=self.max_unacknowledged, ack_wait=self.ack_wait)
            found = await js.add_consumer(name, changed)
        return found

    async def make(self, connection: Client, place: int) -> None:
        """Make the consumer, to begin at `place` of the stream.

        Raises:
            NotFoundError: if there is no stream.
        """
        js = connection.jetstream(timeout=stream.ANSWER_TIMEOUT)
        name = self.subjects.stream(self.service)
        config = ConsumerConfig(
            durable_name=self.name,
            deliver_subject=self.subjects.delivery(self.user, self.name),
            deliver_group=self.name,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=max(place, 1),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self.ack_wait,
            max_ack_pending=self.max_unacknowledged,
            max_deliver=-1,
        )
        try:
            await js.add_consumer(name, config)
        except APIError as error:
            if error.err_code != _EXISTS:
                raise
        found = await js.stream_info(name)
        if found.state.last_seq < place - 1:
            # Made again since its end was read: the server would keep back all up to `place`.
            await js.delete_consumer(name, self.name)
