"""A process that takes a lease, writes fenced rows, stops itself in the middle (SIGSTOP), and writes on when woken.

`python -m tests.stand_ins.ledger.lease_holder <owner> <seconds> <when>`: `when` is one of `POINTS`. It prints `held`
when it has the lease, and after its wake what became of the write under way and of twenty more.
"""

import asyncio
import os
import signal
import sys

from shared.database.pool import Database
from shared.errors import CommandError
from shared.leases import Lease, acquire, insert_fenced
from shared.settings import DatabaseSettings, load
from shared.telemetry.logs import configure_logs

#: Where it stops: between two transactions, inside one before its write, or behind the write and before the commit.
POINTS = ("between", "before", "behind")
_WRITES_BEFORE = 3
_WRITES_AFTER = 20


def stop() -> None:
    """Sleep until somebody sends SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


async def write(database: Database, lease: Lease, stop_at: str) -> str:
    """Write a row with the lease; return what came of it."""
    try:
        async with database.transaction() as connection:
            if stop_at == "before":
                stop()
            done = await insert_fenced(connection, lease, "effects", {"seq": lease.epoch, "name": lease.owner})
            if stop_at == "behind":
                stop()
    except CommandError as error:
        return error.code.value
    return "written" if done else "refused"


async def main(owner: str, seconds: float, when: str) -> None:
    """Take the lease and write."""
    configure_logs()
    database = Database(load(DatabaseSettings), "ledger", idle_in_transaction=1_000)
    await database.start()
    lease = await acquire(database, "session", owner, seconds)
    assert lease is not None, "expected a free lease"
    for _ in range(_WRITES_BEFORE):
        assert await write(database, lease, "") == "written"
    print("held", flush=True)  # noqa: T201
    if when == "between":
        stop()
    print(await write(database, lease, when), flush=True)  # noqa: T201
    print(*{await write(database, lease, "") for _ in range(_WRITES_AFTER)}, flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), sys.argv[3]))
