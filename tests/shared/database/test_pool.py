"""What happens to queries when PostgreSQL is slow, is gone and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from hummingbus.stack.postgres_server import PostgresServer
from shared.database import pool
from shared.database.pool import Database
from shared.errors import CommandError, ErrorCode
from shared.settings import DatabaseSettings
from tests.eventually import eventually


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    async def body() -> None:
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO entries VALUES ('a', 1, 1)")
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await body()
    assert await database.fetchval("SELECT count(*) FROM entries") == 0


async def test_a_connection_goes_back_clean_after_a_transaction_that_raised(ledger: DatabaseSettings) -> None:
    database = Database(ledger.model_copy(update={"database_connections": 2}), "ledger")
    await database.start()
    for _ in range(5):
        with pytest.raises(asyncpg.UniqueViolationError):
            async with database.transaction() as connection:
                await connection.execute("INSERT INTO entries VALUES ('a', 1, 1), ('a', 1, 1)")
    assert await database.fetchval("SELECT pg_current_xact_id_if_assigned()") is None
    await database.stop()


async def test_the_search_path_is_the_schema(database: Database) -> None:
    assert await database.fetchval("SELECT current_schema()") == "ledger"


async def test_the_clock_offset_is_ours_minus_theirs(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert abs(await database.clock_offset()) < 0.5
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 100)
    assert 99.5 < await database.clock_offset() < 100.5


async def test_a_query_that_takes_too_long_is_given_up(
    ledger: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "QUERY_TIMEOUT", 1.0)
    database = Database(ledger, "ledger")
    await database.start()
    with pytest.raises(CommandError, match="did not answer in time") as caught:
        await database.fetchval("SELECT pg_sleep(60)")
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert await database.fetchval("SELECT 1") == 1
    await database.stop()


async def test_a_pool_that_is_used_up_is_not_waited_for_for_ever(
    ledger: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(ledger.model_copy(update={"database_connections": 2}), "ledger")
    await database.start()
    async with database.transaction(), database.transaction():
        monkeypatch.setattr(pool, "CONNECT_TIMEOUT", 0.2)
        with pytest.raises(CommandError) as caught:
            await database.fetchval("SELECT 1")
    assert caught.value.code is ErrorCode.UNAVAILABLE
    await database.stop()


async def test_a_connection_that_the_server_closed_is_replaced(database: Database) -> None:
    assert await database.fetchval("SELECT 1") == 1
    await _end_sessions(database)
    async with database.transaction() as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_server_that_is_lost_in_a_transaction_means_nothing_was_done(database: Database) -> None:
    async def body() -> None:
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO entries VALUES ('a', 1, 1)")
            await _end_sessions(database)
            await connection.fetchval("SELECT 1")

    with pytest.raises(CommandError) as caught:
        await body()
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert "ledger" in caught.value.detail
    assert await database.fetchval("SELECT count(*) FROM entries") == 0


async def test_a_server_that_is_lost_during_the_commit_means_that_nobody_knows(database: Database) -> None:
    await _die_at_commit(database)
    with pytest.raises(CommandError) as caught:
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO entries VALUES ('a', 1, 1)")
    assert caught.value.code is ErrorCode.OUTCOME_UNKNOWN


async def test_a_write_that_stands_alone_and_is_not_answered_may_have_been_done(database: Database) -> None:
    await _die_at_commit(database)
    with pytest.raises(CommandError) as caught:
        await database.execute("INSERT INTO entries VALUES ('a', 1, 1)")
    assert caught.value.code is ErrorCode.OUTCOME_UNKNOWN


async def test_a_commit_that_the_server_refuses_was_certainly_not_done(database: Database) -> None:
    await database.execute("CREATE TABLE pairs (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    async def body() -> None:
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO pairs VALUES (1), (1)")

    with pytest.raises(asyncpg.UniqueViolationError):
        await body()
    assert await database.fetchval("SELECT count(*) FROM pairs") == 0


async def test_an_error_that_is_not_the_servers_is_left_as_it_is(database: Database) -> None:
    with pytest.raises(FileNotFoundError):
        async with database.transaction():
            raise FileNotFoundError("a file of the caller's")
    with pytest.raises(asyncpg.UndefinedTableError):
        await database.fetch("SELECT * FROM nowhere")


@pytest.fixture
async def own_server(folder: Path) -> AsyncIterator[PostgresServer]:
    """A PostgreSQL that the test may kill."""
    server = PostgresServer(folder / "postgres")
    await server.start()
    yield server
    await server.stop()


async def test_everything_works_again_after_postgresql_was_killed(own_server: PostgresServer) -> None:
    database = Database(DatabaseSettings.model_validate({"DATABASE_URL": own_server.url}), "public")
    await database.start()
    await database.execute("CREATE TABLE kept (a int)")
    await database.execute("INSERT INTO kept VALUES (1)")
    own_server.kill()
    for _ in range(3):
        with pytest.raises(CommandError) as caught:
            await database.fetchval("SELECT count(*) FROM kept")
        assert caught.value.code is ErrorCode.UNAVAILABLE
    await own_server.start()
    assert await database.fetchval("SELECT count(*) FROM kept") == 1
    await database.stop()


async def test_a_service_may_start_before_postgresql(own_server: PostgresServer) -> None:
    await own_server.stop()
    database = Database(DatabaseSettings.model_validate({"DATABASE_URL": own_server.url}), "public")
    starting = asyncio.create_task(database.start())
    with pytest.raises(CommandError):
        await database.fetchval("SELECT 1")
    assert not starting.done()
    await own_server.start()
    await starting
    assert await database.fetchval("SELECT 1") == 1
    await database.stop()


async def _end_sessions(database: Database) -> None:
    """Have PostgreSQL close every other session of this database, and see that it has."""
    other = await database.connect()
    ended = await other.fetch(
        "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    async def gone() -> bool:
        pids = [row["pid"] for row in ended]
        left: int = await other.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)", pids)
        return left == 0

    await eventually(gone)
    await other.close()


async def _die_at_commit(database: Database) -> None:
    """Have PostgreSQL end the session that commits a new entry, at that very moment."""
    await database.execute(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
    )
    await database.execute(
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION die()"
    )
