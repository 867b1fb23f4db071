"""Balances over the bus, with their value: true, at once, and honest where a neighbour is away."""

from decimal import Decimal

import pytest

from shared.contracts.marketdata.rates import Valuation
from shared.contracts.portfolio.balances import PORTFOLIO_STATE, PortfolioState, PortfolioStateFilter
from shared.contracts.portfolio.distributions import ACCOUNTS_DISTRIBUTION, DISTRIBUTION
from shared.contracts.portfolio.fields import PortfolioFilter
from shared.contracts.portfolio.orders import ACTIVE_ORDERS, SEARCH_ORDERS, OrderFilter, OrderSearch
from shared.contracts.portfolio.sessions import GET_SESSION, SessionRef, SessionState
from shared.errors import ErrorCode
from tests.eventually import eventually
from tests.services.portfolio.reading.market import Market
from tests.services.portfolio.reading.replica import HELD, Asker, Replica, account, priced
from tests.services.portfolio.recorded import Recorder, balances, order, session


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
