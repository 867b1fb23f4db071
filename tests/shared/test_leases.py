"""Only one may act, by PostgreSQL's clock alone, whoever sleeps, dies or was cut off."""

import asyncio
import random
import signal
import struct
from typing import Any

import asyncpg
import psutil
import pytest

from shared.database.pool import Database
from shared.leases import Lease, acquire, count_held, forget, hold, insert_fenced, release, renew
from shared.settings import DatabaseSettings
from tests.eventually import eventually
from tests.stand_ins.programs import Program

NAME = "session"


async def expire(database: Database, name: str = NAME) -> None:
    """Let the lease end now, as if its time had passed."""
    await database.execute("UPDATE leases SET expires_at = clock_timestamp() WHERE name = $1", name)


async def write(database: Database, lease: Lease) -> bool:
    async with database.transaction() as connection:
        return await insert_fenced(connection, lease, "effects", {"seq": lease.epoch, "name": lease.owner})


async def test_a_lease_has_one_owner(database: Database) -> None:
    first = await acquire(database, NAME, "a", 60)
    assert first == Lease(NAME, "a", 1)
    assert await acquire(database, NAME, "b", 60) is None
    assert await acquire(database, NAME, "a", 60) is None
    assert await acquire(database, "another", "b", 60) == Lease("another", "b", 1)


async def test_of_many_that_want_a_free_lease_one_gets_it(database: Database) -> None:
    for epoch in (1, 2):
        got = await asyncio.gather(*(acquire(database, NAME, f"o{number}", 60) for number in range(20)))
        (lease,) = [lease for lease in got if lease is not None]
        assert lease.epoch == epoch
        await expire(database)


async def test_a_lease_that_ended_is_lost_for_good_also_when_nobody_took_it(database: Database) -> None:
    lease = await acquire(database, NAME, "a", 60)
    assert lease is not None
    await expire(database)
    assert not await renew(database, lease, 60)
    assert not await write(database, lease)
    again = await acquire(database, NAME, "a", 60)
    assert again == Lease(NAME, "a", 2)
    assert not await renew(database, lease, 60)
    assert await renew(database, again, 60)


async def test_a_released_lease_is_free_at_once_and_only_its_owner_can_release_it(database: Database) -> None:
    first = await acquire(database, NAME, "a", 60)
    assert first is not None
    await release(database, first)
    second = await acquire(database, NAME, "b", 60)
    assert second == Lease(NAME, "b", 2)
    await release(database, first)
    assert await acquire(database, NAME, "c", 60) is None


async def test_a_fenced_write_needs_the_very_tenure(database: Database) -> None:
    first = await acquire(database, NAME, "a", 60)
    assert first is not None
    assert await write(database, first)
    await expire(database)
    second = await acquire(database, NAME, "b", 60)
    assert second is not None
    assert not await write(database, first)
    assert not await write(database, Lease(NAME, "b", 1))
    assert not await write(database, Lease("unknown", "b", 2))
    assert await write(database, second)
    assert [row["name"] for row in await database.fetch("SELECT name FROM effects ORDER BY id")] == ["a", "b"]


