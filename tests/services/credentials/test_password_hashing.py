"""Hashes of passwords."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.credentials.password_hashing import MAX_WAITING, WORKERS, PasswordHasher
from shared.errors import CommandError, ErrorCode


@pytest.fixture
async def hasher() -> AsyncIterator[PasswordHasher]:
    hasher = PasswordHasher()
    yield hasher
    await hasher.close()


async def test_a_hash_is_of_its_password_alone(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("pässword")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hasher.verify("pässword", stored)
    assert not await hasher.verify("password", stored)
    assert not await hasher.verify("", stored)
    assert stored != await hasher.hash("pässword")


async def test_nobody_has_a_password(hasher: PasswordHasher) -> None:
    assert not await hasher.verify("anything", None)


async def test_who_comes_when_too_many_wait_is_sent_away_and_others_are_served(hasher: PasswordHasher) -> None:
    room = WORKERS + MAX_WAITING
    results = await asyncio.gather(*(hasher.verify("x", None) for _ in range(room + 5)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, CommandError)]
    assert [error.code for error in refused] == [ErrorCode.BUSY] * 5
    assert results.count(False) == room
    assert not await hasher.verify("x", None)


async def test_the_loop_runs_on_while_a_hash_is_made(hasher: PasswordHasher) -> None:
    hashing = asyncio.gather(*(hasher.hash("x") for _ in range(8)))
    turns = 0
    while not hashing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 10
