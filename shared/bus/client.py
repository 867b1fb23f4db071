"""The asking side of the bus: send a command, wait for its one reply.

Guarantee: when `request` raises, its code says what is known. `UNAVAILABLE`, `BUSY` and `EXPIRED`: nothing was done and
nothing will be. `OUTCOME_UNKNOWN`: the command was sent and may have been done; asking again with the same key is safe.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncGenerator, Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.bus import messages
from shared.bus.connection import Client, close, connect
from shared.bus.subjects import SERVICE_API_ROOT, Subjects
from shared.contracts.declaration import AnyCommand, Command, Req, Res
from shared.errors import CommandError, ErrorBody, ErrorCode
from shared.settings import Settings
from shared.telemetry.trace import TraceContext, current_trace

_encoder = msgspec.json.Encoder()
_error_decoder = msgspec.json.Decoder(ErrorBody)
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}

_NONE: Mapping[str, tuple[int, ...]] = MappingProxyType({})
_STATUS = "Status"
_NO_RESPONDERS = "503"
_BUS_AWAY = "the message bus is not reachable"


class NoResponders(CommandError):
    """UNAVAILABLE because nobody answers the subject: no replica is there, or no owner of the command's keys."""

    def __init__(self, service: str) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, f"the service {service} is not running")


class Bus:
    """Sends commands as one NATS user. One instance serves a whole process part; requests run concurrently."""

    def __init__(self, settings: Settings, user: str) -> None:
        self.subjects = Subjects(settings.namespace)
        self.settings = settings
        self._user = user
        self._connection: Client | None = None
        self._inbox = ""
        self._waiting: dict[str, asyncio.Future[Msg]] = {}

    @property
    def connected(self) -> bool:
        """Whether the server can be reached now."""
        return self._connection is not None and self._connection.is_connected

    async def start(self) -> None:
        """Connect, waiting for the server, and make the inbox known to it."""
        self._connection = await connect(self.settings, self._user, on_disconnect=self._lost)
        self._inbox = f"{self.subjects.inbox(self._user)}.{secrets.token_hex(8)}."
        await self._connection.subscribe_directly(f"{self._inbox}*", self._received)
        await self._connection.flush()

    async def stop(self) -> None:
        """Close; requests that still wait end as if the connection was lost."""
        await self._lost()
        await close(self._connection)

    async def request(
        self,
        command: Command[Req, Res],
        request: Req,
        *,
        actor: str,
        key: str | None = None,
        after: tuple[int, ...] = (),
        after_others: Mapping[str, tuple[int, ...]] = _NONE,
        timeout: float | None = None,
        trace: TraceContext | None = None,
    ) -> Res:
        """Send `command` as `actor` and return its decoded response.

        Args:
            key: idempotency key; the same key with the same request gives the first outcome.
            after: ids of events (`Reply.events` of an earlier call) that the answer must already reflect.
            after_others: the same of services that the service asked follows.
            timeout: seconds, instead of the command's own.

        Raises:
            CommandError: as the module's guarantee says, or with what the service refused it for.
        """
        reply = await self.request_raw(
            command,
            _encoder.encode(request),
            keys=command.owner_key_values(request),
            actor=actor,
            key=key,
            after=after,
            after_others=after_others,
            timeout=timeout,
            trace=trace,
        )
        return decode_response(command, reply.body)

    async def request_raw(
        self,
        command: AnyCommand,
        body: bytes,
        *,
        actor: str,
        keys: tuple[str, ...] = (),
        key: str | None = None,
        after: tuple[int, ...] = (),
        after_others: Mapping[str, tuple[int, ...]] = _NONE,
        timeout: float | None = None,
        trace: TraceContext | None = None,
    ) -> messages.Reply:
        """Send an encoded request and return the reply as it came; `keys` are the values of the owner keys.

        A large answer that comes in pieces is put together; `stream` gives it without holding it.

        Raises:
            CommandError: as `request`.
        """
        seconds = command.timeout if timeout is None else timeout
        headers = _headers(seconds, trace, key, messages.encode_after(after, after_others))
        answer = await self._ask(
            command, self.subjects.command(command, actor, keys), body, headers, seconds=seconds, key=key
        )
        if command.streams and answer.reply:
            return messages.Reply(b"".join([piece async for piece in self._pieces(command, answer, seconds)]))
        return _read(command, answer)

    async def stream(
        self, command: AnyCommand, body: bytes, *, actor: str, keys: tuple[str, ...] = (), timeout: float | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Send an encoded request and give the answer in pieces, each asked for when the one before is taken.

        `timeout` is for each piece. Close it (`aclose`) if you want no more.

        Raises:
            CommandError: as `request`; also after some pieces, which then are not the whole answer.
        """
        seconds = command.timeout if timeout is None else timeout
        subject = self.subjects.command(command, actor, keys)
        headers = _headers(seconds, None, None, "")
        answer = await self._ask(command, subject, body, headers, seconds=seconds)
        async with contextlib.aclosing(self._pieces(command, answer, seconds)) as pieces:
            async for piece in pieces:
                yield piece

    async def _pieces(self, command: AnyCommand, answer: Msg, seconds: float) -> AsyncGenerator[bytes, None]:
        """Give the piece that `answer` holds and ask for those after it."""
        ask_at = ""
        try:
            while True:
                piece, ask_at = _read(command, answer).body, answer.reply
                yield piece
                if not ask_at:
                    return
                here, ask_at = ask_at, ""
                answer = await self._ask(command, here, b"", None, seconds=seconds)
        finally:
            if ask_at:
                await self._end_stream(ask_at)

    async def _end_stream(self, ask_at: str) -> None:
        if self._connection is not None:
            with contextlib.suppress(NatsError):  # it is forgotten after a while anyway
                await self._connection.publish(ask_at, b"")

    async def _ask(
        self,
        command: AnyCommand,
        subject: str,
        body: bytes,
        headers: dict[str, str] | None,
        *,
        seconds: float,
        key: str | None = None,
    ) -> Msg:
        connection = self._connection
        if connection is None or not connection.is_connected:
            raise CommandError(ErrorCode.UNAVAILABLE, _BUS_AWAY)
        loop = asyncio.get_running_loop()
        token = secrets.token_hex(8)
        future: asyncio.Future[Msg] = loop.create_future()
        self._waiting[token] = future
        timer = loop.call_later(seconds, _expire, future)
        try:
            try:
                await connection.publish(subject, body, reply=self._inbox + token, headers=headers)
            except NatsError as error:
                raise _not_sent(command, error) from error
            try:
                return await future
            except TimeoutError:
                raise _no_answer(command, f"{command.service} did not answer within {seconds:g} s", key) from None
            except ConnectionError:
                raise _no_answer(command, "the message bus was lost before the answer came", key) from None
        finally:
            timer.cancel()
            del self._waiting[token]

    async def discover(self, verb: Literal["PING", "INFO", "STATS"], wait: float = 0.5) -> list[dict[str, Any]]:
        """Return what every service replica answers to `$SRV.<verb>` within `wait` seconds.

        Raises:
            CommandError: UNAVAILABLE when the server cannot be reached.
        """
        connection = self._connection
        if connection is None or not connection.is_connected:
            raise CommandError(ErrorCode.UNAVAILABLE, _BUS_AWAY)
        answers: list[dict[str, Any]] = []

        async def collect(message: Msg) -> None:
            if message.data:
                answers.append(msgspec.json.decode(message.data, type=dict[str, Any]))

        try:
            inbox = f"{self.subjects.inbox(self._user)}.{secrets.token_hex(8)}"
            subscription = await connection.subscribe(inbox, cb=collect)
            await connection.publish(f"{SERVICE_API_ROOT}.{verb}", b"", reply=inbox)
            await asyncio.sleep(wait)  # the protocol has no end mark: whoever answers in time is there
            await subscription.unsubscribe()
        except NatsError as error:
            raise CommandError(ErrorCode.UNAVAILABLE, _BUS_AWAY) from error
        return answers

    async def _received(self, message: Msg) -> None:
        future = self._waiting.get(message.subject[len(self._inbox) :])
        if future is not None and not future.done():
            future.set_result(message)

    async def _lost(self) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionError())


def _headers(seconds: float, trace: TraceContext | None, key: str | None, after: str) -> dict[str, str]:
    headers = {messages.DEADLINE: f"{time.time() + seconds:.3f}"}
    trace = trace or current_trace.get()
    if trace is not None:
        headers[messages.TRACEPARENT] = str(trace.child())
    if key is not None:
        headers[messages.KEY] = key
    if after:
        headers[messages.AFTER] = after
    return headers


def decode_response(command: Command[Req, Res], body: bytes) -> Res:
    """Return the response that `body` holds.

    Raises:
        CommandError: INTERNAL if the service sent something else than its contract says.
    """
    decoder = _decoders.get(command.response)
    if decoder is None:
        decoder = _decoders[command.response] = msgspec.json.Decoder(command.response)
    try:
        response: Res = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(ErrorCode.INTERNAL, f"{command.service} gave an answer that cannot be read") from error
    return response


def _read(command: AnyCommand, answer: Msg) -> messages.Reply:
    headers = answer.headers
    if headers:
        if not answer.data and headers.get(_STATUS) == _NO_RESPONDERS:
            raise NoResponders(command.service)
        if messages.ERROR_CODE in headers:
            raise _decode_error(command, answer.data)
        return messages.Reply(answer.data, messages.decode_ids(headers.get(messages.EVENTS)))
    return messages.Reply(answer.data)


def _decode_error(command: AnyCommand, body: bytes) -> CommandError:
    try:
        return CommandError.from_body(_error_decoder.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return CommandError(ErrorCode.INTERNAL, f"{command.service} gave an error that cannot be read")


def _not_sent(command: AnyCommand, error: NatsError) -> CommandError:
    text = str(error)
    if "payload" in text.lower():
        return CommandError(ErrorCode.INVALID, f"the request to {command.service} is too large for the message bus")
    return CommandError(ErrorCode.UNAVAILABLE, _BUS_AWAY)


def _no_answer(command: AnyCommand, why: str, key: str | None) -> CommandError:
    if not command.changes_state:
        return CommandError(ErrorCode.UNAVAILABLE, why)
    return CommandError(ErrorCode.OUTCOME_UNKNOWN, f"{why}; it may have been done", key=key)


def _expire(future: "asyncio.Future[Msg]") -> None:
    if not future.done():
        future.set_exception(TimeoutError())
