"""Whether this replica can do its work: looked at every two seconds, and at once when there is a reason to."""

import asyncio

import asyncpg

from services.credentials.followed_accounts import FollowedAccounts
from services.credentials.keyring import Keyring
from services.credentials.repository import Repository
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
    """Looks at the database, the clock, the keyring and the streams, and remembers what it saw."""

    def __init__(
        self, database: Database, keyring: Keyring, relay: Relay, followed: FollowedAccounts, attention: asyncio.Event
    ) -> None:
        """`attention` is set when there is a reason to look."""
        self._database = database
        self._keyring = keyring
        self._relay = relay
        self._followed = followed
        self._reachable = True
        self._clock_offset = 0.0
        self._last_seq = 0
        self._attention = attention
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look once, then go on looking."""
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
        if self._keyring.locked:
            reasons.append("CONFIG_PASSWORD was changed: restart with the new one")
        figures = (
            ("outbox_lag", float(self._relay.lag())),
            ("view_lag", float(max(0, self._last_seq - self._followed.position))),
            ("clock_offset_ms", round(self._clock_offset * 1000, 1)),
            ("accounts", float(len(self._followed.accounts))),
            ("keyring_generation", float(self._keyring.generation)),
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
            repository = Repository(self._database)
            self._last_seq = await repository.last_seq()
            stored = await repository.keyring()
            await self._followed.repair()
        except (CommandError, asyncpg.PostgresError) as error:
            if self._reachable:
                _log.warning("database does not answer", error=type(error).__name__)
            self._reachable = False
            return
        self._reachable = True
        if stored is not None and stored.generation > self._keyring.generation:
            await self._keyring.follow(stored)
