"""Who may act on something that only one may act on: rows in PostgreSQL, by its clock alone.

A lease has an owner, an end, and an epoch that grows with each new tenure. Nobody trusts a clock of their own, nor what
they believed a moment ago: a write that needs the lease is inserted *from* the lease's row, where owner, epoch and end
still hold, and holds that row still until its commit. A process that was stopped for a while and wakes writes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from shared.database.failures import Connection
from shared.database.pool import Database
from shared.telemetry.logs import logger

# One statement each, so that PostgreSQL judges them one after the other on the locked row. `clock_timestamp()` and not
# `now()`: a transaction may have waited long for the lock.
_ACQUIRE = """
INSERT INTO leases AS held (name, owner, epoch, expires_at)
VALUES ($1, $2, 1, clock_timestamp() + $3 * interval '1 second')
ON CONFLICT (name) DO UPDATE
SET owner = excluded.owner, epoch = held.epoch + 1, expires_at = clock_timestamp() + $3 * interval '1 second'
WHERE held.expires_at <= clock_timestamp()
RETURNING epoch
"""
_IS_TAKEN = "SELECT expires_at > clock_timestamp() FROM leases WHERE name = $1"
# Sessions of the same service whose process is silent in the middle of a transaction. PostgreSQL ends by itself those
# that are idle in it, but not those that have sent a part of a query (asyncpg prepares with Flush, not Sync).
_END_SILENT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = current_setting('application_name') AND datname = current_database() AND usename = current_user
AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND wait_event = 'ClientRead'
AND state_change < clock_timestamp() - $1 * interval '1 second'
"""
#: Seconds that a process may be silent in the middle of a transaction, when the lease that it holds still has expired.
_SILENCE = 2.0
_RENEW = """
UPDATE leases SET expires_at = clock_timestamp() + $4 * interval '1 second'
WHERE name = $1 AND owner = $2 AND epoch = $3 AND expires_at > clock_timestamp()
RETURNING true
"""
_RELEASE = """
UPDATE leases SET expires_at = '-infinity'
WHERE name = $1 AND owner = $2 AND epoch = $3 AND expires_at > clock_timestamp()
"""
_HOLD = """
SELECT true FROM leases
WHERE name = $1 AND owner = $2 AND epoch = $3 AND expires_at > clock_timestamp()
FOR SHARE
"""
# Of many at a time. Rows are locked in the order of their names, so that two who want some of the same don't wait for
# each other; of those that somebody holds none is locked.
_ACQUIRE_SET = """
INSERT INTO leases AS held (name, owner, epoch, expires_at)
SELECT wanted.name, $2, 1, clock_timestamp() + $3 * interval '1 second'
FROM unnest($1::text[]) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM leases WHERE leases.name = wanted.name AND expires_at > clock_timestamp())
ORDER BY wanted.name
ON CONFLICT (name) DO UPDATE
SET owner = excluded.owner, epoch = held.epoch + 1, expires_at = clock_timestamp() + $3 * interval '1 second'
WHERE held.expires_at <= clock_timestamp()
RETURNING name, epoch
"""
_MINE = """
WITH mine AS (
    SELECT name FROM leases JOIN unnest($1::text[], $2::bigint[]) AS kept (name, epoch) USING (name, epoch)
    WHERE owner = $3 AND expires_at > clock_timestamp() ORDER BY name FOR UPDATE OF leases
)
"""
_RENEW_SET = f"""{_MINE}
UPDATE leases SET expires_at = clock_timestamp() + $4 * interval '1 second' FROM mine WHERE leases.name = mine.name
RETURNING leases.name
"""
_END_SET = f"""{_MINE}
DELETE FROM leases USING mine WHERE leases.name = mine.name
"""
_COUNT_HELD = "SELECT count(*) FROM leases WHERE starts_with(name, $1) AND expires_at > clock_timestamp()"
# A row that somebody takes at that moment is not waited for, as they may wait for another one of these.
_FORGET = """
WITH old AS (
    SELECT name FROM leases WHERE starts_with(name, $1) AND expires_at < clock_timestamp() - $2 * interval '1 second'
    FOR UPDATE SKIP LOCKED
)
DELETE FROM leases USING old WHERE leases.name = old.name
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """A tenure of `name` by `owner`; `epoch` tells it from every other tenure of that name."""

    name: str
    owner: str
    epoch: int


async def acquire(database: Database, name: str, owner: str, seconds: float) -> Lease | None:
    """Take the lease for `seconds` from now, if nobody has it; return None if somebody has, `owner` itself included.

    The owner is one process and not one name of a service: a new one must not take itself for the one before.

    A process that was stopped in the middle of a transaction keeps the lease's row still, and nobody could have it.
    Where the lease has expired and its row cannot be had, such sessions are ended, and the next attempt succeeds.
    """
    if await database.fetchval(_IS_TAKEN, name):
        return None
    try:
        async with database.transaction() as connection:
            await connection.execute("SET LOCAL lock_timeout = '1s'")
            epoch = await connection.fetchval(_ACQUIRE, name, owner, seconds)
    except asyncpg.LockNotAvailableError:
        ended = await database.fetchval(_END_SILENT, _SILENCE)
        logger("lease").warning("lease expired, but its row is held", name=name, sessions_ended=ended)
        return None
    return None if epoch is None else Lease(name, owner, epoch)


async def renew(database: Database, lease: Lease, seconds: float) -> bool:
    """Let the lease end `seconds` from now; return False if it is lost, which is final."""
    renewed = await database.fetchval(_RENEW, lease.name, lease.owner, lease.epoch, seconds)
    return renewed is not None


async def release(database: Database, lease: Lease) -> None:
    """Let somebody else have it at once. A lease that is lost already is left alone."""
    await database.execute(_RELEASE, lease.name, lease.owner, lease.epoch)


async def acquire_set(database: Database, names: Collection[str], owner: str, seconds: float) -> dict[str, Lease]:
    """Take those of the leases that nobody has, in one statement; return them by their names."""
    rows = await database.fetch(_ACQUIRE_SET, list(names), owner, seconds)
    return {name: Lease(name, owner, epoch) for name, epoch in rows}


async def renew_set(database: Database, owner: str, leases: Collection[Lease], seconds: float) -> set[str]:
    """Let leases of `owner` end `seconds` from now, in one statement; return the names of those that are not lost."""
    rows = await database.fetch(_RENEW_SET, *_named(leases), owner, seconds)
    return {name for (name,) in rows}


async def end_set(database: Database, owner: str, leases: Collection[Lease]) -> None:
    """Let others have leases of `owner` at once, and forget that there were such. Lost ones are left alone.

    The next tenure of such a name has epoch 1 again: nothing may be fenced by leases that are ended so.
    """
    await database.execute(_END_SET, *_named(leases), owner)


async def expired(database: Database, names: Collection[str]) -> dict[str, datetime]:
    """Return those of the leases whose owner is gone, with the time of their end, by PostgreSQL's clock."""
    rows = await database.fetch(
        "SELECT name, CASE WHEN isfinite(expires_at) THEN expires_at ELSE clock_timestamp() END FROM leases"
        " WHERE name = ANY($1) AND expires_at <= clock_timestamp()",
        list(names),
    )
    return dict(map(tuple, rows))


