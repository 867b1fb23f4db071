"""Whether this replica can do its work, as far as PostgreSQL is concerned: looked at every two seconds."""

import asyncio

from shared.database.pool import Database
from shared.errors import CommandError
from shared.events.relay import Relay
from shared.service import clock_reasons
from shared.tasks import end_task

#: Seconds between two looks.
INTERVAL = 2.0


class Readiness:
    """Looks at the clock by the database's, and remembers what it saw.

    A database that is away makes the service no less ready: market data go on, and what needs it says so itself.
    """

    def __init__(self, database: Database, relay: Relay) -> None:
        self._database = database
        self._relay = relay
        self._reachable = True
        self._clock_offset = 0.0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look once, then go on looking."""
        await self._look()
        self._task = asyncio.create_task(self._keep_looking(), name="readiness")

    async def stop(self) -> None:
        """Stop looking."""
        await end_task(self._task)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the replica is not ready, if it is not."""
        return clock_reasons(self._clock_offset)

    def figures(self) -> tuple[tuple[str, float], ...]:
        """Return what was seen last."""
        return (
            ("database_reachable", float(self._reachable)),
            ("outbox_lag", float(self._relay.lag())),
            ("clock_offset_ms", round(self._clock_offset * 1000, 1)),
        )

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            await self._look()

    async def _look(self) -> None:
        try:
            self._clock_offset = await self._database.clock_offset()
            self._reachable = True
        except CommandError:  # logged by the pool
            self._reachable = False
