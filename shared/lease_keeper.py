"""Keeps one lease: takes it as soon as it is free, renews it, and says when it is gained and lost."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from shared.backoff import Backoff
from shared.database.pool import Database
from shared.errors import CommandError
from shared.leases import Lease, acquire, release, renew
from shared.tasks import end_task
from shared.telemetry.logs import logger
from shared.telemetry.outage import Outage

#: Why a lease ends that its owner gives back.
_STOPPED = "stopped"


class LeaseKeeper:
    """Takes the lease `name` as soon as it is free and keeps it; says when it is gained and when it is lost.

    `seconds` is how long it lasts without a renewal; it is renewed three times in that time. `lost` is awaited as soon
    as the lease may have ended: when PostgreSQL says so, or when it was not reached for so long. That is a courtesy:
    what must not happen without the lease is fenced by `hold` or `insert_fenced`.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        owner: str,
        gained: Callable[[Lease], Awaitable[None]],
        lost: Callable[[Lease], Awaitable[None]],
        *,
        seconds: float = 10.0,
    ) -> None:
        self._database = database
        self._name = name
        self._owner = owner
        self._gained = gained
        self._lost = lost
        self._seconds = seconds
        self._lease: Lease | None = None
        self._task: asyncio.Task[None] | None = None
        self._log = logger("lease").bind(name=name, owner=owner)
        self._outage = Outage(self._log, "lease not reachable", "lease reachable again")

    @property
    def lease(self) -> Lease | None:
        """The lease, as far as is known here; None when it is somebody else's or nobody's."""
        return self._lease

    async def start(self) -> None:
        """Begin to try; returns at once."""
        self._task = asyncio.create_task(self._run(), name=f"lease {self._name}")

    async def stop(self) -> None:
        """Stop, await `lost` if the lease was ours, and let go of it."""
        await end_task(self._task)
        self._task = None
        lease = self._lease
        if lease is not None:
            await self._lose(_STOPPED)
            with contextlib.suppress(CommandError):  # it ends by itself
                await release(self._database, lease)

    async def _run(self) -> None:
        backoff = Backoff(self._seconds / 10, self._seconds / 3)
        while True:
            try:
                lease = await self._tenure()
                if lease is not None:
                    backoff.reset()
            except Exception:
                # What `gained` or `lost` raise must not end the keeping of a lease that others wait for.
                self._log.exception("lease not kept")
                if self._lease is not None:
                    await self._lose("its owner failed")
            await backoff.wait()

    async def _tenure(self) -> Lease | None:
        """Try to take the lease and keep it as long as can be; return it when it is over, None if it was not free."""
        asked = asyncio.get_running_loop().time()
        try:
            lease = await acquire(self._database, self._name, self._owner, self._seconds)
        except CommandError as error:
            self._outage.away(error=error.code.value)
            return None
        self._outage.back()
        if lease is None:
            return None
        self._lease = lease
        self._log.info("lease gained", epoch=lease.epoch)
        keeping = asyncio.create_task(self._keep(lease, asked + self._seconds))
        try:
            await self._gained(lease)
            reason = await keeping
        finally:
            keeping.cancel()
        await self._lose(reason)
        return lease

    async def _keep(self, lease: Lease, until: float) -> str:
        """Renew until the lease is lost; return why. `until` is when it ends at the earliest, by the loop's clock."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(self._seconds / 3, max(until - loop.time(), 0)))
            if loop.time() >= until:
                return "not renewed in time"
            asked = loop.time()
            try:
                async with asyncio.timeout_at(until):
                    if not await renew(self._database, lease, self._seconds):
                        return "taken over"
            except (CommandError, TimeoutError) as error:
                self._log.warning("lease not renewed", epoch=lease.epoch, error=type(error).__name__)
            else:
                until = asked + self._seconds

    async def _lose(self, reason: str) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            log = self._log.info if reason == _STOPPED else self._log.warning
            log("lease ended", epoch=lease.epoch, reason=reason)
            await self._lost(lease)
