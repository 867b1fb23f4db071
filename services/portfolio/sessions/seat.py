"""A session that should exist, as this replica sees it: it tries for the lease and owns the session while it has it."""

import asyncio

from services.portfolio.sessions.desired import SessionKey
from services.portfolio.sessions.session import OwnedSession, Tools
from shared.database.pool import Database
from shared.lease_keeper import LeaseKeeper
from shared.leases import Lease
from shared.tasks import end_task


class Seat:
    """The place of one session in this replica. `revision` is that of the credential which it is to be opened with."""

    def __init__(self, tools: Tools, database: Database, owner: str, key: SessionKey, revision: int) -> None:
        self.key = key
        self.revision = revision
        self.session: OwnedSession | None = None
        self._tools = tools
        self._lease: Lease | None = None
        self._returning: asyncio.Task[None] | None = None
        self._closed = False
        self._changed = asyncio.Event()
        # One change at a time: a lease that is gained, one that is lost and another revision may come together.
        self._changing = asyncio.Lock()
        self._keeper = LeaseKeeper(
            database,
            key.lease,
            owner,
            self._gained,
            self._lost,
            seconds=tools.settings.lease_seconds,
        )

    async def start(self) -> None:
        """Begin to try for the lease; returns at once."""
        await self._keeper.start()

    async def reopen(self) -> None:
        """Have the session begin anew, if it is not one of this revision already."""
        async with self._changing:
            if self.session is None or self._lease is None or self.session.revision == self.revision:
                return
            await self.session.stop()
            self._open(self._lease)

    async def current(self, revision: int | None) -> OwnedSession | None:
        """Return the session when it works with this revision of its credential; None if it is not owned here."""
        while self.session is not None and self.session.revision != revision:
            await self._changed.wait()
        return self.session

    async def pass_on(self, seconds: float) -> None:
        """Give the session up to another replica, and try for it again after `seconds`, should nobody want it."""
        await self._leave("it is given to another replica", forget=False)
        if not self._closed:
            self._returning = asyncio.create_task(self._return(seconds), name=f"seat {'.'.join(self.key)}")

    async def _return(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._keeper.start()

    async def leave(self, reason: str) -> None:
        """Give the session up to whichever replica wants it."""
        self._closed = True
        await self._leave(reason, forget=False)

    async def clear(self) -> None:
        """Give the session up for good: its credential is gone."""
        self._closed = True
        await self._leave("the credential was deleted", forget=True)

    async def _leave(self, reason: str, *, forget: bool) -> None:
        await end_task(self._returning)
        async with self._changing:
            session, self.session = self.session, None
            self._tell_waiting()
            if session is not None:
                await session.stop()
                await session.retire(reason, forget=forget)
        await self._keeper.stop()

    async def _gained(self, lease: Lease) -> None:
        async with self._changing:
            self._open(lease)

    async def _lost(self, _: Lease) -> None:
        async with self._changing:
            self._lease = None
            if self.session is None:
                return
            try:
                # Commands that come meanwhile are still handed to it: it finds out by itself that it may do nothing.
                await self.session.stop()
            finally:
                self.session = None
                self._tell_waiting()

    def _open(self, lease: Lease) -> None:
        self._lease = lease
        self.session = OwnedSession(self._tools, self.key, lease, self.revision)
        self.session.start()
        self._tell_waiting()

    def _tell_waiting(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