async def count_held(database: Database, prefix: str) -> int:
    """Return how many leases whose names begin with `prefix` somebody has now."""
    return int(await database.fetchval(_COUNT_HELD, prefix))


async def forget(database: Database, prefix: str, seconds: float) -> None:
    """Delete the leases whose names begin with `prefix` and that ended more than `seconds` ago, or were released.

    Their epochs begin anew. So this is for names that nobody takes again, such as those of processes.
    """
    await database.execute(_FORGET, prefix, seconds)


def _named(leases: Collection[Lease]) -> tuple[list[str], list[int]]:
    return [lease.name for lease in leases], [lease.epoch for lease in leases]


async def hold(connection: Connection, lease: Lease) -> bool:
    """Return whether the lease is ours, and if so keep it from being taken over until this transaction ends."""
    return await connection.fetchval(_HOLD, lease.name, lease.owner, lease.epoch) is not None


async def insert_fenced(connection: Connection, lease: Lease, table: str, row: dict[str, Any]) -> bool:
    """Insert `row` (column to value) into `table` if the lease is ours at that moment; return whether it was.

    `table` and the columns are constants of the caller, never input.
    """
    places = ", ".join(f"${number}" for number in range(4, 4 + len(row)))
    status = await connection.execute(
        f"INSERT INTO {table} ({', '.join(row)}) SELECT {places} FROM ({_HOLD}) AS held",
        lease.name, lease.owner, lease.epoch, *row.values(),
    )  # fmt: skip
    return status == "INSERT 0 1"
