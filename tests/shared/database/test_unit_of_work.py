"""A command's effect, events and stored reply: all of them once, or none."""

import asyncio
import time
from hashlib import blake2b

import asyncpg
import msgspec
import pytest

from shared.bus.messages import Call
from shared.database import unit_of_work
from shared.database.pool import Database
from shared.database.unit_of_work import EVENT_MAX_BYTES, UnitOfWork, Work
from shared.errors import CommandError, ErrorCode
from shared.telemetry.trace import TraceContext
from tests.stand_ins.ledger.contract import CHANGE, CHANGED, LOOK, SECRET, Change, Changed
from tests.stand_ins.ledger.schema import call, change

A = Change("a", 5)
HASH_KEY = b"k" * 32


class Woken:
    """Counts how often a relay was woken."""

    def __init__(self) -> None:
        self.times = 0

    def wake(self) -> None:
        self.times += 1


@pytest.fixture
def relay() -> Woken:
    return Woken()


@pytest.fixture
def work(database: Database, relay: Woken) -> UnitOfWork:
    return UnitOfWork(database, relay, HASH_KEY)


async def entries(database: Database) -> dict[str, int]:
    return {row["name"]: row["version"] for row in await database.fetch("SELECT * FROM entries")}


async def outbox(database: Database) -> list[asyncpg.Record]:
    return await database.fetch("SELECT * FROM outbox ORDER BY id")


async def test_a_command_leaves_its_effect_its_event_and_its_reply(
    work: UnitOfWork, database: Database, relay: Woken
) -> None:
    trace = TraceContext.new()
    came = Call(CHANGE.key, "alice", msgspec.json.encode(A), time.time() + 5, key="k", trace=trace)
    reply = await work.run(CHANGE, came, change(A))
    assert msgspec.json.decode(reply.body, type=Changed) == Changed("a", 5, 1)
    (row,) = await outbox(database)
    assert reply.events == (row["id"],)
    assert (row["seq"], row["subject"], row["kind"]) == (None, "ledger.entry.changed.a", "ledger.entry.changed")
    assert (row["actor"], row["account"], row["bot"], row["trace"]) == ("alice", "a", None, str(trace))
    assert msgspec.json.decode(row["data"], type=Changed) == Changed("a", 5, 1)
    assert relay.times == 1


async def test_a_repetition_gets_the_first_reply_and_does_nothing(
    work: UnitOfWork, database: Database, relay: Woken
) -> None:
    first = await work.run(CHANGE, call(A, key="k"), change(A))
    await work.run(CHANGE, call(A), change(A))
    again = await work.run(CHANGE, call(A, key="k"), change(A))
    assert again == first
    assert await entries(database) == {"a": 2}
    assert relay.times == 2


async def test_the_same_key_with_another_request_is_a_conflict(work: UnitOfWork, database: Database) -> None:
    await work.run(CHANGE, call(A, key="k"), change(A))
    other = Change("a", 6)
    with pytest.raises(CommandError) as caught:
        await work.run(CHANGE, call(other, key="k"), change(other))
    assert caught.value.code is ErrorCode.CONFLICT
    assert await entries(database) == {"a": 1}


async def test_keys_of_two_actors_have_nothing_to_do_with_each_other(work: UnitOfWork, database: Database) -> None:
    await work.run(CHANGE, call(A, key="k", actor="alice"), change(A))
    await work.run(CHANGE, call(A, key="k", actor="bob"), change(A))
    assert await entries(database) == {"a": 2}


async def test_of_many_at_once_with_one_key_one_is_done_and_all_get_its_reply(
    work: UnitOfWork, database: Database
) -> None:
    replies = await asyncio.gather(*(work.run(CHANGE, call(A, key="k"), change(A)) for _ in range(8)))
    assert len(set(replies)) == 1
    assert await entries(database) == {"a": 1}
    assert len(await outbox(database)) == 1


async def test_a_duplicate_that_cannot_wait_for_the_first_is_told_that_the_outcome_is_unknown(
    work: UnitOfWork,
) -> None:
    going, proceed = asyncio.Event(), asyncio.Event()

    async def slow(inside: Work) -> Changed:
        going.set()
        await proceed.wait()
        return await change(A)(inside)

    first = asyncio.create_task(work.run(CHANGE, call(A, key="k"), slow))
    await going.wait()
    with pytest.raises(CommandError) as caught:
        await work.run(CHANGE, call(A, key="k", seconds=1.0), change(A))
    assert (caught.value.code, caught.value.key) == (ErrorCode.OUTCOME_UNKNOWN, "k")
    proceed.set()
    assert await work.run(CHANGE, call(A, key="k"), change(A)) == await first


async def test_an_effect_that_raises_leaves_nothing_not_even_its_key(work: UnitOfWork, database: Database) -> None:
    async def refuses(inside: Work) -> Changed:
        await change(A)(inside)
        raise CommandError(ErrorCode.REFUSED, "no")

    with pytest.raises(CommandError, match="no"):
        await work.run(CHANGE, call(A, key="k"), refuses)
    assert await entries(database) == {}
    assert await outbox(database) == []
    await work.run(CHANGE, call(A, key="k"), change(A))
    assert await entries(database) == {"a": 1}


