"""Each event is taken in once, whoever claims it and however often, while the floor is raised."""

import asyncio
import random

from shared.database.pool import Database
from shared.events.inbox import Inbox
from tests.eventually import eventually
from tests.stand_ins.ledger.contract import SERVICE


async def claim(database: Database, inbox: Inbox, *seqs: int) -> set[int]:
    async with database.transaction() as connection:
        return await inbox.claim(connection, seqs)


async def compact(database: Database, inbox: Inbox) -> tuple[int, list[int]]:
    """Compact, and return the floor and what lies above it."""
    async with database.transaction() as connection:
        await inbox.compact(connection)
    async with database.transaction() as connection:
        rows = await connection.fetch("SELECT seq FROM inbox ORDER BY seq")
        return await inbox.floor(connection), [row["seq"] for row in rows]


async def opened(database: Database, floor: int = 0, name: str = "view") -> Inbox:
    inbox = Inbox(name, SERVICE)
    async with database.transaction() as connection:
        await inbox.open(connection, floor)
    return inbox


async def test_what_was_claimed_is_not_claimed_again(database: Database) -> None:
    inbox = await opened(database)
    assert await claim(database, inbox, 1, 2, 2, 4) == {1, 2, 4}
    assert await claim(database, inbox, 2, 3, 4) == {3}


async def test_a_claim_that_is_rolled_back_was_none(database: Database) -> None:
    inbox = await opened(database)
    connection = await database.connect()
    transaction = connection.transaction()
    await transaction.start()
    assert await inbox.claim(connection, [1]) == {1}
    await transaction.rollback()
    await connection.close()
    assert await claim(database, inbox, 1) == {1}


async def test_two_consumers_have_nothing_to_do_with_each_other(database: Database) -> None:
    one, other = await opened(database), await opened(database, name="other")
    assert await claim(database, one, 1) == {1}
    assert await claim(database, other, 1) == {1}


async def test_the_floor_rises_to_the_first_hole(database: Database) -> None:
    inbox = await opened(database)
    await claim(database, inbox, 1, 2, 3, 5, 6)
    assert await compact(database, inbox) == (3, [5, 6])
    assert await claim(database, inbox, 1, 3, 4, 5) == {4}
    assert await compact(database, inbox) == (6, [])
    assert await compact(database, inbox) == (6, [])


async def test_a_hole_that_nothing_can_fill_any_more_is_passed(database: Database) -> None:
    inbox = await opened(database)
    await claim(database, inbox, 1, 5, 6)
    await database.execute("UPDATE inbox SET taken_at = now() - interval '10 days' WHERE seq = 5")
    assert await compact(database, inbox) == (5, [6])


async def test_an_inbox_that_begins_later_waits_for_nothing_before(database: Database) -> None:
    inbox = await opened(database, 100)
    await opened(database, 0)
    assert await claim(database, inbox, 100, 101) == {101}


async def test_while_a_claim_is_not_committed_the_floor_stays(database: Database) -> None:
    inbox = await opened(database)
    await claim(database, inbox, 1, 2)
    async with database.transaction() as claiming:
        await inbox.claim(claiming, [3])
        assert (await compact(database, inbox))[0] == 0
    assert (await compact(database, inbox))[0] == 3


async def test_a_claim_waits_for_the_end_of_another_one(database: Database) -> None:
    inbox = await opened(database)
    async with database.transaction() as first:
        await inbox.claim(first, [1])
        second = asyncio.create_task(claim(database, inbox, 1))

        async def waits() -> bool:
            return bool(await database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await eventually(waits)
        assert not second.done()
    assert await second == set()


async def test_many_replicas_claim_and_compact_at_once(database: Database, seed: int) -> None:
    """Deliveries in disorder, repeated, some rolled back, with clean-ups in between: each is claimed exactly once."""
    chance = random.Random(seed)
    inbox = await opened(database)
    claimed: list[int] = []

    async def replica(rng: random.Random) -> None:
        for _ in range(40):
            if rng.random() < 0.2:
                await compact(database, inbox)
                continue
            low = rng.randrange(1, 120)
            seqs = [rng.randrange(low, low + 12) for _ in range(6)]
            connection = await database.connect()
            transaction = connection.transaction()
            await transaction.start()
            new = await inbox.claim(connection, seqs)
            if rng.random() < 0.3:
                await transaction.rollback()
            else:
                await transaction.commit()
                claimed.extend(new)
            await connection.close()

    await asyncio.gather(*(replica(random.Random(chance.random())) for _ in range(4)))
    claimed.extend(await claim(database, inbox, *range(1, 140)))
    assert sorted(claimed) == list(range(1, 140))
    assert await compact(database, inbox) == (139, [])
