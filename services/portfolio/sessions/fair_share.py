"""Spreads the sessions over the replicas: who has clearly more than its share gives some up to the others.

Every replica says that it is there by a lease of its own. A session that is given up is taken by whoever looks first,
but for the giver, which waits a while; it takes orders again within two or three seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from shared.database.pool import Database
from shared.errors import CommandError
from shared.lease_keeper import LeaseKeeper
from shared.leases import Lease, count_held, forget
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Seconds between two looks; they are no hurry.
INTERVAL = 10.0
#: Sessions above its share that a replica may have, so that they do not wander to and fro.
_SLACK = 1
#: Sessions that are given up at a time.
_AT_ONCE = 4
_PREFIX = "replica."
#: Seconds after which a silent replica is forgotten. Each process has a name of its own, so those that were killed
#: leave their leases behind.
_SILENCE = 3600.0

_log = logger("fair_share")


def surplus(total: int, owned: int, replicas: int) -> int:
    """Return how many of its `owned` sessions one of `replicas` should give up, where there are `total`."""
    share = -(-total // max(1, replicas))
    return min(_AT_ONCE, max(0, owned - share - _SLACK))


class FairShare:
    """Looks now and then whether this replica has more than its share."""

    def __init__(
        self,
        database: Database,
        owner: str,
        count: Callable[[], tuple[int, int]],
        give_up: Callable[[int], Awaitable[None]],
        *,
        seconds: float,
        interval: float = INTERVAL,
    ) -> None:
        """`count` returns how many sessions there are, and how many of them are owned here."""
        self._database = database
        self._count = count
        self._give_up = give_up
        self._interval = interval
        self._presence = LeaseKeeper(database, f"{_PREFIX}{owner}", owner, _noted, _noted, seconds=seconds)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Say that this replica is there, and begin to look."""
        await self._presence.start()
        self._task = asyncio.create_task(self._keep_looking(), name="fair share")

    async def stop(self) -> None:
        """Say that this replica is gone."""
        await end_task(self._task)
        await self._presence.stop()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await forget(self._database, _PREFIX, _SILENCE)
                replicas = await count_held(self._database, _PREFIX)
            except (CommandError, asyncpg.PostgresError) as error:
                _log.info("replicas not counted", error=type(error).__name__)
                continue
            total, owned = self._count()
            too_many = surplus(total, owned, replicas)
            if too_many:
                _log.info("sessions given up to others", count=too_many, owned=owned, total=total, replicas=replicas)
                await self._give_up(too_many)


async def _noted(_: Lease) -> None:
    """Do nothing: that the lease is there is all that counts."""
