"""A durable consumer: a service's replicas take in the events of another service, each with effect exactly once.

JetStream delivers at least once; the inbox makes once of it. One replica sees the events in the order of the service.
With several, or after one was lost, they may overtake each other by up to `max_unacknowledged`; 1 keeps the order
strictly and costs a round trip an event. A handler that upserts by version does not mind.

The subscription is FastStream's, to the fixed subject that JetStream pushes to: it outlives everything by itself. The
consumer on the server's side is ours to look after (see `durable`), because a deleted one is silent.
"""

import asyncio
import contextlib
from collections import deque
from functools import partial

import msgspec
from faststream.nats import NatsMessage
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from shared.backoff import Backoff
from shared.bus.broker import Broker
from shared.bus.connection import Client
from shared.bus.subjects import Subjects
from shared.database.pool import Database
from shared.database.unit_of_work import Wakeable
from shared.errors import CommandError
from shared.events import stream
from shared.events.durable import Durable
from shared.events.envelope import decode
from shared.events.inbox import Inbox
from shared.events.intake import Delivered, Handler, Intake
from shared.settings import Settings
from shared.tasks import set_within
from shared.telemetry.logs import logger

#: Events that share a transaction, at most.
_BATCH = 256
#: Seconds between two looks at the consumer on the server's side.
_CHECK = 2.0
#: Looks between two clean-ups of the inbox.
_LOOKS_A_COMPACTION = 15

_ACK = b"+ACK"
_NAK = b"-NAK"
_IN_PROGRESS = b"+WPI"


class Consumer:
    """The durable consumer `name` of the events of `service`; all replicas with that name share the events.

    `handle` works in the transaction that also notes the event in the inbox. It may emit events of its own, and it may
    be run again, so it does nothing but work in the database. An event that it refuses several times is parked: kept in
    the table `parked`, logged and counted, and those behind it go on.

    `ack_wait` is how long, in seconds, the server waits for a replica before it gives its events to another one.
    """

    def __init__(
        self,
        settings: Settings,
        user: str,
        name: str,
        service: str,
        handle: Handler,
        *,
        database: Database,
        relay: Wakeable | None = None,
        max_unacknowledged: int = 1_024,
        ack_wait: float = 30.0,
    ) -> None:
        self._settings = settings
        self._user = user
        self._service = service
        self._database = database
        self._subjects = Subjects(settings.namespace)
        self._log = logger("consumer").bind(consumer=name, service=service)
        self._inbox = Inbox(name, service)
        self._intake = Intake(database, self._inbox, handle, relay, self._log)
        self._durable = Durable(self._subjects, user, name, service, max_unacknowledged, ack_wait)
        self._broker = Broker(settings, user, self._reconnected)
        self._subscriber = self._broker.subscriber(
            self._subjects.delivery(user, name), name, decoder=_undecoded, no_reply=True
        )
        self._subscriber(self._receive)
        # As long as `max_unacknowledged` at most: the server sends no more.
        self._delivered: deque[Delivered] = deque()
        self._arrived = asyncio.Event()
        self._look_now = asyncio.Event()
        self._stopping = False
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._lag = 0

    async def start(self) -> None:
        """Begin to consume; returns at once and waits for no server."""
        self._tasks = (asyncio.create_task(self._supervise()), asyncio.create_task(self._work()))

    async def stop(self) -> None:
        """Finish the events under way and give the others back, to another replica or to the next start."""
        if not self._tasks:
            return
        supervision, work = self._tasks
        supervision.cancel()
        await asyncio.wait({supervision})
        if self._subscriber.subscription is not None:
            with contextlib.suppress(*stream.BUS_FAILURES):  # the server is gone, and the subscription with it
                await self._subscriber.stop()
        self._stopping = True
        self._arrived.set()
        await asyncio.wait({work})
        await self._answer(_NAK, *self._delivered)
        await self._broker.stop()

    def lag(self) -> int:
        """Return how many events are not acknowledged yet, over all replicas, at the last look (every 2 s)."""
        return self._lag

    @property
    def parked(self) -> int:
        """How many events this replica has parked since its start."""
        return self._intake.parked

    async def _receive(self, message: Msg) -> None:
        try:
            event = decode(message.data)
        except msgspec.DecodeError as error:
            self._log.error("not an event", subject=message.subject, error=str(error))
            await self._send(message.reply, _ACK)
            return
        self._delivered.append(Delivered(event, message.data, message.reply))
        self._arrived.set()

    async def _work(self) -> None:
        while not self._stopping:
            if not self._delivered:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            batch = [self._delivered.popleft() for _ in range(min(_BATCH, len(self._delivered)))]
            try:
                await self._intake.take_in(batch, partial(self._answer, _IN_PROGRESS, *batch))
            except Exception:
                # A defect of ours. Not acknowledged, so the server delivers them again after `ack_wait`.
                self._log.exception("events not taken in", first=batch[0].event.id, count=len(batch))
            else:
                await self._answer(_ACK, *batch)

    async def _answer(self, word: bytes, *delivered: Delivered) -> None:
        for one in delivered:
            await self._send(one.reply, word)

    async def _send(self, subject: str, word: bytes) -> None:
        # Lost with the connection, the event comes again and the inbox knows it.
        with contextlib.suppress(*stream.BUS_FAILURES):
            await self._broker.connection.publish(subject, word)

    async def _reconnected(self) -> None:
        self._look_now.set()

    async def _supervise(self) -> None:
        await self._broker.start()
        backoff = Backoff(0.1, _CHECK)
        looks = 0
        while True:
            self._look_now.clear()
            try:
                await self._look(self._broker.connection)
                looks += 1
                if looks % _LOOKS_A_COMPACTION == 0:
                    async with self._database.transaction() as connection:
                        await self._inbox.compact(connection)
            except NotFoundError:
                self._log.info("no stream yet")
                await backoff.wait()
            except (CommandError, *stream.BUS_FAILURES) as error:
                self._log.info("consumer not reachable", error=type(error).__name__)
                await backoff.wait()
            except Exception:
                # Whatever it is: a consumer that stops for good is worse than one that tries again.
                self._log.exception("consumer not looked after")
                await backoff.wait()
            else:
                backoff.reset()
                await set_within(self._look_now, _CHECK)

    async def _look(self, connection: Client) -> None:
        """See that the consumer exists; where it does not, make it begin behind what the inbox holds without holes."""
        found = await self._durable.look(connection)
        if found is not None:
            self._lag = (found.num_pending or 0) + (found.num_ack_pending or 0)
            return
        js = connection.jetstream(timeout=stream.ANSWER_TIMEOUT)
        end = await stream.end_of(js, self._subjects, self._service)
        oldest = await stream.oldest_seq(js, self._subjects, self._service, end)
        async with self._database.transaction() as database:
            # What was gone before the consumer first came is not waited for.
            await self._inbox.open(database, max(oldest - 1, 0))
            floor = await self._inbox.floor(database)
        self._log.info("consumer made", after=floor)
        place = await stream.place_after(js, self._subjects, self._service, end, floor)
        await self._durable.make(connection, place)


async def _undecoded(message: NatsMessage) -> Msg:
    """Hand the message over as it came: FastStream would decode its JSON, and Decimals would pass through float."""
    return message.raw_message
