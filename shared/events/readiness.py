"""Whether a replica can do its work, as far as its database and its stream go."""

import asyncio

import asyncpg

from shared.database.pool import Database
from shared.errors import CommandError
from shared.events.followed_view import FollowedView
from shared.events.position import last_seq
from shared.events.relay import Relay
from shared.service import Health, clock_reasons
from shared.tasks import end_task, set_within
from shared.telemetry.logs import logger

#: Seconds between two looks.
INTERVAL = 2.0

_log = logger("readiness")


class Readiness:
    """Looks at the database, the clock and the stream every two seconds, and at once when there is a reason to.

    It remembers what it saw. A service adds what is its own by more `reasons` and `figures`, and by a longer `look`.
    """

    def __init__(self, database: Database, relay: Relay, followed: FollowedView, attention: asyncio.Event) -> None:
        """`attention` is set when there is a reason to look."""
        self._database = database
        self._relay = relay
        self._followed = followed
        self._attention = attention
        self._reachable = True
        self._clock_offset = 0.0
        self._last_seq = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look once, then go on looking."""
        await self._try_to_look()
        self._task = asyncio.create_task(self._keep_looking(), name="readiness")

    async def stop(self) -> None:
        """Stop looking."""
        await end_task(self._task)
        self._task = None

    def health(self) -> Health:
        """Return what was seen last, with why the service is not ready, if it is not."""
        reasons = self.reasons()
        return Health(not reasons, reasons, self.figures())

    def reasons(self) -> tuple[str, ...]:
        """Return why the service is not ready, if it is not."""
        away = () if self._reachable else ("the database is not reachable",)
        return (*away, *clock_reasons(self._clock_offset))

    def figures(self) -> tuple[tuple[str, float], ...]:
        """Return the figures for people."""
        return (
            ("outbox_lag", float(self._relay.lag())),
            ("view_lag", float(max(0, self._last_seq - self._followed.position))),
            ("clock_offset_ms", round(self._clock_offset * 1000, 1)),
        )

    async def look(self) -> None:
        """See how things stand, and mend the view if the stream has left something out.

        Raises:
            CommandError, asyncpg.PostgresError: if the database does not answer.
        """
        self._clock_offset = await self._database.clock_offset()
        self._last_seq = await last_seq(self._database)
        await self._followed.repair()

    async def _keep_looking(self) -> None:
        while True:
            await set_within(self._attention, INTERVAL)
            self._attention.clear()
            await self._try_to_look()

    async def _try_to_look(self) -> None:
        try:
            await self.look()
        except (CommandError, asyncpg.PostgresError) as error:
            if self._reachable:
                _log.warning("database does not answer", error=type(error).__name__)
            self._reachable = False
        else:
            self._reachable = True
