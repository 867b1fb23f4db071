"""One replica that is read from, and what it has beside it."""

from collections.abc import AsyncIterator

import pytest

from shared.bus.client import Bus
from shared.database.pool import Database
from tests.conftest import SettingsFor
from tests.services.portfolio.reading.market import Market
from tests.services.portfolio.reading.replica import Asker, Replica, account


@pytest.fixture
async def replica(settings_for: SettingsFor, database: Database) -> AsyncIterator[Replica]:
    """A started replica that knows three accounts, one of them without credentials."""
    replica = Replica(settings_for, database)
    replica.desired.load(
        [account("main", "paper"), account("other", "binance", "coinbase_wallet_of_bots"), account("z")]
    )
    await replica.start()
    yield replica
    await replica.stop()


@pytest.fixture
async def market(settings_for: SettingsFor) -> AsyncIterator[Market]:
    market = Market(settings_for)
    await market.start()
    yield market
    await market.stop()


@pytest.fixture
def ask(bus: Bus) -> Asker:
    return Asker(bus)
