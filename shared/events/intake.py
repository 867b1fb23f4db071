"""Takes delivered events in: inbox, effect and the effect's own events in one transaction. What cannot be is parked."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shared.backoff import Backoff
from shared.database.failures import Connection, is_lost, is_server_failure
from shared.database.pool import Database
from shared.database.unit_of_work import Wakeable, Work
from shared.errors import CommandError
from shared.events.envelope import Envelope
from shared.events.inbox import Inbox
from shared.telemetry.logs import Logger
from shared.telemetry.trace import TraceContext, current_trace

#: How often an event is tried that its handler refuses, before it is parked.
ATTEMPTS = 5
#: The first and the longest pause between them, in seconds.
_PAUSES = (0.2, 5.0)

Handler = Callable[[Work, Envelope], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Delivered:
    """An event as it came: `body` is its JSON, `reply` the subject where it is acknowledged."""

    event: Envelope
    body: bytes
    reply: str


class _Refused(Exception):
    """The handler raised; the cause is what it raised."""


class Intake:
    """Gives events to `handle`, each with effect once.

    Events that come together share a transaction. When the handler refuses one of them, each is tried alone, so that a
    bad one does no harm to the others; it is tried `ATTEMPTS` times in all, with pauses, and then parked. While
    PostgreSQL is away nothing is given up.
    """

    def __init__(self, database: Database, inbox: Inbox, handle: Handler, relay: Wakeable | None, log: Logger) -> None:
        self._database = database
        self._inbox = inbox
        self._handle = handle
        self._relay = relay
        self._log = log
        #: Events that were parked since the start.
        self.parked = 0

    async def take_in(
        self, delivered: Sequence[Delivered], still_working: Callable[[], Awaitable[None]], *, attempts: int = ATTEMPTS
    ) -> None:
        """Return when every event has taken effect, now or before, or is parked.

        `still_working` is awaited at each pause, so that the events are not given to somebody else meanwhile.
        """
        outage = Backoff(0.1, 2.0)
        refusals = Backoff(*_PAUSES)
        while True:
            try:
                await self._commit(delivered)
            except CommandError as error:
                self._log.warning("events wait for the database", count=len(delivered), error=error.code.value)
                await still_working()
                await outage.wait()
            except _Refused as refusal:
                if len(delivered) > 1:
                    for one in delivered:
                        await self.take_in([one], still_working)
                    return
                attempts -= 1
                self._log.warning("event refused", id=delivered[0].event.id, left=attempts, exc_info=refusal.__cause__)
                if attempts <= 0:
                    return await self._park(delivered[0], refusal.__cause__, still_working)
                await still_working()
                await refusals.wait()
            else:
                return None

    async def _commit(self, delivered: Sequence[Delivered]) -> None:
        emitted = 0
        async with self._database.transaction() as connection:
            left = await self._inbox.claim(connection, [one.event.seq for one in delivered])
            for one in delivered:
                if one.event.seq in left:
                    left.remove(one.event.seq)
                    emitted += await self._effect(connection, one.event)
        if emitted and self._relay is not None:
            self._relay.wake()

    async def _effect(self, connection: Connection, event: Envelope) -> int:
        work = Work(connection)
        trace = TraceContext.parse(event.trace).child()
        token = current_trace.set(trace)
        try:
            await self._handle(work, event)
        except Exception as error:
            if is_lost(connection) or is_server_failure(error, connection):
                raise
            raise _Refused from error
        finally:
            current_trace.reset(token)
        return len(await work.store_events(event.actor, trace))

    async def _park(
        self, one: Delivered, error: BaseException | None, still_working: Callable[[], Awaitable[None]]
    ) -> None:
        reason = f"{type(error).__name__}: {error}"[:1_000]
        outage = Backoff(0.1, 2.0)
        while True:
            try:
                async with self._database.transaction() as connection:
                    await self._inbox.park(connection, one.event, one.body, reason)
            except CommandError:
                await still_working()
                await outage.wait()
            else:
                break
        self.parked += 1
        self._log.error("event parked", id=one.event.id, kind=one.event.kind, reason=reason)
