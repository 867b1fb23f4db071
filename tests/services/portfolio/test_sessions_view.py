"""Sessions in memory: the last state of each, whatever order it is heard in."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.portfolio.sessions.desired import SessionKey
from services.portfolio.sessions_view import SessionsView
from shared.contracts.portfolio.sessions import SESSION_CHANGED, Session, SessionState
from shared.database.pool import Database
from tests.services.portfolio.recorded import NOON, Recorder, session

MAIN = SessionKey("main", "paper")
HISTORY = [
    session(SessionState.STARTING, version=1),
    session(SessionState.READY, version=2, since=NOON + timedelta(minutes=1)),
    session(SessionState.WAITING, version=3, reason="the exchange is down", silent_since=NOON + timedelta(minutes=2)),
    # The clock of another owner may be behind.
    session(SessionState.READY, version=4, since=NOON - timedelta(minutes=1)),
]


@given(st.permutations(HISTORY), st.integers(0, len(HISTORY)))
def test_any_order_with_repetitions_ends_in_the_same(events: list[Session], repeated: int) -> None:
    view = SessionsView()
    for event in (*events, *events[:repeated]):
        view.apply(SESSION_CHANGED, event)
    assert view.get(MAIN) == HISTORY[3]


def test_a_session_without_a_record_is_unowned_until_it_has_one() -> None:
    view = SessionsView()
    found = view.get(MAIN)
    assert (found.state, found.account_name, found.connector_name) == (SessionState.UNOWNED, "main", "paper")
    assert abs(datetime.now(UTC) - found.since) < timedelta(minutes=1)
    assert found.reason
    assert view.get(MAIN) == found
    view.apply(SESSION_CHANGED, HISTORY[0])
    assert view.get(MAIN) == HISTORY[0]


async def test_the_tables_fill_it_but_for_what_is_newer(recorder: Recorder, database: Database) -> None:
    await recorder(HISTORY[2], session(account="other"))
    view = SessionsView()
    view.apply(SESSION_CHANGED, HISTORY[3])
    async with database.transaction() as connection:
        await view.load(connection)
    assert view.get(MAIN) == HISTORY[3]
    assert view.get(SessionKey("other", "paper")) == session(account="other")
