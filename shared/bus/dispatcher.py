"""The answering side of the bus: takes commands, runs handlers concurrently and bounded, always replies.

Why not FastStream for commands: it handles one message at a time, sends no reply when a handler raises or a body does
not decode, and drops queued requests when it stops.
"""

import asyncio
import inspect
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from shared.bus import messages
from shared.bus.connection import Client, close, connect
from shared.bus.discovery import Discovery
from shared.bus.endpoint import Endpoint, Handler
from shared.bus.messages import Call, Reply, Streamed
from shared.bus.streaming import OpenStreams
from shared.bus.subjects import Subjects
from shared.contracts.declaration import AnyCommand, Command, Req, Res
from shared.errors import CommandError, ErrorCode
from shared.service import Health
from shared.settings import Settings
from shared.telemetry.logs import logger
from shared.telemetry.trace import current_trace

#: Work that goes on for this many seconds past its deadline is cancelled, so that it cannot hold its place for ever.
OVERTIME = 10.0
#: Seconds that draining waits for the work under way.
DRAIN_TIMEOUT = 20.0

_encoder = msgspec.json.Encoder()
_log = logger("dispatcher")


class Dispatcher:
    """Answers the commands of one service.

    Args:
        concurrency: asynchronous handlers that run at a time.
        queue: commands that may wait for a place; beyond it they are refused as BUSY.
    """

    def __init__(self, settings: Settings, service: str, *, concurrency: int = 64, queue: int = 1024) -> None:
        self.subjects = Subjects(settings.namespace)
        self._settings = settings
        self._service = service
        self._concurrency = concurrency
        self._queue = queue
        self._connection: Client | None = None
        self._endpoints: dict[str, Endpoint] = {}
        self._subscriptions: list[Subscription] = []
        self._owned: dict[tuple[str, ...], list[Subscription]] = {}
        self._discovery: Discovery | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._waiting: deque[tuple[Endpoint, Call, str, Coroutine[Any, Any, Any]]] = deque()
        prefix = f"{self.subjects.inbox(service)}.{secrets.token_hex(8)}."
        self._streams = OpenStreams(prefix, self._send_piece, self._publish_error)
        self._asks = f"{prefix}*"

    def on(
        self,
        command: Command[Req, Res],
        handler: Callable[[Req, Call], Res | Reply | Awaitable[Res | Reply | Streamed]],
    ) -> None:
        """Let `handler` answer `command`; to be called before `start`, or before `own` if the command has owner keys.

        A handler that is a plain function answers from memory, at once. One that returns a coroutine runs as a task.
        Only a command that `streams` may be answered with `Streamed`.
        It raises CommandError to refuse; any other exception is logged and answered as INTERNAL without its text.
        """
        if command.service != self._service:
            raise ValueError(f"expected a command of {self._service}, was {command.key}")
        self._endpoints[command.key] = Endpoint(command, handler)

    async def start(self, health: Callable[[], Health]) -> None:
        """Connect, subscribe every command without owner keys, answer discovery; return when the server knows it."""
        self._connection = await connect(self._settings, self._service)
        for endpoint in self._endpoints.values():
            if not endpoint.command.owner_keys:
                subject = self.subjects.command_from_anyone(endpoint.command)
                self._subscriptions.append(await self._subscribe(endpoint, subject, queue=self._service))
        if any(endpoint.command.streams for endpoint in self._endpoints.values()):
            await self._connection.subscribe_directly(self._asks, self._streams.received)
        self._discovery = Discovery(self._connection, self.subjects, self._service, self._endpoints.values(), health)
        await self._discovery.start()
        await self._connection.flush()

    async def own(self, commands: Iterable[AnyCommand], keys: tuple[str, ...]) -> None:
        """Answer `commands` for the owner keys `keys` from now on; nobody else should."""
        subscriptions = self._owned.setdefault(keys, [])
        for command in commands:
            subject = self.subjects.command_from_anyone(command, keys)
            # No queue group: beside an owner that hangs, it would get only a share of the commands.
            subscriptions.append(await self._subscribe(self._endpoints[command.key], subject))
        if self._connection is not None:
            await self._connection.flush()

    async def release(self, keys: tuple[str, ...]) -> None:
        """Stop answering for `keys`; what has arrived is still answered."""
        await _drain(self._owned.pop(keys, []))

    async def drain(self) -> None:
        """Take no new commands, answer those that have arrived, then disconnect."""
        subscriptions = [*self._subscriptions, *(s for owned in self._owned.values() for s in owned)]
        self._subscriptions, self._owned = [], {}
        if self._connection is None:
            return
        if self._discovery is not None:
            subscriptions += self._discovery.subscriptions
        if self._connection.is_connected:
            await _drain(subscriptions)
        until = time.monotonic() + DRAIN_TIMEOUT
        while self._running and time.monotonic() < until:
            await asyncio.wait(self._running, timeout=until - time.monotonic(), return_when=asyncio.FIRST_COMPLETED)
        for task in self._running:
            _log.warning("command cut off by the stop", service=self._service, task=task.get_name())
            task.cancel()
        await self._streams.stop()
        await close(self._connection)

    async def _subscribe(self, endpoint: Endpoint, subject: str, queue: str = "") -> Subscription:
        if self._connection is None:
            raise RuntimeError("expected a started dispatcher")

        async def received(message: Msg) -> None:
            await self._received(endpoint, message)

        return await self._connection.subscribe_directly(subject, received, queue)

    async def _received(self, endpoint: Endpoint, message: Msg) -> None:
        if not self.subjects.is_inbox(message.reply):
            # Without an inbox nobody asked: it may be a stored message that somebody had delivered here.
            endpoint.refused_without_inbox += 1
            return
        started = time.perf_counter()
        try:
            call = endpoint.read_call(self.subjects.actor_of(message.subject), message.headers or {}, message.data)
            result = endpoint.handler(endpoint.decode(message.data), call)
            if inspect.iscoroutine(result):
                self._schedule(endpoint, call, message.reply, result)
                return
            reply = endpoint.encode(result)
        except CommandError as error:
            await self._refuse(endpoint, message.reply, error)
        except Exception:  # every command is answered, whatever its handler does
            _log.exception("command failed", command=endpoint.command.key)
            await self._refuse(endpoint, message.reply, _defect())
        else:
            await self._send(message.reply, reply)
        endpoint.count(time.perf_counter() - started)

    def _schedule(self, endpoint: Endpoint, call: Call, inbox: str, work: Coroutine[Any, Any, Any]) -> None:
        if len(self._running) < self._concurrency:
            self._run(endpoint, call, inbox, work)
        elif len(self._waiting) < self._queue:
            self._waiting.append((endpoint, call, inbox, work))
        else:
            work.close()
            raise CommandError(ErrorCode.BUSY, f"{self._service} has too much to do at the moment")

    def _run(self, endpoint: Endpoint, call: Call, inbox: str, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(self._answer(endpoint, call, inbox, work), name=endpoint.command.key)
        self._running.add(task)
        overtime = asyncio.get_running_loop().call_later(max(0.0, call.seconds_left()) + OVERTIME, task.cancel)
        task.add_done_callback(lambda done: self._done(done, overtime))

    def _done(self, task: "asyncio.Task[None]", overtime: asyncio.TimerHandle) -> None:
        overtime.cancel()
        self._running.discard(task)
        if self._waiting and len(self._running) < self._concurrency:
            self._run(*self._waiting.popleft())

    async def _answer(self, endpoint: Endpoint, call: Call, inbox: str, work: Coroutine[Any, Any, Any]) -> None:
        current_trace.set(call.trace)
        started = time.perf_counter()
        try:
            result = await self._work(endpoint, call, work)
            if isinstance(result, Streamed):
                await self._streams.begin(inbox, result.pieces)
                return
            reply = endpoint.encode(result)
        except CommandError as error:
            await self._refuse(endpoint, inbox, error)
        except Exception:  # every command is answered, whatever its handler does
            _log.exception("command failed", command=endpoint.command.key, actor=call.actor)
            await self._refuse(endpoint, inbox, _defect())
        else:
            await self._send(inbox, reply)
        finally:
            endpoint.count(time.perf_counter() - started)

    async def _work(self, endpoint: Endpoint, call: Call, work: Coroutine[Any, Any, Any]) -> Any:
        if call.seconds_left() <= 0:
            work.close()
            raise endpoint.expired()
        return await work

    async def _refuse(self, endpoint: Endpoint, inbox: str, error: CommandError) -> None:
        endpoint.errors += 1
        endpoint.last_error = error.code
        await self._publish_error(inbox, error)

    async def _send(self, inbox: str, reply: Reply) -> None:
        connection = self._connection
        if connection is not None and len(reply.body) > connection.max_payload:
            _log.error("answer too large for the bus", bytes=len(reply.body))
            await self._publish_error(inbox, CommandError(ErrorCode.INTERNAL, "the answer is too large for the bus"))
        else:
            headers = {messages.EVENTS: messages.encode_ids(reply.events)} if reply.events else None
            await self._publish(inbox, reply.body, headers)

    async def _send_piece(self, inbox: str, piece: bytes, ask_at: str) -> None:
        await self._publish(inbox, piece, None, reply=ask_at)

    async def _publish_error(self, inbox: str, error: CommandError) -> None:
        headers = {messages.ERROR: messages.header_text(error.detail), messages.ERROR_CODE: error.code}
        await self._publish(inbox, _encoder.encode(error.body()), headers)

    async def _publish(self, inbox: str, body: bytes, headers: dict[str, Any] | None, reply: str = "") -> None:
        if self._connection is None:
            return
        try:
            await self._connection.publish(inbox, body, reply=reply, headers=headers)
        except NatsError as error:
            # The caller learns by its deadline that the outcome is unknown, and may ask again with its key.
            _log.warning("reply lost", service=self._service, error=str(error) or type(error).__name__)


def _defect() -> CommandError:
    return CommandError(ErrorCode.INTERNAL, "an unexpected error; the log of the service has the details")


async def _drain(subscriptions: Iterable[Subscription]) -> None:
    draining = [subscription.drain() for subscription in subscriptions]  # type: ignore[no-untyped-call]
    results = await asyncio.gather(*draining, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            _log.warning("subscription did not drain", error=str(result) or type(result).__name__)


__all__ = ["Dispatcher", "Handler"]
