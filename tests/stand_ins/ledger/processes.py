"""The ledger as processes, forked from one that has imported everything: some commit and relay, others consume."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable

import msgspec

from hummingbus.stack.processes import end_with_parent
from shared.database.pool import Database
from shared.database.unit_of_work import UnitOfWork, Work
from shared.errors import CommandError, ErrorCode
from shared.events.consumer import Consumer
from shared.events.envelope import Envelope
from shared.events.relay import Relay
from shared.settings import DatabaseSettings
from shared.telemetry.logs import configure_logs
from tests.eventually import eventually
from tests.stand_ins.ledger.contract import CHANGE, SERVICE, Change, Changed
from tests.stand_ins.ledger.crash import crash_at
from tests.stand_ins.ledger.schema import call, change

#: A point and a number of passages, for `crash_at`.
Crash = tuple[str, int]
CONSUMER = "copy"

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["__main__", __name__])


async def tell(settings: DatabaseSettings, producer: str, count: int) -> None:
    """Do `count` commands of `producer`, four at a time, each until it is done, and relay for ever."""
    database = Database(settings, SERVICE)
    await database.start()
    relay = Relay(settings, SERVICE, database, silence=1_000)
    await relay.start()
    work = UnitOfWork(database, relay)
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            request = Change(f"{producer}-{number % 5}")
            await _until_done(work, request, f"{producer}-{number}")

    await asyncio.gather(*(worker() for _ in range(4)))
    await asyncio.Event().wait()


async def _until_done(work: UnitOfWork, request: Change, key: str) -> None:
    while True:
        try:
            await work.run(CHANGE, call(request, key=key, seconds=5), change(request))
        except CommandError as error:
            if error.code not in {ErrorCode.UNAVAILABLE, ErrorCode.OUTCOME_UNKNOWN, ErrorCode.BUSY}:
                raise
            await asyncio.sleep(0.02)
        else:
            return


async def effect(work: Work, event: Envelope) -> None:
    """Note the event, in a table that a second effect would show in."""
    changed = msgspec.json.decode(event.data, type=Changed)
    await work.connection.execute("INSERT INTO effects (seq, name) VALUES ($1, $2)", event.seq, changed.name)


async def consume(settings: DatabaseSettings) -> None:
    """Take the ledger's events in, as one of a group, for ever."""
    database = Database(settings, SERVICE)
    await database.start()
    consumer = Consumer(
        settings, SERVICE, CONSUMER, SERVICE, effect, database=database, max_unacknowledged=32, ack_wait=1.0
    )
    await consumer.start()
    await asyncio.Event().wait()


def _main(body: Callable[..., Awaitable[None]], arguments: tuple[object, ...], crash: Crash | None) -> None:
    end_with_parent(signal.SIGKILL, os.getppid())
    configure_logs("ERROR")
    if crash is not None:
        crash_at(*crash)

    async def run() -> None:
        await body(*arguments)

    asyncio.run(run())


class Killable:
    """A process that crashes as `crashes` say, one after the other, is started again each time, and then stays."""

    def __init__(
        self, body: Callable[..., Awaitable[None]], *arguments: object, crashes: tuple[Crash, ...] = ()
    ) -> None:
        self._body = body
        self._arguments = arguments
        self._crashes = list(crashes)
        self._process: multiprocessing.process.BaseProcess | None = None
        self.crashed = 0

    def start(self) -> None:
        """Start it, with the next crash ahead of it if there is one."""
        crash = self._crashes.pop(0) if self._crashes else None
        self._process = _context.Process(target=_main, args=(self._body, self._arguments, crash), daemon=True)
        self._process.start()

    async def keep_running(self) -> None:
        """Start it again whenever it has crashed, for ever; a different end is an error."""
        while True:
            process = self.process
            await eventually(lambda: process.exitcode is not None, seconds=3600)  # noqa: B023 - awaited right here
            assert process.exitcode == -signal.SIGKILL, f"expected a kill, was exit code {process.exitcode}"
            self.crashed += 1
            self.start()

    @property
    def process(self) -> multiprocessing.process.BaseProcess:
        """The process of the last start."""
        assert self._process is not None, "expected a process that was started"
        return self._process

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