async def test_work_past_its_deadline_is_not_begun(work: UnitOfWork, database: Database) -> None:
    with pytest.raises(CommandError) as caught:
        await work.run(CHANGE, call(A, seconds=-0.1), change(A))
    assert caught.value.code is ErrorCode.EXPIRED
    assert await entries(database) == {}


@pytest.mark.parametrize("command", [SECRET, LOOK])
async def test_a_key_is_refused_where_no_reply_may_be_stored(command: type, work: UnitOfWork) -> None:
    with pytest.raises(CommandError) as caught:
        await work.run(command, call(A, key="k"), change(A))  # type: ignore[arg-type]
    assert caught.value.code is ErrorCode.INVALID


@pytest.mark.parametrize("key", ["", "x" * 257, "a\0b"])
async def test_a_key_that_is_none_is_refused(key: str, work: UnitOfWork) -> None:
    with pytest.raises(CommandError) as caught:
        await work.run(CHANGE, call(A, key=key), change(A))
    assert caught.value.code is ErrorCode.INVALID


async def test_a_request_is_stored_only_as_a_keyed_hash(work: UnitOfWork, database: Database) -> None:
    came = call(A, key="k")
    await work.run(CHANGE, came, change(A))
    stored = await database.fetchval("SELECT request_hash FROM idempotency")
    assert stored == blake2b(came.body, key=HASH_KEY, digest_size=32).digest()


async def test_a_lost_commit_is_an_unknown_outcome_with_the_key_to_ask_by(work: UnitOfWork, database: Database) -> None:
    await database.execute(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
    )
    await database.execute(
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION die()"
    )
    with pytest.raises(CommandError) as caught:
        await work.run(CHANGE, call(A, key="k"), change(A))
    assert (caught.value.code, caught.value.key) == (ErrorCode.OUTCOME_UNKNOWN, "k")


async def test_transactions_that_deadlock_are_run_again(work: UnitOfWork, database: Database) -> None:
    names = ("a", "b")
    for name in names:
        await work.run(CHANGE, call(Change(name)), change(Change(name)))
    meet = asyncio.Barrier(2)
    met: set[str] = set()

    async def both(first: str, second: str) -> None:
        async def effect(inside: Work) -> Changed:
            await change(Change(first))(inside)
            if first not in met:
                met.add(first)
                await meet.wait()
            return await change(Change(second))(inside)

        await work.run(CHANGE, call(A), effect)

    await asyncio.gather(both("a", "b"), both("b", "a"))
    assert await entries(database) == {"a": 3, "b": 3}
    assert len(await outbox(database)) == 2 + 4


async def test_transactions_that_always_lose_end_as_busy(
    work: UnitOfWork, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_of_work, "_ATTEMPTS", 2)
    tries = 0

    async def loses(inside: Work) -> Changed:
        nonlocal tries
        tries += 1
        raise asyncpg.SerializationError

    with pytest.raises(CommandError) as caught:
        await work.run(CHANGE, call(A), loses)
    assert caught.value.code is ErrorCode.BUSY
    assert tries == 2


async def test_several_events_of_one_change_are_in_their_order(work: UnitOfWork, database: Database) -> None:
    payloads = [Changed(f"n{number}", number, 1) for number in range(50)]
    ids = await work.tell("ledger", *((CHANGED, payload) for payload in payloads))
    rows = await outbox(database)
    assert ids == tuple(row["id"] for row in rows)
    assert [msgspec.json.decode(row["data"], type=Changed) for row in rows] == payloads


async def test_an_event_that_could_not_be_published_is_not_written(work: UnitOfWork, database: Database) -> None:
    with pytest.raises(ValueError, match="expected at most"):
        await work.tell("ledger", (CHANGED, Changed("x" * EVENT_MAX_BYTES, 1, 1)))
    assert await outbox(database) == []


async def test_without_a_database_nothing_was_done(database: Database, relay: Woken) -> None:
    await database.stop()
    with pytest.raises(CommandError) as caught:
        await UnitOfWork(database, relay).run(CHANGE, call(A, key="k"), change(A))
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert relay.times == 0


async def test_the_outcome_of_a_key_can_be_asked_for_before_the_work(work: UnitOfWork) -> None:
    assert await work.outcome(CHANGE, call(A, key="k")) is None
    reply = await work.run(CHANGE, call(A, key="k"), change(A))
    assert await work.outcome(CHANGE, call(A, key="k")) == reply
    assert await work.outcome(CHANGE, call(A, key="other")) is None
    assert await work.outcome(CHANGE, call(A)) is None
    with pytest.raises(CommandError) as caught:
        await work.outcome(CHANGE, call(Change("a", 6), key="k"))
    assert caught.value.code is ErrorCode.CONFLICT
