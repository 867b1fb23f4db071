"""All sessions of this replica: a seat for each that should exist, opened and closed as credentials come and go."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from services.portfolio.sessions.desired import Desired, SessionKey
from services.portfolio.sessions.fair_share import FairShare
from services.portfolio.sessions.seat import Seat
from services.portfolio.sessions.session import OwnedSession, Tools
from shared.contracts.portfolio.sessions import SessionState
from shared.database.pool import Database
from shared.errors import CommandError, ErrorCode, not_found
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Seconds between two looks whether a session has come.
_LOOK = 0.05

_log = logger("sessions")


class Sessions:
    """Keeps the seats as `desired` says. `owner` names this process in the leases."""

    def __init__(self, tools: Tools, database: Database, owner: str, desired: Desired) -> None:
        self._tools = tools
        self._database = database
        self._owner = owner
        self._desired = desired
        self._seats: dict[SessionKey, Seat] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: What is under way for a session, the last first: one that takes long to be closed holds up no other.
        self._under_way: dict[SessionKey, asyncio.Task[None]] = {}
        settings = tools.settings
        self._fair_share = FairShare(
            database,
            owner,
            lambda: self.count()[:2],
            self._pass_on,
            seconds=settings.lease_seconds,
            interval=settings.fair_share_seconds,
        )

    async def start(self) -> None:
        """Begin to follow what is desired."""
        await self._fair_share.start()
        self._task = asyncio.create_task(self._follow(), name="sessions")

    def look(self) -> None:
        """Say that `desired` has changed."""
        self._changed.set()

    async def stop(self) -> None:
        """Give all sessions up."""
        await self._fair_share.stop()
        await end_task(self._task)
        await asyncio.gather(*self._under_way.values())
        seats, self._seats = self._seats, {}
        await asyncio.gather(*(seat.leave("its owner was stopped") for seat in seats.values()))

    def owned(self, key: SessionKey) -> OwnedSession | None:
        """Return the session if this replica owns it."""
        seat = self._seats.get(key)
        return None if seat is None else seat.session

    async def current(self, key: SessionKey, seconds: float) -> OwnedSession | None:
        """Return the session if this replica owns it, with the keys that are known to be the latest.

        One that is being opened, perhaps anew with other keys, is waited for until it is open or that has failed.

        Raises:
            CommandError: UNAVAILABLE if that takes longer than `seconds`; NOT_FOUND if its credential is gone.
        """
        owned = self.owned(key)
        revision = self._desired.wanted().get(key)
        if revision is None and self._desired.known:
            raise not_found(f"Account '{key.account_name}' has no credential for '{key.connector_name}'")
        if owned is None or (owned.revision == revision and owned.tried.is_set()):
            return owned
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                session = await self._seats[key].current(revision)
                if session is not None:
                    await session.tried.wait()
                return session
        except TimeoutError:
            raise CommandError(
                ErrorCode.UNAVAILABLE,
                f"The session {key.connector_name} of account '{key.account_name}' is being opened; nothing was done",
            ) from None

    async def soon(self, key: SessionKey, seconds: float) -> OwnedSession | None:
        """Return the session as `current`, also if it comes to this replica only in `seconds`; None if it does not.

        Where a credential is deleted and added again, commands still arrive while the session before is being closed.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while True:
            session = await self.current(key, until - clock())
            if session is not None or clock() > until:
                return session
            await asyncio.sleep(_LOOK)

    def count(self) -> tuple[int, int, int]:
        """Return how many sessions should exist, how many are owned here, and how many of these are READY."""
        owned = [seat.session for seat in self._seats.values() if seat.session is not None]
        return len(self._seats), len(owned), sum(session.state is SessionState.READY for session in owned)

    async def _pass_on(self, count: int) -> None:
        """Give up `count` sessions, which others try for at least three times until this replica does again."""
        owned = [seat for seat in self._seats.values() if seat.session is not None][:count]
        await asyncio.gather(*(seat.pass_on(self._tools.settings.lease_seconds) for seat in owned))

    async def _follow(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._apply()

    def _apply(self) -> None:
        wanted = dict(self._desired.wanted())
        for key in self._seats.keys() - wanted.keys():
            self._do(key, self._seats.pop(key).clear)
        for key, revision in wanted.items():
            seat = self._seats.get(key)
            if seat is None:
                seat = self._seats[key] = Seat(self._tools, self._database, self._owner, key, revision)
                self._do(key, seat.start)
            elif seat.revision != revision:
                seat.revision = revision
                self._do(key, seat.reopen)

    def _do(self, key: SessionKey, change: Callable[[], Awaitable[None]]) -> None:
        """Begin a change of a session, after the one that is under way for it."""
        task = asyncio.create_task(self._after(self._under_way.get(key), change), name=f"change {'.'.join(key)}")
        self._under_way[key] = task
        task.add_done_callback(partial(self._done, key))

    def _done(self, key: SessionKey, task: "asyncio.Task[None]") -> None:
        if self._under_way[key] is task:  # else the next one waits for its turn already
            del self._under_way[key]

    async def _after(self, before: "asyncio.Task[None] | None", change: Callable[[], Awaitable[None]]) -> None:
        if before is not None:
            await asyncio.wait({before})
        try:
            await change()
        except Exception:
            # One session that cannot be changed must not keep all others from being followed.
            _log.exception("session not changed")
