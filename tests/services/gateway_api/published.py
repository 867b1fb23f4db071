"""A stream of events as the relay of the credentials service fills it, beside the empty ones of other services."""

from datetime import UTC, datetime

import msgspec

from services.gateway_api.stream.positions import encode as encode_position
from shared.bus.connection import Client, close, connect
from shared.bus.messages import MESSAGE_ID
from shared.bus.subjects import Subjects
from shared.contracts.catalogue import EVENT_SERVICES
from shared.contracts.credentials import SERVICE
from shared.contracts.declaration import AnyEvent
from shared.events import stream
from shared.events.envelope import Envelope, encode
from shared.settings import Settings


def at(seq: int) -> str:
    """Return the id of the position after the event `seq`, where the other services have published nothing."""
    return encode_position(dict.fromkeys(EVENT_SERVICES, 0) | {SERVICE: seq})


class Published:
    """The stream, and the number of the last event in it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._subjects = Subjects(settings.namespace)
        self._connection: Client | None = None
        self.seq = 0

    @property
    def connection(self) -> Client:
        assert self._connection is not None
        return self._connection

    async def start(self) -> None:
        self._connection = await connect(self._settings, SERVICE)
        await self.ensure()

    async def stop(self) -> None:
        await close(self._connection)

    async def ensure(self) -> None:
        """Make the streams that are not there."""
        for service in EVENT_SERVICES:
            wanted = stream.configuration(self._subjects, service, 10_000_000)
            await stream.ensure(self.connection.jetstream(), wanted, service)

    async def add(self, event: AnyEvent, payload: object) -> Envelope:
        """Publish the next event."""
        self.seq += 1
        return await self.publish(event, payload, self.seq)

    async def publish(self, event: AnyEvent, payload: object, seq: int) -> Envelope:
        """Publish an event of any service under the number `seq`."""
        envelope = Envelope(
            seq=seq,
            service=event.service,
            kind=event.kind,
            time=datetime.now(UTC),
            actor="admin",
            account=event.account_of(payload),
            bot=None,
            trace=None,
            event_id=seq + 1000,
            data=msgspec.Raw(msgspec.json.encode(payload)),
        )
        subject = self._subjects.event(event, event.key_values(payload))
        await self.connection.jetstream().publish(subject, encode(envelope), headers={MESSAGE_ID: envelope.id})
        return envelope

    async def never_made(self, service: str) -> None:
        """Delete the empty stream of a service, as if it had never been there."""
        await self.connection.jetstream().delete_stream(self._subjects.stream(service))

    async def lose(self, up_to: int) -> None:
        """Delete all events up to the number `up_to`, as the stream does with those that are too old."""
        await self.connection.jetstream().purge_stream(self._subjects.stream(SERVICE), seq=up_to + 1)

    async def wipe_and_restore(self) -> None:
        """Delete the stream and fill it again with the same events, as the relay does."""
        js = self.connection.jetstream()
        name = self._subjects.stream(SERVICE)
        messages = [await js.get_msg(name, seq) for seq in range(1, self.seq + 1)]
        await js.delete_stream(name)
        await self.ensure()
        for message in messages:
            assert message.subject is not None
            await js.publish(message.subject, message.data or b"", headers=message.headers)
