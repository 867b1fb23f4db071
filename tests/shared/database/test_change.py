"""A change remembers what it told: that of the attempt which was committed, and nothing that was refused."""

import asyncpg
import pytest

from shared.database.change import Change, Told
from shared.database.pool import Database
from shared.database.unit_of_work import EVENT_MAX_BYTES, UnitOfWork, Work
from tests.stand_ins.ledger.contract import CHANGED, Changed


async def stored(database: Database) -> list[int]:
    return [row["id"] for row in await database.fetch("SELECT id FROM outbox ORDER BY id")]


async def test_what_is_told_is_stored_and_remembered_in_its_order(database: Database) -> None:
    told: Told = []

    async def effect(work: Work) -> None:
        change = Change(work, told)
        for version in (1, 2, 3):
            change.tell(CHANGED, Changed("a", 7, version))

    _, event_ids = await UnitOfWork(database, None).change("alice", effect)
    assert told == [(CHANGED, Changed("a", 7, version)) for version in (1, 2, 3)]
    assert await stored(database) == list(event_ids)


async def test_an_attempt_that_lost_a_race_leaves_nothing_behind(database: Database) -> None:
    told: Told = []
    attempts = 0

    async def effect(work: Work) -> None:
        nonlocal attempts
        attempts += 1
        change = Change(work, told)
        change.tell(CHANGED, Changed("a", attempts, 1))
        if attempts < 3:
            raise asyncpg.SerializationError("somebody was faster")

    await UnitOfWork(database, None).change("alice", effect)
    assert told == [(CHANGED, Changed("a", 3, 1))]
    assert len(await stored(database)) == 1


async def test_an_event_that_could_not_be_published_is_not_remembered(database: Database) -> None:
    told: Told = []

    async def effect(work: Work) -> None:
        Change(work, told).tell(CHANGED, Changed("a" * EVENT_MAX_BYTES, 1, 1))

    with pytest.raises(ValueError, match="expected at most"):
        await UnitOfWork(database, None).change("alice", effect)
    assert told == []
    assert await stored(database) == []
