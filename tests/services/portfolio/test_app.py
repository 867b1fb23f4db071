"""The service as a whole: its settings, what it says of itself, and that no secret of a credential gets out."""

import asyncpg
import pytest
from pydantic import ValidationError

from services.portfolio.settings import PortfolioSettings
from shared.contracts.portfolio.orders import OrderType
from tests.conftest import SettingsFor
from tests.services.portfolio.conftest import Start
from tests.services.portfolio.load import come_to_agree
from tests.services.portfolio.trading import Trader


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTFOLIO_LEASE_SECONDS", "0"),
        ("PORTFOLIO_RECEIVE_WINDOW_MS", "-1"),
        ("PORTFOLIO_CONCURRENT_STARTS", "none"),
        ("SIMULATOR_URL", "not a url"),
        ("CONNECTOR_ENDPOINTS", '{"no_such_connector": "http://localhost"}'),
    ],
)
def test_a_wrong_setting_is_named(settings_for: SettingsFor, name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        settings_for("portfolio", PortfolioSettings, **{name: value})


async def test_it_is_ready_while_no_other_service_is_there(start: Start) -> None:
    service = await start()
    health = service.health()
    assert health.ready, health.reasons
    assert dict(health.figures)["sessions"] == 0


async def test_it_counts_its_sessions(trader: Trader, start: Start) -> None:
    assert await trader.is_ready()
    second = await start()
    assert dict(second.health().figures)["sessions_owned"] == 0


async def test_no_secret_is_stored_told_or_logged(
    trader: Trader, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await trader.place(order_type=OrderType.MARKET, price=None)
    trader.server.add_fault("maintenance", path="/api/*", count=3)
    await come_to_agree(trader)
    account = trader.venue.account
    assert account is not None
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'portfolio'")
        rows = [
            str(row)
            for table in tables
            for row in await connection.fetch(f'SELECT t::text FROM portfolio."{table["tablename"]}" AS t')
        ]
    finally:
        await connection.close()
    assert len(tables) >= 8
    captured = capsys.readouterr()
    everything = "\n".join((*rows, captured.out, captured.err))
    for secret in (account.api_key, account.api_secret):
        assert secret not in everything
        assert secret.encode().hex() not in everything  # bytea is shown as hex
