"""What people poll of a portfolio, asked over the bus: true, at once, and honest where a neighbour is away."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from services.portfolio import reading, refreshing
from services.portfolio.followed import PortfolioViews
from services.portfolio.reading import Reads
from services.portfolio.sessions.desired import Desired
from services.portfolio.sessions.known_accounts import KnownAccounts
from shared.bus.client import Bus
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.contracts.credentials import (
    SNAPSHOT_ACCOUNTS,
    AccountCredentials,
    AccountsSnapshot,
    KnownCredential,
    Nothing,
)
from shared.contracts.declaration import AnyCommand, Command, Req, Res
from shared.contracts.marketdata.rates import VALUE_TOKENS, Valuation, Valued
from shared.contracts.portfolio.balances import PORTFOLIO_STATE, PortfolioState, PortfolioStateFilter
from shared.contracts.portfolio.distributions import ACCOUNTS_DISTRIBUTION, DISTRIBUTION
from shared.contracts.portfolio.fields import PortfolioFilter
from shared.contracts.portfolio.orders import ACTIVE_ORDERS, SEARCH_ORDERS, OrderFilter, OrderSearch, OrderStatus
from shared.contracts.portfolio.sessions import (
    GET_SESSION,
    LIST_SESSIONS,
    REFRESH_SESSION,
    Session,
    SessionRef,
    SessionState,
)
from shared.contracts.portfolio.trades import SEARCH_TRADES, TradeSearch
from shared.database.pool import Database
from shared.errors import CommandError, ErrorCode
from shared.leases import acquire, release
from shared.service import Health
from tests.conftest import SettingsFor
from tests.eventually import eventually
from tests.pace import within
from tests.services.portfolio.recorded import NOON, Recorder, balances, order, session, trade

HELD = {"BTC": "2", "ETH": "10", "ODD": "7", "USDT": "1000.25"}


def account(name: str, *connectors: str) -> AccountCredentials:
    return AccountCredentials(name, tuple(KnownCredential(connector, 1, True) for connector in connectors))


class Replica:
    """The reading side of one replica, without sessions of its own."""

    def __init__(self, settings_for: SettingsFor, database: Database) -> None:
        settings = settings_for("portfolio")
        self.bus = Bus(settings, "portfolio")
        self.desired = Desired()
        self.attention = asyncio.Event()
        self.views = PortfolioViews(settings, database, self.attention)
        self.reads = Reads(database, self.bus, self.views, self.desired, KnownAccounts(self.bus, self.desired))
        self.dispatcher = Dispatcher(settings, "portfolio")
        self.reads.register(self.dispatcher)

    async def start(self) -> None:
        await self.bus.start()
        await self.views.start()
        await self.reads.start()
        await self.dispatcher.start(lambda: Health(True))

    async def stop(self) -> None:
        await self.dispatcher.drain()
        await self.reads.stop()
        await self.views.stop()
        await self.bus.stop()


class Market:
    """A stand-in of marketdata, started and stopped by the test."""

    def __init__(self, settings_for: SettingsFor) -> None:
        self._settings_for = settings_for
        self._dispatcher: Dispatcher | None = None
        self.prices: dict[str, float] = {"BTC": 50_000.5, "ETH": 2_000.0}
        self.asked: list[Valuation] = []

    async def start(self) -> None:
        self._dispatcher = Dispatcher(self._settings_for("marketdata"), "marketdata")
        self._dispatcher.on(VALUE_TOKENS, self._value)
        await self._dispatcher.start(lambda: Health(True))

    async def stop(self) -> None:
        dispatcher, self._dispatcher = self._dispatcher, None
        if dispatcher is not None:
            await dispatcher.drain()

    def _value(self, request: Valuation, _: Call) -> Valued:
        self.asked.append(request)
        return Valued("USD", {token: self.prices[token] for token in request.tokens if token in self.prices}, 0.0)


class Owner:
    """Another replica, which owns sessions and is asked to refresh them."""

    def __init__(self, dispatcher: Dispatcher, refresh: Callable[[SessionRef], Any]) -> None:
        self._dispatcher = dispatcher
        self._refresh = refresh
        self.asked: list[SessionRef] = []
        dispatcher.on(REFRESH_SESSION, self._asked)

    async def own(self, keys: Iterable[tuple[str, str]]) -> None:
        for key in keys:
            await self._dispatcher.own([REFRESH_SESSION], key)

    async def _asked(self, request: SessionRef, _: Call) -> Any:
        self.asked.append(request)
        return await self._refresh(request)


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


class Asker:
    """Asks as a program does."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def __call__(self, command: Command[Req, Res], request: Req, **more: Any) -> Res:
        return await self._bus.request(command, request, actor="outside", **more)

    async def refused(self, command: Command[Req, Res], request: Req, **more: Any) -> ErrorCode:
        with pytest.raises(CommandError) as caught:
            await self(command, request, **more)
        return caught.value.code

    async def state(self, *accounts: str, **more: Any) -> PortfolioState:
        return await self(PORTFOLIO_STATE, PortfolioStateFilter(accounts or None), **more)


