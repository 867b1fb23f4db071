"""Which replica follows a feed at its exchange: one, by a lease; the others take what it sends on the bus.

A feed begins at once, as if it were ours; the lease is asked for beside it, for all feeds together. Nothing waits for
PostgreSQL: while that is away, whoever followed an exchange goes on, and a feed that two follow does no harm.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Protocol

from shared.contracts.declaration import AnyLive
from shared.database.pool import Database
from shared.errors import CommandError
from shared.leases import Lease, acquire_set, end_set, forget, renew_set
from shared.tasks import end_task, set_within
from shared.telemetry.logs import logger

#: Seconds that a lease lasts without a renewal: as long as a feed may be without an owner.
LEASE = 4.0
#: Seconds between two renewals, and two attempts to get what others have.
INTERVAL = 1.0
#: What the names of feeds' leases begin with.
PREFIX = "feed."
#: Seconds after which a lease that its owner left behind is forgotten, and between two looks for such.
LEFT_BEHIND = 600.0
#: Seconds in which feeds that begin gather, to be asked for together.
GATHER = 0.02

_log = logger("marketdata")

#: Is told whether this replica leads a feed: follows it at its exchange and sends it on the bus.
Turn = Callable[[bool], None]


def lease_name(live: AnyLive, connector: str, pair: str, *keys: str) -> str:
    """Return the name of the lease of a feed: what it sends, of a connector and a pair, with further keys."""
    return PREFIX + ".".join((live.kind, connector, pair, *keys))


class Ownership(Protocol):
    """What feeds tell of their beginning and end."""

    def join(self, name: str, turn: Turn) -> None:
        """Take part in who leads the feed `name`. It counts as ours until `turn` says otherwise."""
        ...

    def leave(self, name: str) -> None:
        """Take no part any more; another replica may lead at once."""
        ...


class FeedLeases:
    """The feeds of this replica and the leases that it has."""

    def __init__(self, database: Database, owner: str | None = None) -> None:
        self._database = database
        #: One process, so that a new one does not take itself for the one before.
        self.owner = owner or f"marketdata-{secrets.token_hex(8)}"
        self._turns: dict[str, Turn] = {}
        self._leases: dict[str, Lease] = {}
        #: Feeds that somebody else leads, as we were told.
        self._elsewhere: set[str] = set()
        self._left: list[Lease] = []
        self._joined = asyncio.Event()
        self._forget_at = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def owned(self) -> int:
        """How many leases this replica has."""
        return len(self._leases)

    @property
    def elsewhere(self) -> int:
        """How many feeds other replicas lead."""
        return len(self._elsewhere)

    def start(self) -> None:
        """Begin to ask for leases."""
        self._task = asyncio.create_task(self._run(), name="leases of feeds")

    async def stop(self) -> None:
        """Let go of all leases, so that another replica goes on at once."""
        await end_task(self._task)
        leases = [*self._leases.values(), *self._left]
        self._leases, self._left = {}, []
        if leases:
            try:
                async with asyncio.timeout(INTERVAL):
                    await end_set(self._database, self.owner, leases)
            except (CommandError, TimeoutError) as error:
                _log.info("leases of feeds not released, they end by themselves", error=type(error).__name__)

    def join(self, name: str, turn: Turn) -> None:
        """See `Ownership`."""
        self._turns[name] = turn
        self._joined.set()

    def leave(self, name: str) -> None:
        """See `Ownership`."""
        self._turns.pop(name, None)
        self._elsewhere.discard(name)
        lease = self._leases.pop(name, None)
        if lease is not None:
            self._left.append(lease)
            self._joined.set()

    async def _run(self) -> None:
        quiet = False
        while True:
            if await set_within(self._joined, INTERVAL):
                await asyncio.sleep(GATHER)
            self._joined.clear()
            try:
                await self._look()
                await self._forget_old()
                quiet = False
            except CommandError as error:
                if not quiet:
                    _log.warning("leases of feeds not reachable; feeds go on", error=error.code.value)
                quiet = True
                await asyncio.sleep(INTERVAL / 2)

    async def _look(self) -> None:
        left, self._left = self._left, []
        if left:
            await end_set(self._database, self.owner, left)
        held = list(self._leases.values())
        if held:
            kept = await renew_set(self._database, self.owner, held, LEASE)
            for lease in held:
                # One that has left meanwhile is on its way to be released.
                if lease.name not in kept and self._leases.get(lease.name) is lease:
                    del self._leases[lease.name]
        wanted = [name for name in self._turns if name not in self._leases]
        if not wanted:
            return
        gained = await acquire_set(self._database, wanted, self.owner, LEASE)
        for name in wanted:
            self._decide(name, gained.get(name))

    async def _forget_old(self) -> None:
        """Delete the rows of feeds whose owner was killed, and that nobody follows any more."""
        if time.monotonic() >= self._forget_at:
            await forget(self._database, PREFIX, LEFT_BEHIND)
            self._forget_at = time.monotonic() + LEFT_BEHIND

    def _decide(self, name: str, lease: Lease | None) -> None:
        turn = self._turns.get(name)
        if turn is None:
            if lease is not None:
                self._left.append(lease)
            return
        if lease is not None:
            self._leases[name] = lease
            if name in self._elsewhere:
                self._elsewhere.discard(name)
                _log.info("feed taken over", feed=name, epoch=lease.epoch)
                turn(True)
        elif name not in self._elsewhere:
            self._elsewhere.add(name)
            turn(False)
