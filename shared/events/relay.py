"""Brings committed events from a schema's outbox to the service's stream: all of them, once, in one order.

One relay of a schema leads; the others wait for its lock. The leader gives committed rows their numbers and publishes
them in a chain (see `chain`). Whatever goes wrong, it asks the stream where it ends and goes on from there.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from time import monotonic

import asyncpg

from shared.backoff import Backoff
from shared.bus.connection import Client, close, connect
from shared.bus.subjects import Subjects
from shared.database.failures import is_server_failure
from shared.database.pool import Database
from shared.errors import CommandError
from shared.events import stream
from shared.events.chain import Chain, ChainBroken
from shared.events.outbox import BATCH, COUNT_WAITING, Outbox
from shared.settings import DatabaseSettings
from shared.tasks import end_task, set_within
from shared.telemetry.logs import logger
from shared.telemetry.outage import Outage

#: Seconds between two looks at an outbox that nobody woke us for: events that another replica committed.
_LOOK = 0.25
#: Seconds between two attempts of a standby to get the lock.
_STANDBY = 1.0
#: Seconds between two looks at an idle stream, which may have been deleted.
_CHECK = 2.0
#: Seconds between two counts of what waits, while there is more than can be taken at once.
_COUNT = 1.0
#: Seconds between two deletions of what was kept long enough.
_PRUNE = 600.0
#: Seconds after which a relay that failed has worked well before, and may come back quickly.
_STEADY = 10.0
#: PostgreSQL ends the session of a relay that it has not heard of for so long (milliseconds): a process that is stopped
#: (SIGSTOP) would keep the lock for ever, and no event would leave.
SILENCE = 10_000


class Relay:
    """The relay of one service. Every replica runs one; `start` returns at once and waits for no server."""

    def __init__(self, settings: DatabaseSettings, service: str, database: Database, *, silence: int = SILENCE) -> None:
        self._settings = settings
        self._service = service
        self._database = database
        self._subjects = Subjects(settings.namespace)
        self._stream = stream.configuration(self._subjects, service, settings.event_stream_max_bytes)
        self._silence = silence
        self._work = asyncio.Event()
        self._reconnected = False
        self._task: asyncio.Task[None] | None = None
        self._connection: Client | None = None
        self._published: int | None = None
        self._last_seq = 0
        self._waiting = 0
        self._leading = False
        self._pruned = -_PRUNE
        self._log = logger("relay")
        self._outage = Outage(self._log, "stream not reachable", "stream reachable again", service=service)
        self._database_outage = Outage(self._log, "relay lost the database", "relay has the database", service=service)

    async def start(self) -> None:
        """Begin to relay, or to wait for the lock."""
        self._task = asyncio.create_task(self._run(), name=f"relay {self._service}")

    async def stop(self) -> None:
        """Stop; what is committed and not published yet stays in the outbox for the next one."""
        await end_task(self._task)
        self._task = None
        await close(self._connection)
        self._connection = None

    def wake(self) -> None:
        """Say that events were committed."""
        self._work.set()

    def lag(self) -> int:
        """Return how many committed events are not published yet, as far as this replica has looked."""
        unpublished = max(self._last_seq - self._published, 0) if self._leading and self._published is not None else 0
        return self._waiting + unpublished

    @property
    def leading(self) -> bool:
        """Whether this replica publishes."""
        return self._leading

    @property
    def published(self) -> int:
        """The `seq` of the last event that this replica knows to be in the stream; 0 when it knows of none."""
        return self._published or 0

    async def _run(self) -> None:
        self._connection = await self._connect()
        backoff = Backoff(0.1, 2.0)
        while True:
            began = monotonic()
            try:
                async with self._leadership() as outbox:
                    self._database_outage.back()
                    await self._lead(outbox, self._connection)
            except Exception as error:
                # Whatever it is: a service that commits and never publishes is worse than one that tries again.
                if is_server_failure(error):
                    self._database_outage.away(error=type(error).__name__)
                else:
                    self._log.exception("relay failed", service=self._service)
            if monotonic() - began > _STEADY:
                backoff.reset()
            await backoff.wait()

    async def _connect(self) -> Client:
        """Connect to NATS, however long that takes, and go on counting what waits for it."""
        connecting = asyncio.create_task(connect(self._settings, self._service, on_reconnect=self._on_reconnect))
        try:
            while not (await asyncio.wait({connecting}, timeout=_COUNT))[0]:
                with contextlib.suppress(CommandError):  # the pool has logged it
                    self._waiting = await self._database.fetchval(COUNT_WAITING)
            return connecting.result()
        finally:
            connecting.cancel()

    async def _on_reconnect(self) -> None:
        self._reconnected = True
        self.wake()

    @contextlib.asynccontextmanager
    async def _leadership(self) -> AsyncIterator[Outbox]:
        """Wait until this relay is the only one, and stay it while the body runs and the connection lives."""
        connection = await self._database.connect(idle_session_timeout=str(self._silence))
        try:
            outbox = Outbox(connection, self._service)
            while not await outbox.try_lock():
                self._waiting = await outbox.count_waiting()
                await asyncio.sleep(_STANDBY)
            self._log.info("relay leads", service=self._service)
            self._leading = True
            yield outbox
        finally:
            self._leading = False
            self._published = None
            connection.terminate()

    async def _lead(self, outbox: Outbox, connection: Client) -> None:
        backoff = Backoff(0.05, 1.0)
        forget_ids = False
        while True:
            try:
                chain = await self._resume(outbox, connection, forget_ids=forget_ids)
                backoff.reset()
                self._outage.back()
                if not forget_ids:
                    await self._relay(outbox, chain)
                forget_ids = False
                continue
            except ChainBroken as error:
                forget_ids = error.swallowed
                self._log.warning("stream ends elsewhere", service=self._service, error=str(error))
            except stream.BUS_FAILURES as error:
                # A timeout of the database comes here too: `_resume` reads everything anew.
                self._outage.away(error=stream.reason_of(error))
            self._waiting = await outbox.count_waiting()
            await backoff.wait()

    async def _resume(self, outbox: Outbox, connection: Client, *, forget_ids: bool) -> Chain:
        """Compare the stream's end with the outbox, publish what it lacks, and return the chain to go on with."""
        self._reconnected = False
        js = connection.jetstream(timeout=stream.ANSWER_TIMEOUT)
        end = await stream.ensure(js, self._stream, self._service, forget_ids=forget_ids)
        self._last_seq = await outbox.read_last_seq()
        if end.seq > self._last_seq:
            self._log.error(
                "the stream is ahead of the database, which must have been restored from a backup",
                service=self._service, stream=end.seq, database=self._last_seq,
            )  # fmt: skip
            await outbox.skip_to(end.seq)
            self._last_seq = outbox.last_seq
        chain = Chain(connection, self._subjects, self._service, end)
        self._published = chain.seq
        missing = await outbox.kept_after(chain.seq)
        if missing:
            self._log.info("stream lacks events", service=self._service, after=chain.seq, until=self._last_seq)
        while missing:
            await chain.publish(missing)
            self._published = chain.seq
            missing = await outbox.kept_after(chain.seq)
        self._published = self._last_seq
        return chain

    async def _relay(self, outbox: Outbox, chain: Chain) -> None:
        """Publish what is committed, until something breaks or the stream should be looked at again."""
        checked = counted = monotonic()
        while not self._reconnected:
            self._work.clear()
            events = await outbox.take()
            self._last_seq = outbox.last_seq
            if events:
                await chain.publish(events)
                self._published = chain.seq
                checked = monotonic()
            if len(events) == BATCH:
                if monotonic() - counted > _COUNT:
                    self._waiting = await outbox.count_waiting()
                    counted = monotonic()
                continue
            self._waiting = 0
            if monotonic() - checked > _CHECK:
                return
            if monotonic() - self._pruned > _PRUNE:
                self._pruned = monotonic()
                await self._prune(outbox)
            await set_within(self._work, _LOOK)

    async def _prune(self, outbox: Outbox) -> None:
        try:
            deleted = await outbox.prune(self._last_seq)
        except asyncpg.PostgresError as error:
            if is_server_failure(error):
                raise
            # Cleaning up may fail; that is no reason to hold up events.
            self._log.exception("outbox not pruned", service=self._service)
        else:
            if deleted:
                self._log.info("outbox pruned", service=self._service, deleted=deleted)
