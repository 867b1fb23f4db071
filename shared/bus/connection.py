"""One way to connect to NATS, with the options that its library calls for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from nats.aio.client import Client as LibraryClient
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import UnexpectedEOF

from shared.bus.subjects import Subjects
from shared.settings import Settings
from shared.telemetry.logs import logger
from shared.telemetry.outage import Outage

Callback = Callable[[], Awaitable[None]]
Receiver = Callable[[Msg], Awaitable[None]]

#: Seconds between two attempts to reach the server again.
RECONNECT_WAIT = 0.2
#: Two unanswered pings, this many seconds apart, mean that the connection is dead.
PING_INTERVAL = 10
DEFAULT_PORT = 4222

_PING = b"PING\r\n"

log = logger("bus")


class Client(LibraryClient):
    """The library's client with a PING that keeps its place, and callbacks that are called where a message is read.

    In nats-py 2.16 a PING overtakes commands that wait to be written, a SUB or UNSUB just before it included, so that
    `flush()` returned before the server knew a subscription and `drain()` could lose a message.

    It also hands each message to its callback through a queue and a task of the subscription, which costs about a third
    of a request. `subscribe_directly` does without; its callback must not wait for anything but a publish.
    """

    def __init__(self) -> None:
        super().__init__()
        self._direct: dict[int, Receiver] = {}

    async def subscribe_directly(self, subject: str, receive: Receiver, queue: str = "") -> Subscription:
        """Let `receive` take every message on `subject`, in the order of their arrival."""
        subscription = await self.subscribe(subject, queue=queue, cb=receive)
        self._direct[subscription._id] = receive
        return subscription

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        super()._remove_sub(sid, max_msgs)
        self._direct.pop(sid, None)

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        receive = self._direct.get(sid)
        if receive is None:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(data)
        read = await self._process_headers(headers) if headers else None
        try:
            await receive(self._build_message(sid, subject, reply, data, read))
        except Exception:
            # As in a subscription's own task: one message must not end the connection's reading.
            log.exception("message not handled", subject=subject.decode())

    async def _read_loop(self) -> None:
        await super()._read_loop()
        task = asyncio.current_task()
        is_ours = task is not None and task is self._reading_task and not task.cancelling()
        if is_ours and self.is_connected:
            # By something that the library does not expect. It would stay connected, and deaf.
            await self._process_op_err(NatsError("the reading of the connection has ended"))

    async def _process_pong(self) -> None:
        # Who waited may have given up: setting a cancelled future would raise, and the library then reads nothing more
        # for as long as the connection lives.
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def _send_ping(self, future: "asyncio.Future[Any] | None" = None) -> None:
        self._pongs.append(asyncio.get_running_loop().create_future() if future is None else future)
        await self._send_command(_PING)
        await self._flush_pending()


async def connect(
    settings: Settings,
    user: str,
    *,
    on_disconnect: Callback | None = None,
    on_reconnect: Callback | None = None,
) -> Client:
    """Return a connection as the NATS user `user`; wait for as long as no server answers.

    Nothing is buffered while the server is away: a publish then fails at once, because a command that is sent when its
    caller has long given up does harm. It reconnects for ever, and its inboxes lie under the user's own prefix.
    """
    absence = _absence(settings.nats_url, user)

    async def report(error: Exception) -> None:
        if isinstance(error, OSError | UnexpectedEOF) or not connection.is_connected:
            absence.lost(connection, error)
        else:
            log.warning("bus error", user=user, error=str(error) or type(error).__name__)

    async def disconnected() -> None:
        if connection.is_closed:
            return  # we did that
        absence.lost(connection, None)
        if on_disconnect is not None:
            await on_disconnect()

    async def reconnected() -> None:
        absence.found(connection)
        if on_reconnect is not None:
            await on_reconnect()

    async def closed() -> None:
        absence.forget(connection)

    connection = Client()
    try:
        await connection.connect(
            servers=settings.nats_url,
            name=f"hummingbus {user}",
            nkeys_seed_str=settings.seed(),
            inbox_prefix=Subjects(settings.namespace).inbox(user),
            connect_timeout=2,
            reconnect_time_wait=RECONNECT_WAIT,  # type: ignore[arg-type]  # the library takes fractions too
            max_reconnect_attempts=-1,
            ping_interval=PING_INTERVAL,
            pending_size=0,
            error_cb=report,
            disconnected_cb=disconnected,
            reconnected_cb=reconnected,
            closed_cb=closed,
        )
    except BaseException:
        absence.forget(connection)  # whoever waited for it was stopped
        raise
    absence.found(connection)
    return connection


class _Absence:
    """What is told of a server that is away, once for all connections that a process has as one user."""

    def __init__(self, server: str, user: str) -> None:
        self._lost: set[Client] = set()
        self._outage = Outage(log, "bus lost, waiting for it", "bus found again", user=user, server=server)

    def lost(self, connection: Client, error: Exception | None) -> None:
        self._lost.add(connection)
        self._outage.away(error="" if error is None else str(error) or type(error).__name__)

    def found(self, connection: Client) -> None:
        self._lost.discard(connection)
        if not self._lost:
            self._outage.back()

    def forget(self, connection: Client) -> None:
        self._lost.discard(connection)
        if not self._lost:
            self._outage.forget()


_absences: dict[tuple[str, str], _Absence] = {}


def _absence(url: str, user: str) -> _Absence:
    parts = urlsplit(url)
    # Never the whole address, which may hold a password.
    server = f"{parts.hostname}:{parts.port or DEFAULT_PORT}"
    return _absences.setdefault((server, user), _Absence(server, user))


async def close(connection: Client | None) -> None:
    """Flush what is still to be sent, if the server is there, and close."""
    if connection is None or connection.is_closed:
        return
    if connection.is_connected:
        try:
            await connection.flush(timeout=2)
        except (NatsError, TimeoutError) as error:
            log.warning("bus did not flush", error=str(error) or type(error).__name__)
    await connection.close()


__all__ = ["Callback", "Client", "close", "connect"]
