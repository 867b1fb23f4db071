"""Follows the events of one service from a position on: for views in memory, `GET /events` and the command line."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

import msgspec
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from shared.backoff import Backoff
from shared.bus.connection import Client, close, connect
from shared.bus.subjects import Subjects
from shared.events import stream
from shared.events.delivery import Delivery
from shared.events.envelope import Envelope, decode
from shared.settings import Settings
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Seconds in which a stream may reach a position that its reader has from the database: the relay is on its way.
_CATCHING_UP = 2.0
#: Seconds that a stream must be missing to count as one that was never there. Shorter: its server may have lost it, and
#: the relay of its service makes it again.
_NEVER_THERE = 3.0


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that the reader will never see: those after `after` and before `next`.

    `next` is None where `after` is a position that does not exist: the reader goes on from the end of what does.
    """

    service: str
    after: int
    next: int | None


class StreamReader:
    """Gives the events of `service` to `on_event`, in the order of `seq` without repetition, from `after_seq` on.

    `after_seq` 0 begins with the oldest event that is kept, None with the next one. Events that cannot be had any more
    are reported to `on_gap` before the first that can. It resumes by itself after anything: a stream that was wiped is
    read again when it is filled again, and what was seen before is left out.

    An `on_event` that raises is logged and counted in `failures`, and its event is passed over: a view must be able to
    take any event. One that waits holds up the events behind it, and in the end the server, not our memory.
    """

    def __init__(
        self,
        settings: Settings,
        user: str,
        service: str,
        after_seq: int | None,
        on_event: Callable[[Envelope], Awaitable[None] | None],
        *,
        on_gap: Callable[[Gap], None] | None = None,
    ) -> None:
        self._settings = settings
        self._user = user
        self._service = service
        self._subjects = Subjects(settings.namespace)
        self._on_event = on_event
        self._on_gap = on_gap
        self._position = after_seq
        # Whether the position is one that exists: its owner may have made it up, or have it from another life.
        self._confirmed = after_seq is None or after_seq == 0
        # Whether a hole before the first event counts: not where there is no position to count from.
        self._anchored = after_seq is not None
        self._hole_after: int | None = None
        self._fresh = True
        self._delivery: Delivery | None = None
        self._task: asyncio.Task[None] | None = None
        self._connection: Client | None = None
        self._log = logger("reader")
        self._told: str | None = None
        self._missing_since: float | None = None
        self.failures = 0
        self.following = False

    @property
    def placed(self) -> bool:
        """Whether it is known which event comes next: the stream was seen, or seen not to exist yet."""
        return self._position is not None

    @property
    def position(self) -> int:
        """The `seq` of the last event that was handed over or skipped; 0 before the first."""
        return self._position or 0

    async def start(self) -> None:
        """Begin to follow; returns at once and waits for no server."""
        self._task = asyncio.create_task(self._run(), name=f"reader {self._service}")

    async def stop(self) -> None:
        """Stop following; an `on_event` under way is cancelled."""
        await end_task(self._task)
        self._task = None
        await close(self._connection)
        self._connection = None

    async def _run(self) -> None:
        self._connection = await connect(self._settings, self._user, on_reconnect=self._reconnected)
        backoff = Backoff(0.05, 1.0)
        while True:
            try:
                reason = await self._follow(self._connection, backoff)
                self._log.info("reading anew", service=self._service, after=self._position, reason=reason)
            except NotFoundError:
                self._tell("no stream yet")
                self._not_there()
            except stream.BUS_FAILURES as error:
                self._missing_since = None
                if self._connection.is_connected:  # else the connection says it, once for all who read by it
                    self._tell(f"stream not reachable: {type(error).__name__}")
            except Exception:
                # A view that stops following without a word is worse than one that tries again.
                self._log.exception("reader failed", service=self._service)
            await backoff.wait()

    def _not_there(self) -> None:
        """Begin with the first event ever where the stream has been missing for so long that there was none so far."""
        now = monotonic()
        if self._missing_since is None:
            self._missing_since = now
        if self._position is None and now - self._missing_since >= _NEVER_THERE:
            self._position, self._anchored = 0, True

    def _tell(self, why: str) -> None:
        """Log why nothing is read: once, as it may stay so for long and is looked at every second."""
        if why != self._told:
            self._told = why
            self._log.info(why, service=self._service)

    async def _reconnected(self) -> None:
        if self._delivery is not None:
            self._delivery.end("the connection was lost")

    async def _follow(self, connection: Client, backoff: Backoff) -> str:
        """Read from the position on until something is wrong; return what."""
        place = await self._place(connection)
        self._fresh = True
        self._delivery = Delivery(connection, self._subjects, self._service, self._receive)
        try:
            await self._delivery.open(place)
            self.following = True
            self._told = self._missing_since = None
            backoff.reset()
            return await self._delivery.wait_until_over()
        finally:
            self.following = False
            await self._delivery.close()

    async def _place(self, connection: Client) -> int:
        """Return where in the stream to begin."""
        js = connection.jetstream(timeout=stream.ANSWER_TIMEOUT)
        until = monotonic() + _CATCHING_UP
        backoff = Backoff(0.02, 0.2)
        while True:
            end = await stream.end_of(js, self._subjects, self._service)
            if self._position is None:
                self._position, self._anchored = end.seq, end.seq > 0
            if self._confirmed or end.seq == 0 or self._position <= end.seq:
                break
            if monotonic() > until:
                self._report(Gap(self._service, self._position, None))
                self._position = end.seq
                break
            await backoff.wait()
        self._confirmed = self._confirmed or end.seq > 0
        return await stream.place_after(js, self._subjects, self._service, end, self._position)

    async def _receive(self, message: Msg) -> None:
        assert self._position is not None
        assert self._delivery is not None
        try:
            event = decode(message.data)
        except msgspec.DecodeError as error:
            self._log.error("not an event", service=self._service, subject=message.subject, error=str(error))
            return
        fresh, self._fresh = self._fresh, False
        if event.seq <= self._position:
            return
        if event.seq > self._position + 1 and self._anchored:
            if not fresh and self._hole_after != self._position:
                # The client library may have dropped messages. Only what is missing when we look again is gone.
                self._hole_after = self._position
                self._delivery.end("events are missing")
                return
            self._report(Gap(self._service, self._position, event.seq))
        self._anchored = True
        await self._hand_over(event)
        self._position = event.seq

    async def _hand_over(self, event: Envelope) -> None:
        try:
            result = self._on_event(event)
            if result is not None:
                await result
        except Exception:
            self.failures += 1
            self._log.exception("event passed over", service=self._service, id=event.id, kind=event.kind)

    def _report(self, gap: Gap) -> None:
        self._log.warning("events are gone", service=self._service, after=gap.after, next=gap.next)
        if self._on_gap is not None:
            self._on_gap(gap)
