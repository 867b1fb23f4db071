"""Whether this replica can do its work: looked at every two seconds, and at once when there is a reason to."""

import asyncio

import asyncpg

from services.portfolio.followed import PortfolioViews
from services.portfolio.repository import Repository
from services.portfolio.sessions.sessions import Sessions
from shared.database.pool import Database
from shared.errors import CommandError
from shared.events.relay import Relay
from shared.service import CLOCK_TOLERANCE, Health
from shared.tasks import end_task, set_within
from shared.telemetry.logs import logger

#: Seconds between two looks.
INTERVAL = 2.0

_log = logger("readiness")


class Readiness:
    """Looks at the database, the clock and the streams, and remembers what it saw.

    A session that waits for its exchange does not count: the service does its work by saying so.
    """

    def __init__(
        self,
        database: Database,
        relay: Relay,
        views: PortfolioViews,
        attention: asyncio.Event,
    ) -> None:
        """`attention` is set when there is a reason to look."""
        self._database = database
        self._relay = relay
        self._views = views
        self._attention = attention
        self._sessions: Sessions | None = None
        self._reachable = True
        self._clock_offset = 0.0
        self._last_seq = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self, sessions: Sessions) -> None:
        """Look once, then go on looking; `sessions` are counted."""
        self._sessions = sessions
        await self._look()
        self._task = asyncio.create_task(self._keep_looking(), name="readiness")

    async def stop(self) -> None:
        """Stop looking."""
        await end_task(self._task)
        self._task = None

    def health(self) -> Health:
        """Return what was seen last, with why the service is not ready, if it is not."""
        reasons = []
        if not self._reachable:
            reasons.append("the database is not reachable")
        if abs(self._clock_offset) > CLOCK_TOLERANCE:
            reasons.append(f"the clock is {self._clock_offset:+.1f} s off that of the database")
        wanted, owned, ready = self._sessions.count() if self._sessions is not None else (0, 0, 0)
        figures = (
            ("outbox_lag", float(self._relay.lag())),
            ("view_lag", float(max(0, self._last_seq - self._views.position))),
            ("clock_offset_ms", round(self._clock_offset * 1000, 1)),
            ("sessions", float(wanted)),
            ("sessions_owned", float(owned)),
            ("sessions_ready", float(ready)),
        )
        return Health(not reasons, tuple(reasons), figures)

    async def _keep_looking(self) -> None:
        while True:
            await set_within(self._attention, INTERVAL)
            self._attention.clear()
            await self._look()

    async def _look(self) -> None:
        try:
            self._clock_offset = await self._database.clock_offset()
            self._last_seq = await Repository(self._database).last_seq()
            await self._views.repair()
        except (CommandError, asyncpg.PostgresError) as error:
            if self._reachable:
                _log.warning("database does not answer", error=type(error).__name__)
            self._reachable = False
            return
        self._reachable = True
