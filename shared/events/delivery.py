"""One subscription to a stream from a place on, without a memory on the server's side; it ends when anything is wrong.

It runs on nats-py with a callback of our own and not on FastStream: every event of a service passes here in every
replica that keeps a view in memory, and FastStream costs several times as much a message. See `bench/outbox.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from uuid import uuid4

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared.bus.connection import Client
from shared.bus.subjects import Subjects
from shared.events.stream import ANSWER_TIMEOUT
from shared.tasks import set_within

#: Seconds between two signs of life of an idle consumer, and without one until it is taken for gone. A deleted stream
#: says nothing, and so does a connection that died without a word.
HEARTBEAT = 1.0
SILENCE = 3.0
#: Seconds after which the server forgets a consumer that nobody listens to.
_FORGOTTEN = 30.0
#: JetStream's flow control stops at 32 MiB; beyond our limit the client library drops messages, which is noticed.
_PENDING_BYTES = 64 * 1024 * 1024

_STATUS = "Status"
_STALLED = "Nats-Consumer-Stalled"


class Delivery:
    """Messages of the stream of `service` from a place on, one at a time, in their order, to `on_message`.

    The server sends no more than is being worked off: its flow control is answered in turn with the messages.
    """

    def __init__(
        self, connection: Client, subjects: Subjects, service: str, on_message: Callable[[Msg], Awaitable[None]]
    ) -> None:
        self._connection = connection
        self._js = connection.jetstream(timeout=ANSWER_TIMEOUT)
        self._stream = subjects.stream(service)
        self._on_message = on_message
        self._name = f"reader-{uuid4().hex[:16]}"
        self._subscription: Subscription | None = None
        self._heard = 0.0
        self._busy = False
        self._over = asyncio.Event()
        self._reason = ""

    async def open(self, place: int) -> None:
        """Begin at `place`, at most one beyond the stream's last message.

        Raises:
            nats.errors.Error, TimeoutError: if the server refuses or is away.
        """
        inbox = self._connection.new_inbox()
        self._subscription = await self._connection.subscribe(
            inbox, cb=self._receive, pending_bytes_limit=_PENDING_BYTES
        )
        self._heard = monotonic()
        await self._js.add_consumer(
            self._stream,
            ConsumerConfig(
                name=self._name,
                deliver_subject=inbox,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=max(place, 1),
                ack_policy=AckPolicy.NONE,
                max_deliver=1,
                idle_heartbeat=HEARTBEAT,
                flow_control=True,
                inactive_threshold=_FORGOTTEN,
                mem_storage=True,
            ),
        )
        stream = await self._js.stream_info(self._stream)
        if stream.state.last_seq < place - 1:
            # Made again since its end was read: the server would keep back all up to `place`.
            self.end("the stream was made again")

    async def close(self) -> None:
        """Take no more messages; the server deletes the consumer, now or after a while."""
        if self._subscription is None or not self._connection.is_connected:
            return
        try:
            await self._subscription.unsubscribe()
            await self._js.delete_consumer(self._stream, self._name)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            # The server does it by itself after `_FORGOTTEN`.
            self._reason = self._reason or type(error).__name__

    def end(self, reason: str) -> None:
        """Let `wait_until_over` return `reason`; messages that still come are dropped."""
        if not self._over.is_set():
            self._reason = reason
            self._over.set()

    async def wait_until_over(self) -> str:
        """Return why no more messages will come, once that is so."""
        while not self._over.is_set():
            came = await set_within(self._over, HEARTBEAT)
            if not came and not self._busy and monotonic() - self._heard > SILENCE:
                self.end("nothing was heard of the consumer")
        return self._reason

    async def _receive(self, message: Msg) -> None:
        self._heard = monotonic()
        if self._over.is_set():
            return
        headers = message.headers
        if headers is not None and _STATUS in headers:
            await self._answer(message, headers)
            return
        self._busy = True
        try:
            await self._on_message(message)
        finally:
            self._busy = False
            self._heard = monotonic()

    async def _answer(self, message: Msg, headers: dict[str, str]) -> None:
        """Tell the server, where it asks, that all before this message has been worked off."""
        subject = message.reply or headers.get(_STALLED)
        if subject:
            try:
                await self._connection.publish(subject)
            except nats.errors.Error:
                self.end("the connection was lost")
