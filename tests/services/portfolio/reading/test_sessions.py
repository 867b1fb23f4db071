"""Sessions over the bus, as they were last told: of credentials that are there, and honest where nobody owns them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from services.portfolio.sessions import known_accounts
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call
from shared.contracts.credentials import SNAPSHOT_ACCOUNTS, AccountCredentials, AccountsSnapshot, Nothing
from shared.contracts.portfolio.fields import PortfolioFilter
from shared.contracts.portfolio.orders import ACTIVE_ORDERS, OrderFilter
from shared.contracts.portfolio.sessions import GET_SESSION, LIST_SESSIONS, SessionRef, SessionState
from shared.database.pool import Database
from shared.errors import ErrorCode
from shared.leases import acquire, release
from shared.service import Health
from tests.conftest import SettingsFor
from tests.services.portfolio.reading.replica import HELD, Asker, Replica, account
from tests.services.portfolio.recorded import NOON, Recorder, balances, order, session


async def test_a_session_as_it_was_last_told(replica: Replica, recorder: Recorder, ask: Asker) -> None:
    waiting = session(SessionState.WAITING, reason="maintenance", version=4, silent_since=NOON)
    event_ids = await recorder(waiting)
    assert await ask(GET_SESSION, SessionRef("main", "paper"), after=event_ids) == waiting
    other = await ask(GET_SESSION, SessionRef("other", "binance"))
    assert (other.state, bool(other.reason)) == (SessionState.UNOWNED, True)
    assert await ask(GET_SESSION, SessionRef("other", "binance")) == other


@pytest.mark.parametrize(
    ("account_name", "connector_name", "code"),
    [
        ("nobody", "paper", ErrorCode.NOT_FOUND),
        ("main", "no_such_exchange", ErrorCode.NOT_FOUND),
        ("main", "binance", ErrorCode.NOT_FOUND),
        ("main", "xrpl", ErrorCode.REFUSED),
    ],
)
async def test_a_session_that_cannot_be(
    replica: Replica, ask: Asker, account_name: str, connector_name: str, code: ErrorCode
) -> None:
    assert await ask.refused(GET_SESSION, SessionRef(account_name, connector_name)) is code


async def test_sessions_are_those_of_credentials_that_trade(replica: Replica, recorder: Recorder, ask: Asker) -> None:
    # A session whose credential was deleted is no session any more.
    event_ids = await recorder(session(), session(account="main", connector="kraken"))
    listed = await ask(LIST_SESSIONS, PortfolioFilter(), after=event_ids)
    assert [(one.account_name, one.connector_name) for one in listed.sessions] == [
        ("main", "paper"), ("other", "binance"),
    ]  # fmt: skip
    some = await ask(LIST_SESSIONS, PortfolioFilter(("main", "nobody"), ("paper",)))
    assert some.sessions == (session(),)


async def test_a_credential_that_was_added_a_moment_ago_has_a_session_soon(
    replica: Replica, ask: Asker, settings_for: SettingsFor
) -> None:
    """Who adds a credential and places an order at once is told to wait, and not that there is none."""
    latest = AccountsSnapshot((account("main", "binance", "paper"), account("new")))
    credentials = Dispatcher(settings_for("credentials"), "credentials")
    credentials.on(SNAPSHOT_ACCOUNTS, lambda _, __: latest)
    await credentials.start(lambda: Health(True))
    found = await ask(GET_SESSION, SessionRef("main", "binance"))
    assert (found.state, bool(found.reason)) == (SessionState.UNOWNED, True)
    assert await ask.refused(GET_SESSION, SessionRef("new", "binance")) is ErrorCode.NOT_FOUND
    assert await ask.refused(GET_SESSION, SessionRef("nobody", "binance")) is ErrorCode.NOT_FOUND
    await credentials.drain()
    # Without anybody to ask, what was said last counts.
    assert (await ask(GET_SESSION, SessionRef("main", "binance"))).state is SessionState.UNOWNED
    assert await ask.refused(GET_SESSION, SessionRef("main", "kraken")) is ErrorCode.NOT_FOUND


class Accounts:
    """A stand-in of credentials whose accounts a test changes."""

    def __init__(self, settings_for: SettingsFor, *accounts: AccountCredentials) -> None:
        self.accounts = accounts
        self.asked = 0
        self.delay = 0.0
        self._dispatcher = Dispatcher(settings_for("credentials"), "credentials")
        self._dispatcher.on(SNAPSHOT_ACCOUNTS, self._snapshot)

    async def _snapshot(self, _: Nothing, __: Call) -> AccountsSnapshot:
        self.asked += 1
        await asyncio.sleep(self.delay)
        return AccountsSnapshot(self.accounts)

    async def start(self) -> None:
        await self._dispatcher.start(lambda: Health(True))

    async def stop(self) -> None:
        await self._dispatcher.drain()


@pytest.fixture
async def accounts(settings_for: SettingsFor) -> AsyncIterator[Accounts]:
    accounts = Accounts(settings_for, account("main", "paper"), account("other", "binance"), account("z"))
    await accounts.start()
    yield accounts
    await accounts.stop()


async def test_who_has_deleted_a_credential_sees_nothing_of_it_any_more(
    replica: Replica, recorder: Recorder, ask: Asker, accounts: Accounts
) -> None:
    """The event of `credentials` has not come here, but the caller knows of it."""
    event_ids = await recorder(session(), balances(HELD), order("a"))
    accounts.accounts = (account("main"), account("new"))
    deleted: dict[str, Any] = {"after": event_ids, "after_others": {"credentials": (7,)}}
    assert await ask.state(**deleted) == {"main": {}, "new": {}}
    assert (await ask(ACTIVE_ORDERS, OrderFilter(), **deleted)).total == 0
    assert (await ask(LIST_SESSIONS, PortfolioFilter(), **deleted)).sessions == ()
    assert accounts.asked == 1  # the first of these questions has brought it
    assert await ask.refused(GET_SESSION, SessionRef("main", "paper"), **deleted) is ErrorCode.NOT_FOUND


async def test_many_who_know_of_a_change_cost_one_question(replica: Replica, ask: Asker, accounts: Accounts) -> None:
    accounts.delay = 0.05
    await asyncio.gather(*(ask.state(after_others={"credentials": (7, 8)}) for _ in range(20)))
    assert accounts.asked == 1


async def test_credentials_that_are_slow_or_away_hold_nobody_up_for_long(
    replica: Replica, ask: Asker, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_accounts, "PATIENCE", 0.05)
    accounts.delay = 3.0
    changed = {"credentials": (7,)}
    assert set(await ask.state(after_others=changed)) == {"main", "other", "z"}
    await accounts.stop()
    assert set(await ask.state(after_others=changed)) == {"main", "other", "z"}


async def test_a_session_whose_owner_died_is_not_ready(
    replica: Replica, recorder: Recorder, ask: Asker, database: Database
) -> None:
    """Its owner has said that it is READY and can say nothing else any more."""
    event_ids = await recorder(session())
    lease = await acquire(database, "session.main.paper", "another replica", 60.0)
    assert lease is not None
    main = SessionRef("main", "paper")
    assert await ask(GET_SESSION, main, after=event_ids) == session()
    await database.execute("UPDATE leases SET expires_at = clock_timestamp() - interval '2 seconds'")
    found = await ask(GET_SESSION, main)
    assert (found.state, found.since == found.silent_since) == (SessionState.UNOWNED, True)
    assert 2.0 <= (datetime.now(UTC) - found.since).total_seconds() < 60.0
    assert "owner is gone" in found.reason
    assert (await ask(LIST_SESSIONS, PortfolioFilter(("main",)))).sessions == (found,)
    await release(database, lease)  # changes nothing: it has ended
    lease = await acquire(database, "session.main.paper", "the next one", 60.0)
    assert lease is not None
    assert await ask(GET_SESSION, main) == session()
    await release(database, lease)
    assert (await ask(GET_SESSION, main)).state is SessionState.UNOWNED


async def test_without_a_database_a_session_is_as_its_owner_has_said(
    replica: Replica, recorder: Recorder, ask: Asker, database: Database
) -> None:
    event_ids = await recorder(session())
    await ask(GET_SESSION, SessionRef("main", "paper"), after=event_ids)
    await database.stop()
    assert await ask(GET_SESSION, SessionRef("main", "paper")) == session()


async def test_a_session_that_nobody_owns_is_looked_up(
    replica: Replica, recorder: Recorder, ask: Asker, accounts: Accounts
) -> None:
    """Also who does not know of the event is told that a credential is gone, once its session is."""
    event_ids = await recorder(session(SessionState.UNOWNED, reason="the credential was deleted"))
    accounts.accounts = (account("main"),)
    assert await ask.refused(GET_SESSION, SessionRef("main", "paper"), after=event_ids) is ErrorCode.NOT_FOUND
