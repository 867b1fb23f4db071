"""Schemas come up to their code, once, whoever starts."""

import asyncio

import asyncpg
import pytest

from shared.database import migrate
from shared.database.migrate import MigrationFailed, ensure_migrated, latest_version
from shared.database.pool import Database
from tests.conftest import SettingsFor

PACKAGE = "tests.stand_ins.ledger.migrations"
BROKEN = "tests.stand_ins.ledger.broken_migrations"


async def test_two_replicas_that_start_at_once_migrate_once(settings_for: SettingsFor) -> None:
    settings = settings_for("ledger")
    await asyncio.gather(ensure_migrated(settings, "ledger", PACKAGE), ensure_migrated(settings, "ledger", PACKAGE))
    database = Database(settings, "ledger")
    await database.start()
    assert await database.fetchval("SELECT version_num FROM alembic_version") == latest_version(PACKAGE)
    assert await database.fetchval("SELECT last_seq FROM relay") == 0
    await database.stop()


async def test_each_schema_has_its_own_version(settings_for: SettingsFor) -> None:
    settings = settings_for("ledger")
    await ensure_migrated(settings, "one", PACKAGE)
    await ensure_migrated(settings, "two", PACKAGE)
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    rows = await connection.fetch(
        "SELECT table_schema FROM information_schema.tables WHERE table_name = 'alembic_version' ORDER BY 1"
    )
    await connection.close()
    assert [row[0] for row in rows] == ["one", "two"]


async def test_a_schema_that_is_up_to_date_starts_no_process(
    settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for("ledger")
    await ensure_migrated(settings, "ledger", PACKAGE)
    monkeypatch.delattr(migrate, "_run_in_process")
    await ensure_migrated(settings, "ledger", PACKAGE)


async def test_a_schema_that_is_ahead_of_the_code_is_left_alone(
    settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for("ledger")
    await ensure_migrated(settings, "ledger", PACKAGE)
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    await connection.execute("UPDATE ledger.alembic_version SET version_num = '9999'")
    await connection.close()
    monkeypatch.delattr(migrate, "_run_in_process")
    await ensure_migrated(settings, "ledger", PACKAGE)


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(settings_for: SettingsFor) -> None:
    settings = settings_for("ledger")
    with pytest.raises(MigrationFailed, match="ledger"):
        await ensure_migrated(settings, "ledger", BROKEN)
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    assert await connection.fetchval("SELECT to_regclass('ledger.first')") is None
    await connection.close()


def test_a_package_without_migrations_is_refused() -> None:
    with pytest.raises(MigrationFailed, match="NNNN_what"):
        latest_version("tests.stand_ins.ledger.no_migrations")