@pytest.fixture
def ask(bus: Bus) -> Asker:
    return Asker(bus)


async def priced(ask: Asker, *tokens: str) -> None:
    """Wait until these tokens of the account `main` have a price."""

    async def look() -> bool:
        held = (await ask.state("main"))["main"]["paper"]
        return {one.token for one in held if one.priced} >= set(tokens)

    await eventually(look)


# Sessions


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
    monkeypatch.setattr(reading, "ACCOUNTS_PATIENCE", 0.05)
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


# Orders


async def test_who_has_placed_an_order_sees_it(replica: Replica, recorder: Recorder, ask: Asker) -> None:
    for number in range(20):
        event_ids = await recorder(order(f"o{number:02}"))
        found = await ask(ACTIVE_ORDERS, OrderFilter(limit=1000), after=event_ids)
        assert found.total == number + 1
    event_ids = await recorder(order("o00", version=2, status=OrderStatus.FILLED))
    found = await ask(ACTIVE_ORDERS, OrderFilter(limit=2), after=event_ids)
    assert [one.client_order_id for one in found.orders] == ["o01", "o02"]
    assert (found.total, found.next_cursor) == (19, "o02")


async def test_orders_and_trades_are_searched(replica: Replica, recorder: Recorder, ask: Asker) -> None:
    await recorder(order("a"), order("b", status=OrderStatus.FILLED), trade(order_id="b"))
    found = await ask(SEARCH_ORDERS, OrderSearch(limit=1))
    assert (found.total, found.orders[0].client_order_id) == (2, "b")
    rest = await ask(SEARCH_ORDERS, OrderSearch(cursor=found.next_cursor))
    assert [one.client_order_id for one in rest.orders] == ["a"]
    assert (await ask(SEARCH_TRADES, TradeSearch())).trades == (trade(order_id="b"),)
    assert await ask.refused(SEARCH_ORDERS, OrderSearch(cursor="rubbish")) is ErrorCode.INVALID
    assert await ask.refused(SEARCH_TRADES, TradeSearch(cursor="1:\0")) is ErrorCode.INVALID


# Balances


async def test_balances_with_their_value(replica: Replica, market: Market, recorder: Recorder, ask: Asker) -> None:
    event_ids = await recorder(session(), balances(HELD))
    first = await ask.state(after=event_ids)
    assert {one.token: one.units for one in first["main"]["paper"]} == {k: Decimal(v) for k, v in HELD.items()}
    await priced(ask, "BTC", "ETH")
    state = await ask.state()
    assert list(state) == ["main", "other", "z"]
    # A connector that only bots use has no balances here, one that has not said anything yet has none so far.
    assert (state["other"], state["z"]) == ({"binance": ()}, {})
    held = {one.token: one for one in state["main"]["paper"]}
    assert (held["BTC"].price, held["BTC"].value) == (Decimal("50000.5"), Decimal("100001.000000"))
    assert (held["USDT"].price, held["USDT"].value) == (Decimal(1), Decimal("1000.250000"))
    assert (held["ODD"].price, held["ODD"].value, held["ODD"].priced) == (Decimal(0), Decimal(0), False)
    assert all(one.stale_since is None for one in held.values())
    assert market.asked[0] == Valuation("paper", ("BTC", "ETH", "ODD"))


async def test_names_that_nothing_has_are_left_out(replica: Replica, recorder: Recorder, ask: Asker) -> None:
    await recorder(balances(HELD))
    assert await ask.state("nobody") == {}
    assert list(await ask.state("nobody", "z")) == ["z"]
    wanted = PortfolioStateFilter(("main",), ("okx", "no_such_exchange"))
    assert await ask(PORTFOLIO_STATE, wanted) == {"main": {}}


