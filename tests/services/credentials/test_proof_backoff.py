"""The back-off of failing proofs."""

import pytest

from services.credentials.proof_backoff import CAPACITY, FREE_FAILURES, LONGEST_PAUSE, ProofBackoff
from shared.errors import CommandError, ErrorCode


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def held_back(backoff: ProofBackoff, actor: str, username: str) -> bool:
    try:
        backoff.check(actor, username)
    except CommandError as error:
        return error.code is ErrorCode.BUSY
    return False


def test_the_first_failures_cost_nothing() -> None:
    backoff = ProofBackoff(Clock())
    for _ in range(FREE_FAILURES):
        backoff.failed("bot", "alice")
        assert not held_back(backoff, "bot", "alice")


def test_each_further_failure_doubles_the_pause_up_to_the_longest() -> None:
    clock = Clock()
    backoff = ProofBackoff(clock)
    for _ in range(FREE_FAILURES):
        backoff.failed("bot", "alice")
    for pause in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_PAUSE, LONGEST_PAUSE):
        backoff.failed("bot", "alice")
        clock.now += pause - 0.01
        assert held_back(backoff, "bot", "alice")
        clock.now += 0.02
        assert not held_back(backoff, "bot", "alice")


def test_others_are_not_held_back() -> None:
    backoff = ProofBackoff(Clock())
    for _ in range(10):
        backoff.failed("bot", "alice")
    assert held_back(backoff, "bot", "alice")
    assert not held_back(backoff, "other", "alice")
    assert not held_back(backoff, "bot", "bob")


def test_a_success_makes_up_for_all_failures() -> None:
    backoff = ProofBackoff(Clock())
    for _ in range(10):
        backoff.failed("bot", "alice")
    backoff.succeeded("bot", "alice")
    assert not held_back(backoff, "bot", "alice")
    backoff.failed("bot", "alice")
    assert not held_back(backoff, "bot", "alice")


def test_it_does_not_grow_with_the_names_that_are_tried() -> None:
    backoff = ProofBackoff(Clock())
    for _ in range(10):
        backoff.failed("bot", "alice")
    for number in range(CAPACITY - 1):
        backoff.failed("bot", f"user-{number}")
    assert held_back(backoff, "bot", "alice")
    backoff.failed("bot", "one more")
    assert not held_back(backoff, "bot", "alice")


def test_the_refusal_says_when_to_try_again() -> None:
    backoff = ProofBackoff(Clock())
    for _ in range(FREE_FAILURES + 3):
        backoff.failed("bot", "alice")
    with pytest.raises(CommandError, match="try again in 4 s"):
        backoff.check("bot", "alice")
