"""A keeper takes a lease when it is free, keeps it, and says when it is gained and lost."""

import time

from shared.database.pool import Database
from shared.lease_keeper import LeaseKeeper
from shared.leases import Lease
from shared.settings import DatabaseSettings
from tests.eventually import eventually

NAME = "session"


async def steal(database: Database) -> None:
    """Give the lease to somebody else, for a moment, before its keeper can take it again."""
    await database.execute(
        "UPDATE leases SET owner = 'thief', epoch = epoch + 1, expires_at = clock_timestamp() + interval '0.5 s'"
        " WHERE name = $1",
        NAME,
    )


class Watch:
    """What a keeper said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, int]] = []
        self.lost_at = 0.0

    async def gained(self, lease: Lease) -> None:
        self.said.append(("gained", lease.epoch))

    async def lost(self, lease: Lease) -> None:
        self.said.append(("lost", lease.epoch))
        self.lost_at = time.time()


def keeper(database: Database, owner: str, watch: Watch, seconds: float = 3.0) -> LeaseKeeper:
    """Make a keeper; by default its lease is long enough for a busy machine to renew it in time."""
    return LeaseKeeper(database, NAME, owner, watch.gained, watch.lost, seconds=seconds)


async def test_a_keeper_keeps_its_lease_and_hands_it_over_when_it_stops(database: Database) -> None:
    one, other = Watch(), Watch()
    first, second = keeper(database, "a", one), keeper(database, "b", other)
    await first.start()
    await eventually(lambda: first.lease is not None)
    await second.start()
    until = await database.fetchval("SELECT expires_at + interval '0.5 s' FROM leases")

    async def renewed() -> bool:
        return bool(await database.fetchval("SELECT expires_at > $1 FROM leases", until))

    await eventually(renewed)
    assert (one.said, other.said) == ([("gained", 1)], [])
    await first.stop()
    await eventually(lambda: second.lease is not None)
    assert (one.said, other.said) == ([("gained", 1), ("lost", 1)], [("gained", 2)])
    await second.stop()


async def test_a_keeper_says_that_its_lease_was_taken(database: Database) -> None:
    watch = Watch()
    kept = keeper(database, "a", watch)
    await kept.start()
    await eventually(lambda: kept.lease is not None)
    await steal(database)
    await eventually(lambda: ("lost", 1) in watch.said)
    await eventually(lambda: ("gained", 3) in watch.said)
    await kept.stop()


async def test_a_keeper_that_cannot_ask_says_so_before_somebody_else_can_have_the_lease(
    database: Database, ledger: DatabaseSettings
) -> None:
    away = Database(ledger, "ledger")
    await away.start()
    watch = Watch()
    kept = keeper(away, "a", watch)
    await kept.start()
    await eventually(lambda: kept.lease is not None)
    pool, away._pool = away._pool, None
    await eventually(lambda: ("lost", 1) in watch.said)
    ended_at = float(await database.fetchval("SELECT extract(epoch FROM expires_at) FROM leases"))
    assert watch.lost_at < ended_at + 0.5  # the machine may be busy in the very moment
    away._pool = pool
    await eventually(lambda: kept.lease is not None)
    await kept.stop()
    await away.stop()


async def test_a_keeper_survives_an_owner_that_fails(database: Database) -> None:
    watch = Watch()
    failed: list[int] = []

    async def fails_once(lease: Lease) -> None:
        if not failed:
            failed.append(lease.epoch)
            raise RuntimeError("on purpose")
        await watch.gained(lease)

    kept = LeaseKeeper(database, NAME, "a", fails_once, watch.lost, seconds=0.3)
    await kept.start()
    await eventually(lambda: ("gained", 2) in watch.said)
    assert watch.said[0] == ("lost", 1)
    await kept.stop()