async def test_a_new_price_and_a_new_balance_show(
    replica: Replica, market: Market, recorder: Recorder, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.portfolio.connector_rates.INTERVAL", 0.01)
    await recorder(session(), balances({"BTC": "1"}))
    await priced(ask, "BTC")
    market.prices["BTC"] = 60_000.0

    async def shows() -> bool:
        return (await ask.state("main"))["main"]["paper"][0].value == 60_000

    await eventually(shows)
    event_ids = await recorder(balances({"BTC": "3"}, version=2))
    assert (await ask.state("main", after=event_ids))["main"]["paper"][0].value == 180_000


async def test_while_market_data_is_away_the_last_prices_remain(
    replica: Replica, market: Market, recorder: Recorder, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.portfolio.connector_rates.INTERVAL", 0.01)
    await recorder(session(), balances({"BTC": "1"}))
    await priced(ask, "BTC")
    await market.stop()
    event_ids = await recorder(balances({"BTC": "2", "ETH": "1"}, version=2))
    held = (await ask.state("main", after=event_ids))["main"]["paper"]
    assert [(one.token, one.priced) for one in held] == [("BTC", True), ("ETH", False)]
    assert [one.value for one in held] == [100_001, 0]
    await market.start()
    await priced(ask, "BTC", "ETH")


async def test_what_a_silent_session_said_is_marked(replica: Replica, recorder: Recorder, ask: Asker) -> None:
    def stale(state: PortfolioState) -> object:
        return state["main"]["paper"][0].stale_since

    told = balances({"USDT": "1"}, minutes=3)
    event_ids = await recorder(told, session(SessionState.READY, version=1))
    assert stale(await ask.state(after=event_ids)) is None
    silent_since = balances({}, minutes=9).at
    event_ids = await recorder(session(SessionState.WAITING, version=2, silent_since=silent_since))
    assert stale(await ask.state(after=event_ids)) == silent_since
    # Never ready yet: since the balances were told.
    event_ids = await recorder(session(SessionState.STARTING, version=3))
    assert stale(await ask.state(after=event_ids)) == told.at
    event_ids = await recorder(session(SessionState.READY, version=4))
    assert stale(await ask.state(after=event_ids)) is None


async def test_an_account_that_was_deleted_is_not_shown(replica: Replica, recorder: Recorder, ask: Asker) -> None:
    event_ids = await recorder(session(), balances({"USDT": "1"}), order("a"))
    assert (await ask.state(after=event_ids))["main"]["paper"]
    replica.desired.load([account("z")])
    assert await ask.state() == {"z": {}}
    assert (await ask(DISTRIBUTION, PortfolioFilter())).token_count == 0
    assert await ask.refused(GET_SESSION, SessionRef("main", "paper")) is ErrorCode.NOT_FOUND
    # Its order may still stand on the exchange, but nobody here can say so, nor end it.
    assert (await ask(ACTIVE_ORDERS, OrderFilter())).total == 0
    assert (await ask(SEARCH_ORDERS, OrderSearch())).total == 1


async def test_distributions(replica: Replica, market: Market, recorder: Recorder, ask: Asker) -> None:
    event_ids = await recorder(balances({"USDT": "75"}), balances({"USDT": "25"}, "other", "binance"))
    spread = await ask(DISTRIBUTION, PortfolioFilter(), after=event_ids)
    assert (spread.token_count, spread.account_filter) == (1, "all_accounts")
    assert spread.total_portfolio_value == 100
    assert {name: one.percentage for name, one in spread.distribution[0].accounts.items()} == {"main": 75, "other": 25}
    some = await ask(DISTRIBUTION, PortfolioFilter(("other",)))
    assert some.total_portfolio_value == 25
    assert some.account_filter == "other"
    by_account = await ask(ACCOUNTS_DISTRIBUTION, PortfolioFilter())
    assert [one.account for one in by_account.distribution] == ["main", "other", "z"]
    assert [one.percentage for one in by_account.distribution] == [75, 25, 0]
    event_ids = await recorder(balances({"USDT": "25"}, version=2))
    changed = await ask(ACCOUNTS_DISTRIBUTION, PortfolioFilter(), after=event_ids)
    assert changed.total_portfolio_value == 50


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


# Refreshing


@contextlib.asynccontextmanager
async def owner(
    settings_for: SettingsFor, refresh: Callable[[SessionRef], Any], *keys: tuple[str, str]
) -> AsyncIterator[Owner]:
    """Run another replica that owns the sessions `keys`."""
    dispatcher = Dispatcher(settings_for("portfolio"), "portfolio")
    owner = Owner(dispatcher, refresh)
    await dispatcher.start(lambda: Health(True))
    await owner.own(keys)
    yield owner
    await dispatcher.drain()


REFRESH = PortfolioStateFilter(refresh=True)


async def test_a_refresh_shows_what_the_exchange_says_now(
    replica: Replica, market: Market, recorder: Recorder, ask: Asker, settings_for: SettingsFor
) -> None:
    # It has just come back, and the others do not know yet.
    await recorder(session(SessionState.WAITING), balances({"USDT": "1"}))
    version = 1

    async def refresh(_: SessionRef) -> Reply:
        nonlocal version
        version += 1
        event_ids = await recorder(balances({"BTC": str(version)}, version=version))
        return Reply(msgspec.json.encode(session()), event_ids)

    async with owner(settings_for, refresh, ("main", "paper")):
        for expected in range(2, 12):
            held = (await ask(PORTFOLIO_STATE, REFRESH))["main"]["paper"]
            # Also the price of a token that has just come.
            assert [(one.token, one.units, one.value) for one in held] == [
                ("BTC", Decimal(expected), Decimal("50000.5") * expected)
            ]
            assert held[0].stale_since is None


async def test_a_session_that_cannot_ask_is_marked_for_who_wanted_it(
    replica: Replica, recorder: Recorder, ask: Asker, settings_for: SettingsFor
) -> None:
    event_ids = await recorder(
        session(), balances({"USDT": "1"}),
        session(account="other", connector="binance"), balances({"USDT": "2"}, "other", "binance"),
    )  # fmt: skip

    async def refresh(_: SessionRef) -> Session:
        raise CommandError(ErrorCode.UPSTREAM, "the exchange is down")

    # Nobody owns the session of `main`, and that of `other` cannot reach its exchange.
    async with owner(settings_for, refresh, ("other", "binance")) as asked:
        state = await ask(PORTFOLIO_STATE, REFRESH, after=event_ids)
        assert [state["main"]["paper"][0].stale_since, state["other"]["binance"][0].stale_since] == [NOON, NOON]
        assert asked.asked == [SessionRef("other", "binance")]
        only = await ask(PORTFOLIO_STATE, PortfolioStateFilter(("main",), refresh=True))
        assert list(only) == ["main"]
        assert len(asked.asked) == 1
    usual = await ask.state()
    assert usual["main"]["paper"][0].stale_since is None


async def test_a_slow_session_is_waited_for_in_bounds_and_asked_once_for_all(
    replica: Replica, recorder: Recorder, ask: Asker, settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.portfolio.reading.PATIENCE", 1.5)
    monkeypatch.setattr(refreshing, "PATIENCE", 5.0)
    event_ids = await recorder(
        session(), balances({"USDT": "1"}),
        session(account="other", connector="binance"), balances({"USDT": "2"}, "other", "binance"),
    )  # fmt: skip
    hanging = asyncio.Event()

    async def refresh(request: SessionRef) -> Session:
        if request.account_name == "main":
            await hanging.wait()
        return session(account=request.account_name, connector=request.connector_name)

    async with owner(settings_for, refresh, ("main", "paper"), ("other", "binance")) as asked:
        began = time.monotonic()
        states = await asyncio.gather(*(ask(PORTFOLIO_STATE, REFRESH, after=event_ids) for _ in range(10)))
        within(4.5, began)
        for state in states:
            assert state["main"]["paper"][0].stale_since == NOON
            assert state["other"]["binance"][0].stale_since is None
        assert asked.asked.count(SessionRef("main", "paper")) == 1
        hanging.set()


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


# Speed


async def test_an_answer_is_encoded_once_until_something_changes(replica: Replica, recorder: Recorder) -> None:
    await recorder(session(), balances(HELD), order("a"))
    await eventually(lambda: replica.views.position == 3)
    call = Call("x", "outside", b"", time.time() + 60)
    reads = replica.reads
    asks: list[Callable[[], Any]] = [
        lambda: reads.portfolio_state(PortfolioStateFilter(), call),
        lambda: reads.active_orders(OrderFilter(), call),
        lambda: reads.distribution(PortfolioFilter(), call),
        lambda: reads.accounts_distribution(PortfolioFilter(), call),
    ]
    for asked in asks:
        first = asked()
        assert isinstance(first, Reply)
        assert asked() is first
        # A snapshot that says the same as the one before changes nothing.
        accounts = [account("main", "paper"), account("other", "binance", "coinbase_wallet_of_bots"), account("z")]
        replica.desired.load(accounts)
        assert asked() is first
