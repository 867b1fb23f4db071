"""A replica that knows no accounts yet, and two that are asked in turn."""

import time

from services.portfolio.connector_rates import INTERVAL
from shared.bus.dispatcher import Dispatcher
from shared.contracts.credentials import SNAPSHOT_ACCOUNTS, AccountsSnapshot
from shared.contracts.declaration import AnyCommand
from shared.contracts.portfolio.balances import PORTFOLIO_STATE, PortfolioStateFilter
from shared.contracts.portfolio.distributions import ACCOUNTS_DISTRIBUTION, DISTRIBUTION
from shared.contracts.portfolio.fields import PortfolioFilter
from shared.contracts.portfolio.orders import ACTIVE_ORDERS, OrderFilter
from shared.contracts.portfolio.sessions import GET_SESSION, LIST_SESSIONS, SessionRef, SessionState
from shared.database.pool import Database
from shared.errors import ErrorCode
from shared.service import Health
from tests.conftest import SettingsFor
from tests.pace import within
from tests.services.portfolio.reading.market import Market
from tests.services.portfolio.reading.replica import Asker, Replica, account, priced
from tests.services.portfolio.recorded import NOON, Recorder, balances, order, session


async def test_before_the_accounts_are_known_nothing_is_said_of_them(
    settings_for: SettingsFor, database: Database, ask: Asker
) -> None:
    replica = Replica(settings_for, database)
    await replica.start()
    commands: tuple[AnyCommand, ...] = (
        LIST_SESSIONS, DISTRIBUTION, ACCOUNTS_DISTRIBUTION,
    )  # fmt: skip
    for command in commands:
        assert await ask.refused(command, PortfolioFilter()) is ErrorCode.UNAVAILABLE
    for refresh in (False, True):
        wanted = PortfolioStateFilter(refresh=refresh)
        assert await ask.refused(PORTFOLIO_STATE, wanted) is ErrorCode.UNAVAILABLE
    assert await ask.refused(GET_SESSION, SessionRef("main", "paper")) is ErrorCode.UNAVAILABLE
    assert await ask.refused(ACTIVE_ORDERS, OrderFilter()) is ErrorCode.UNAVAILABLE
    replica.desired.load([])
    assert await ask.state() == {}
    await replica.stop()


async def test_as_soon_as_the_accounts_are_known_they_are_valued(
    settings_for: SettingsFor, database: Database, market: Market, recorder: Recorder, ask: Asker
) -> None:
    """After a start balances are there before the accounts, and then no change of theirs need come."""
    await recorder(session(), balances({"BTC": "1"}))
    replica = Replica(settings_for, database)
    await replica.start()
    credentials = Dispatcher(settings_for("credentials"), "credentials")
    credentials.on(SNAPSHOT_ACCOUNTS, lambda _, __: AccountsSnapshot((account("main", "paper"),)))
    await credentials.start(lambda: Health(True))
    began = time.monotonic()
    await replica.known.look()
    await priced(ask, "BTC")
    within(INTERVAL / 2, began)
    assert market.asked
    await replica.stop()
    await credentials.drain()


async def test_replicas_agree(
    settings_for: SettingsFor, database: Database, replica: Replica, recorder: Recorder, ask: Asker
) -> None:
    other = Replica(settings_for, database)
    other.desired.load([account("main", "paper"), account("other", "binance"), account("z")])
    await other.start()
    waiting = session(SessionState.WAITING, silent_since=NOON)
    event_ids = await recorder(waiting, balances({"USDT": "1"}), order("a"))
    states = [await ask.state(after=event_ids) for _ in range(20)]
    assert all(state == states[0] for state in states)
    assert states[0]["main"]["paper"][0].stale_since == NOON
    for _ in range(20):
        assert (await ask(ACTIVE_ORDERS, OrderFilter(), after=event_ids)).total == 1
    await other.stop()
