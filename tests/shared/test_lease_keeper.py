"""A keeper takes a lease when it is free, keeps it, and says when it is gained and lost."""

from shared.database.pool import Database
from shared.lease_keeper import LeaseKeeper
from shared.leases import Lease, acquire
from shared.settings import DatabaseSettings
from tests.eventually import eventually

NAME = "session"


async def expire(database: Database) -> None:
    """Let the lease end now, as if its time had passed."""
    await database.execute("UPDATE leases SET expires_at = clock_timestamp() WHERE name = $1", NAME)


class Watch:
    """What a keeper said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, int]] = []

    async def gained(self, lease: Lease) -> None:
        self.said.append(("gained", lease.epoch))

    async def lost(self, lease: Lease) -> None:
        self.said.append(("lost", lease.epoch))


def keeper(database: Database, owner: str, watch: Watch, seconds: float = 0.3) -> LeaseKeeper:
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
    await expire(database)
    assert await acquire(database, NAME, "thief", 0.5) is not None
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
    lost_before_the_end = False

    async def lost() -> bool:
        nonlocal lost_before_the_end
        said = ("lost", 1) in watch.said
        left = await database.fetchval("SELECT expires_at > clock_timestamp() - interval '0.1 s' FROM leases")
        lost_before_the_end = bool(said and left)
        return said

    await eventually(lost)
    assert lost_before_the_end
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
