"""The ledger, a small service with all shared tables, for the tests of database, events and leases."""

from collections.abc import AsyncIterator

import pytest

from shared.database.pool import Database
from shared.settings import DatabaseSettings
from tests.conftest import SettingsFor
from tests.stand_ins.ledger.schema import make_tables


@pytest.fixture
async def ledger(settings_for: SettingsFor) -> DatabaseSettings:
    """Settings of the ledger, whose tables are made."""
    settings = settings_for("ledger", DATABASE_CONNECTIONS=8)
    await make_tables(settings)
    return settings


@pytest.fixture
async def database(ledger: DatabaseSettings) -> AsyncIterator[Database]:
    """The ledger's database, started."""
    database = Database(ledger, "ledger")
    await database.start()
    yield database
    await database.stop()
