"""Group commit: what commands change is written in one transaction for all since the last, then told to listeners.

A command is done in memory at once; who gave it is answered when what it changed is durable. While one transaction is
under way the changes of further commands gather for the next, so that hundreds of orders a second cost few of them.
Outcomes are told in the order of the commands, those that touched no user's rows as soon as nothing is before them.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from services.simulator.accounts import Account
from services.simulator.batch import Batch
from services.simulator.engine.events import Outcome
from services.simulator.venue import Venue
from shared.backoff import Backoff
from shared.errors import CommandError
from shared.tasks import end_task
from shared.telemetry.logs import logger

_log = logger("simulator")

Listener = Callable[[Venue, Outcome], None]


class Journal:
    """The outcomes of all commands, in order.

    Args:
        close: completes a batch with what is of the whole exchange, at the moment when its last command was done.
        write: writes a batch in one transaction. It raises `CommandError` when that can't be known to have happened,
            and then is asked to write the same batch again, which must do no harm.
    """

    def __init__(self, close: Callable[[Batch], None], write: Callable[[Batch], Awaitable[None]]) -> None:
        self._close = close
        self._write = write
        self._listeners: list[Listener] = []
        self._gathering = Batch()
        self._told: list[tuple[Venue, Outcome]] = []
        self._waiting: asyncio.Future[None] | None = None
        self._writing: asyncio.Future[None] | None = None
        self._telling: deque[tuple[Venue, Outcome]] = deque()
        self._is_telling = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: Whether nothing can be written at present; with a `failure` never again.
        self.stalled = False
        self.failure: str | None = None

    def listen(self, listener: Listener) -> None:
        """Have `listener` told of every outcome once it is durable, in order. It must not raise.

        It may ask engines, which may trade then: what comes of that it hears next.
        """
        self._listeners.append(listener)

    def start(self) -> None:
        """Write from now on."""
        self._task = asyncio.create_task(self._run(), name="simulator journal")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Write what there is, then stop; without a server to write to, what was not acknowledged is given up."""
        if self._task is not None and not self.stalled:
            await self.durable()
        await end_task(self._task)

    def open(self, account: Account) -> None:
        """Note a new account."""
        self._gathering.open(account)

    def record(self, venue: Venue, outcome: Outcome) -> None:
        """Note what a command has done."""
        if self._gathering.add(venue, outcome):
            self._wake.set()
        if outcome.events:
            self._told.append((venue, outcome))
            self._tell_what_is_public()

    @property
    def pending(self) -> asyncio.Future[None] | None:
        """What ends when all that was noted so far is durable; None if it is."""
        if self._gathering.durable:
            if self._waiting is None:
                self._waiting = asyncio.get_running_loop().create_future()
            self._wake.set()
            return self._waiting
        return self._writing

    async def durable(self) -> None:
        """Return when everything that was noted so far is durable."""
        pending = self.pending
        if pending is not None:
            await asyncio.shield(pending)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.stalled = True
            self.failure = str(error) or type(error).__name__
            _log.critical("the journal has failed; nothing more is accepted", exc_info=error)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not self._gathering.durable:
                continue
            # Who waits in this turn of the loop gives its commands before the batch is closed.
            batch, told = self._gathering, self._told
            self._writing = self._waiting or asyncio.get_running_loop().create_future()
            self._gathering, self._told, self._waiting = Batch(), [], None
            self._close(batch)
            await self._write_at_last(batch)
            written, self._writing = self._writing, None
            self._tell(told)
            self._tell_what_is_public()
            written.set_result(None)

    async def _write_at_last(self, batch: Batch) -> None:
        backoff = Backoff(0.05, 1.0)
        while True:
            try:
                await self._write(batch)
            except CommandError as error:
                if not self.stalled:
                    _log.warning("the database can't be written to; orders are refused until it can", error=str(error))
                self.stalled = True
                await backoff.wait()
            else:
                if self.stalled:
                    _log.info("the database is written to again")
                self.stalled = False
                return

    def _tell_what_is_public(self) -> None:
        if self._writing is None and not self._gathering.durable:
            told, self._told = self._told, []
            self._tell(told)

    def _tell(self, told: list[tuple[Venue, Outcome]]) -> None:
        self._telling.extend(told)
        if self._is_telling:
            return  # a listener has caused more: all of them hear of it when they have heard of what is before it
        self._is_telling = True
        try:
            while self._telling:
                venue, outcome = self._telling.popleft()
                for listener in self._listeners:
                    listener(venue, outcome)
        finally:
            self._is_telling = False
