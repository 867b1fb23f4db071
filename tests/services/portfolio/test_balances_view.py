"""Balances in memory: the last that a session said, whatever order it is heard in."""

from hypothesis import given
from hypothesis import strategies as st

from services.portfolio.balances_view import BalancesView
from services.portfolio.sessions.desired import SessionKey
from shared.contracts.portfolio.balances import BALANCES_CHANGED, BalancesChanged
from shared.contracts.portfolio.orders import ORDER_CHANGED
from shared.database.pool import Database
from tests.services.portfolio.recorded import Recorder, balances, order

HISTORY = [
    balances({"USDT": "10"}, version=1),
    balances({"USDT": "5", "BTC": "1"}, version=2),
    balances({"ETH": "2"}, "other", "binance", version=1),
    balances({}, version=3),
    balances({"SOL": "1.50"}, version=4),
]
MAIN = SessionKey("main", "paper")
OTHER = SessionKey("other", "binance")


@given(st.permutations(HISTORY), st.integers(0, len(HISTORY)))
def test_any_order_with_repetitions_ends_in_the_same(events: list[BalancesChanged], repeated: int) -> None:
    view = BalancesView()
    for event in (*events, *events[:repeated]):
        view.apply(BALANCES_CHANGED, event)
    assert view.get(MAIN) == HISTORY[4]
    assert view.get(OTHER) == HISTORY[2]
    assert len(view) == 2


def test_the_tokens_of_sessions_by_connector() -> None:
    view = BalancesView()
    for told in (
        balances({"USDT": "5", "BTC": "1"}),
        balances({"ETH": "2"}, "other"),
        balances({"XRP": "2"}, "gone"),
        balances({}, "main", "kraken"),
    ):
        view.apply(BALANCES_CHANGED, told)
    sessions = [MAIN, SessionKey("other", "paper"), SessionKey("main", "kraken"), SessionKey("nobody", "okx")]
    assert view.tokens(sessions) == {"paper": frozenset({"USDT", "BTC", "ETH"})}


def test_who_watches_is_told_of_changes_alone() -> None:
    view = BalancesView()
    told: list[int] = []
    view.watch(lambda: told.append(view.generation))
    view.apply(BALANCES_CHANGED, HISTORY[1])
    view.apply(BALANCES_CHANGED, HISTORY[0])
    view.apply(ORDER_CHANGED, order())
    view.apply(BALANCES_CHANGED, HISTORY[3])
    assert told == [1, 2]


async def test_the_tables_fill_it_but_for_what_is_newer(recorder: Recorder, database: Database) -> None:
    await recorder(HISTORY[1], HISTORY[2])
    view = BalancesView()
    view.apply(BALANCES_CHANGED, HISTORY[3])
    async with database.transaction() as connection:
        await view.load(connection)
    assert view.get(MAIN) == HISTORY[3]
    assert view.get(OTHER) == HISTORY[2]
