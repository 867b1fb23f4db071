"""How the states of a session follow each other."""

from datetime import UTC, datetime

from services.portfolio.sessions.desired import SessionKey
from services.portfolio.sessions.state import next_state
from shared.contracts.portfolio.sessions import SessionState

KEY = SessionKey("main", "paper")
ONE, TWO, THREE, FOUR = (datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in range(1, 5))


def test_a_session_begins_and_is_never_told_twice_the_same() -> None:
    first = next_state(KEY, None, SessionState.STARTING, "", ONE)
    assert (first.version, first.since, first.silent_since) == (1, ONE, None)
    assert next_state(KEY, first, SessionState.STARTING, "", TWO) is first


def test_it_is_silent_since_it_was_last_ready() -> None:
    ready = next_state(KEY, None, SessionState.READY, "", ONE)
    waiting = next_state(KEY, ready, SessionState.WAITING, "down", TWO)
    assert (waiting.since, waiting.silent_since, waiting.version) == (TWO, TWO, 2)
    still = next_state(KEY, waiting, SessionState.WAITING, "still down", THREE)
    assert (still.since, still.silent_since, still.reason) == (TWO, TWO, "still down")
    starting = next_state(KEY, still, SessionState.STARTING, "", THREE)
    assert (starting.since, starting.silent_since) == (THREE, TWO)
    assert next_state(KEY, starting, SessionState.READY, "", FOUR).silent_since is None
