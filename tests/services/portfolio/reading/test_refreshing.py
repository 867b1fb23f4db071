"""Balances that the exchanges are asked for now, by the replicas that own the sessions."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from services.portfolio import refreshing
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.contracts.portfolio.balances import PORTFOLIO_STATE, PortfolioStateFilter
from shared.contracts.portfolio.sessions import REFRESH_SESSION, Session, SessionRef, SessionState
from shared.errors import CommandError, ErrorCode
from shared.service import Health
from tests.conftest import SettingsFor
from tests.pace import within
from tests.services.portfolio.reading.market import Market
from tests.services.portfolio.reading.replica import Asker, Replica
from tests.services.portfolio.recorded import NOON, Recorder, balances, session


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
REFRESH_MAIN = PortfolioStateFilter(("main",), refresh=True)


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
            held = (await ask(PORTFOLIO_STATE, REFRESH_MAIN))["main"]["paper"]
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
        only = await ask(PORTFOLIO_STATE, REFRESH_MAIN)
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


async def test_a_session_that_is_being_opened_is_waited_for(replica: Replica, recorder: Recorder, ask: Asker) -> None:
    # A credential was added a moment ago: nobody has the session yet, then its owner asks the exchange.
    asked = asyncio.create_task(ask(PORTFOLIO_STATE, REFRESH_MAIN))
    await recorder(session(SessionState.STARTING, version=1))
    await recorder(session(SessionState.STARTING, account="other", connector="binance"))
    assert not asked.done()
    await recorder(balances({"USDT": "1"}))
    await recorder(session(version=2))
    held = (await asked)["main"]["paper"]
    assert [(one.token, one.units, one.stale_since) for one in held] == [("USDT", Decimal(1), None)]


async def test_a_session_that_cannot_be_opened_is_not_waited_for(
    replica: Replica, recorder: Recorder, ask: Asker
) -> None:
    for version, state in enumerate((SessionState.WAITING, SessionState.REFUSED), 1):
        event_ids = await recorder(session(state, version=2 * version - 1))
        began = time.monotonic()
        assert (await ask(PORTFOLIO_STATE, REFRESH_MAIN, after=event_ids))["main"] == {"paper": ()}
        within(2.0, began)
        # It is being tried again, in vain.
        asked = asyncio.create_task(ask(PORTFOLIO_STATE, REFRESH_MAIN))
        await recorder(session(SessionState.STARTING, version=2 * version))
        await recorder(session(state, version=2 * version + 1))
        assert (await asked)["main"] == {"paper": ()}
        within(4.0, began)


async def test_an_opening_that_takes_long_is_waited_for_in_bounds(
    replica: Replica, recorder: Recorder, ask: Asker, settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.portfolio.reading.PATIENCE", 1.0)
    event_ids = await recorder(
        session(SessionState.STARTING),
        session(account="other", connector="binance"), balances({"USDT": "2"}, "other", "binance"),
    )  # fmt: skip

    async def refresh(request: SessionRef) -> Session:
        return session(account=request.account_name, connector=request.connector_name)

    async with owner(settings_for, refresh, ("other", "binance")):
        began = time.monotonic()
        state = await ask(PORTFOLIO_STATE, REFRESH, after=event_ids)
        within(4.0, began)
        assert state["main"] == {"paper": ()}
        # It keeps nobody else from being asked.
        assert state["other"]["binance"][0].stale_since is None


async def test_what_an_earlier_opening_said_is_shown_at_once(replica: Replica, recorder: Recorder, ask: Asker) -> None:
    event_ids = await recorder(session(SessionState.STARTING), balances({"USDT": "1"}))
    began = time.monotonic()
    state = await ask(PORTFOLIO_STATE, REFRESH_MAIN, after=event_ids)
    within(2.0, began)
    assert state["main"]["paper"][0].stale_since == NOON


#: The credential of a session was replaced a moment ago.
REPLACED = {"credentials": (1,)}


@pytest.mark.parametrize("state", list(SessionState))
async def test_after_other_keys_what_is_shown_is_not_the_account_before(
    replica: Replica, recorder: Recorder, ask: Asker, settings_for: SettingsFor, state: SessionState
) -> None:
    before = await recorder(session(state), balances({"USDT": "1"}))

    async def refresh(_: SessionRef) -> Reply:
        return Reply(msgspec.json.encode(session()), await recorder(balances({"USDT": "2"}, version=2)))

    async with owner(settings_for, refresh) as later:  # the session begins anew, so nobody answers for it
        asked = asyncio.create_task(ask(PORTFOLIO_STATE, REFRESH_MAIN, after=before, after_others=REPLACED))
        done, _ = await asyncio.wait({asked}, timeout=0.3)
        assert not done
        await later.own([("main", "paper")])
        held = (await asked)["main"]["paper"]
    assert [(one.units, one.stale_since) for one in held] == [(Decimal(2), None)]


@pytest.mark.parametrize("state", [SessionState.WAITING, SessionState.REFUSED])
async def test_other_keys_that_are_of_no_use_either_are_soon_said(
    replica: Replica, recorder: Recorder, ask: Asker, state: SessionState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.portfolio.reading.PATIENCE", 60.0)
    monkeypatch.setattr(refreshing, "PATIENCE", 60.0)
    monkeypatch.setattr(refreshing, "ENDING", 0.2)
    before = await recorder(session(state), balances({"USDT": "1"}))
    began = time.monotonic()
    found = await ask(PORTFOLIO_STATE, REFRESH_MAIN, after=before, after_others=REPLACED)
    within(3.0, began)
    assert found["main"]["paper"][0].stale_since == NOON