async def test_who_has_written_keeps_the_lease_until_the_commit(database: Database) -> None:
    lease = await acquire(database, NAME, "a", 1.0)
    assert lease is not None
    async with database.transaction() as connection:
        assert await hold(connection, lease)
        taking = asyncio.create_task(acquire(database, NAME, "b", 60))

        async def waits() -> bool:
            return bool(await database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        async def ended() -> bool:
            return bool(await database.fetchval("SELECT expires_at < clock_timestamp() FROM leases"))

        await eventually(ended)
        # An attempt from before the end sees a lease that holds; one from after it waits for this transaction.
        if taking.done():
            assert await taking is None
            taking = asyncio.create_task(acquire(database, NAME, "b", 60))
        await eventually(waits)
        assert not taking.done()
    assert await taking == Lease(NAME, "b", 2)


async def test_over_any_schedule_no_two_are_valid_at_once(database: Database, seed: int) -> None:
    """Owners take, renew, release, lose and write in any order, at once; every write lies within its tenure."""
    rng = random.Random(seed)
    tenures: dict[int, str] = {}

    async def owner(name: str, chance: random.Random) -> None:
        lease: Lease | None = None
        for _ in range(60):
            match chance.choice(["acquire", "renew", "release", "write", "write", "write", "expire"]):
                case "acquire":
                    got = await acquire(database, NAME, name, 60)
                    if got is not None:
                        assert got.epoch not in tenures, "an epoch was given twice"
                        tenures[got.epoch] = name
                        lease = got
                case "renew" if lease is not None:
                    await renew(database, lease, 60)
                case "release" if lease is not None:
                    await release(database, lease)  # and goes on as if it had not
                case "write" if lease is not None:
                    await write(database, lease)
                case "expire" if chance.random() < 0.3:
                    await expire(database)

    await asyncio.gather(*(owner(f"o{number}", random.Random(rng.random())) for number in range(5)))
    rows = await database.fetch("SELECT seq AS epoch, name FROM effects ORDER BY id")
    assert rows
    epochs = [row["epoch"] for row in rows]
    assert epochs == sorted(epochs), "an owner wrote after the next one"
    assert all(tenures[row["epoch"]] == row["name"] for row in rows)


@pytest.mark.parametrize(
    ("when", "outcome"), [("between", "refused"), ("before", "unavailable"), ("behind", "outcome_unknown")]
)
async def test_a_process_that_was_stopped_wakes_and_writes_nothing(
    when: str, outcome: str, ledger: DatabaseSettings, database: Database
) -> None:
    program = Program(ledger, "tests.stand_ins.ledger.lease_holder", "sleeper", "3", when)
    await program.start()
    try:
        assert await program.line() == "held"
        await eventually(lambda: psutil.Process(program.process.pid).status() == psutil.STATUS_STOPPED)
        gained: list[Lease] = []

        async def taken() -> bool:
            gained.extend(filter(None, [await acquire(database, NAME, "heir", 60)]))
            return bool(gained)

        # Stopped inside a transaction, it keeps the lease's row locked until PostgreSQL ends its session.
        await eventually(taken)
        assert await write(database, gained[0])
        program.signal(signal.SIGCONT)
        assert await program.line() == outcome
        assert await program.line() == "refused"
        rows = await database.fetch("SELECT name FROM effects ORDER BY id")
        assert [row["name"] for row in rows] == ["sleeper"] * 3 + ["heir"]
    finally:
        await program.kill()


async def test_leases_are_counted_by_the_beginnings_of_their_names_while_somebody_has_them(database: Database) -> None:
    for name in ("replica.a", "replica.b", "replica.c", "replica_d", "session"):
        assert await acquire(database, name, "a", 60) is not None
    await expire(database, "replica.b")
    assert await count_held(database, "replica.") == 2
    assert await count_held(database, "%") == 0


async def test_what_ended_long_ago_is_forgotten_and_nothing_else(database: Database) -> None:
    for name in ("replica.new", "replica.just_now", "replica.old", "replica.released", "session"):
        lease = await acquire(database, name, "a", 60)
        assert lease is not None
        if name == "replica.released":
            await release(database, lease)
    await expire(database, "replica.just_now")
    await database.execute(
        "UPDATE leases SET expires_at = clock_timestamp() - interval '61 s' WHERE name IN ('replica.old', 'session')"
    )
    await forget(database, "replica.", 60)
    left = {row["name"] for row in await database.fetch("SELECT name FROM leases")}
    assert left == {"replica.new", "replica.just_now", "session"}


async def test_names_are_not_sql(database: Database) -> None:
    name = "x'; DROP TABLE leases; --"
    assert await acquire(database, name, name, 60) == Lease(name, name, 1)
    assert await write(database, Lease(name, name, 1))


async def test_who_is_silent_in_the_middle_of_a_query_does_not_keep_an_expired_lease(
    ledger: DatabaseSettings, database: Database
) -> None:
    """asyncpg prepares with Flush and not Sync: PostgreSQL does not count that as idle in a transaction."""
    held = await acquire(database, NAME, "stopped", 0.5)
    assert held is not None
    reader, writer = await _raw_session(ledger)
    await _say(reader, writer, b"Q", b"BEGIN; SELECT FROM leases FOR SHARE\0", until=b"Z")
    writer.write(_message(b"P", b"\0SELECT 1\0\0\0") + _message(b"H", b""))  # Parse, Flush, and not a word more
    gained: list[Lease] = []

    async def taken() -> bool:
        gained.extend(filter(None, [await acquire(database, NAME, "heir", 60)]))
        return bool(gained)

    await eventually(taken)
    assert gained[0].epoch == held.epoch + 1
    writer.close()


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">I", len(body) + 4) + body


async def _raw_session(settings: DatabaseSettings) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Speak PostgreSQL's protocol by hand, as no library stops in the middle of it."""
    probe: Any = await asyncpg.connect(settings.database_url.get_secret_value())
    parameters = probe._params
    address = probe._addr
    await probe.close()
    opened = asyncio.open_unix_connection(address) if isinstance(address, str) else asyncio.open_connection(*address)
    reader, writer = await opened
    fields = {
        "user": parameters.user,
        "database": parameters.database,
        "application_name": "hummingbus ledger",
        "search_path": "ledger",
    }
    text = b"".join(f"{name}\0{value}\0".encode() for name, value in fields.items()) + b"\0"
    writer.write(struct.pack(">II", len(text) + 8, 196608) + text)
    await _until(reader, b"Z")
    return reader, writer


async def _say(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: bytes, body: bytes, *, until: bytes
) -> None:
    writer.write(_message(kind, body))
    await _until(reader, until)


async def _until(reader: asyncio.StreamReader, wanted: bytes) -> None:
    while True:
        kind = await reader.readexactly(1)
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        body = await reader.readexactly(length - 4)
        assert kind != b"E", body
        if kind == wanted:
            return
