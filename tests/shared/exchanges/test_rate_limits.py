"""Budgets: never more than is allowed, nothing refused that is, and waiting that has an end."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.exchanges.errors import RateLimited
from shared.exchanges.rate_limits import Budget, Limit
from shared.exchanges.request_weights import is_new_order, used_weight, venue_of
from shared.exchanges.traffic import ORDER, QUESTION, Patience, Traffic, limits_told, waiting_as
from tests.pace import within


class Time:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_budget_is_used_up_and_comes_back() -> None:
    clock = Time()
    budget = Budget((Limit(10, 100),), clock)

    assert budget.take(60) == 0
    clock.now += 4
    assert budget.take(40) == 0
    assert budget.take(1) == 6
    clock.now += 6
    assert budget.take(60) == 0
    assert budget.take(1) == 4


def test_every_limit_counts() -> None:
    clock = Time()
    budget = Budget((Limit(1, 2), Limit(60, 3)), clock)

    assert [budget.take(1), budget.take(1)] == [0, 0]
    assert budget.take(1) == 1
    clock.now += 1
    assert budget.take(1) == 0
    clock.now += 1
    assert budget.take(1) == 58


def test_a_share_leaves_a_rest_to_orders() -> None:
    budget = Budget((Limit(60, 100),), Time())

    assert budget.take(80, 0.85) == 0
    assert budget.take(10, 0.85) > 0
    assert budget.take(10, 1.0) == 0


def test_what_is_heavier_than_a_limit_passes_when_nothing_else_is_counted() -> None:
    clock = Time()
    budget = Budget((Limit(2, 2000),), clock)

    assert budget.take(3000) == 0
    assert budget.take(1) == 2


def test_a_block_is_for_all_until_it_ends() -> None:
    clock = Time()
    budget = Budget((Limit(60, 100),), clock)
    budget.block(30)
    budget.block(5)

    assert budget.take(1) == 30
    clock.now += 30
    assert budget.take(1) == 0


def test_what_others_have_used_is_counted() -> None:
    budget = Budget((Limit(60, 100), Limit(10, 1000)), Time())
    budget.take(10)
    budget.used(60, 95)
    budget.used(60, 20)

    assert budget.take(6) > 0
    assert budget.take(5) == 0


def test_limits_change_without_forgetting() -> None:
    budget = Budget((Limit(60, 100),), Time())
    budget.take(90)
    budget.change_limits((Limit(60, 1000), Limit(1, 500)))

    assert budget.limits == (Limit(60, 1000), Limit(1, 500))
    assert budget.take(400) == 0
    budget.change_limits((Limit(60, 495),))
    assert budget.take(6) > 0
    assert budget.take(5) == 0


@given(
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 40)), min_size=1, max_size=80),
    st.integers(40, 100),
    st.integers(1, 20),
)
def test_no_window_ever_holds_more_than_its_limit(asked: list[tuple[float, int]], weight: int, seconds: int) -> None:
    clock = Time()
    budget = Budget((Limit(seconds, weight),), clock)
    taken: list[tuple[float, int]] = []
    for pause, amount in asked:
        clock.now += pause
        wait = budget.take(amount)
        assert 0 <= wait <= seconds
        if wait:
            clock.now += wait
            assert budget.take(amount) == 0, "expected to be let in after the wait that was told"
        taken.append((clock.now, amount))
    for at, _ in taken:
        inside = sum(amount for when, amount in taken if at <= when < at + seconds - 1e-6)
        assert inside <= weight


async def test_a_question_waits_for_its_turn_and_an_order_does_not_for_long() -> None:
    traffic = Traffic("an exchange", Budget((Limit(0.3, 10),)), Budget((Limit(60, 1),)))
    with waiting_as(QUESTION):
        began = time.monotonic()
        await traffic.enter(8, 0)
        await traffic.enter(8, 0)
        assert time.monotonic() - began > 0.2

    with waiting_as(ORDER):
        await traffic.enter(1, 1)
        began = time.monotonic()
        with pytest.raises(RateLimited) as limited:
            await traffic.enter(1, 1)
        within(10, began)
    assert limited.value.retry_after == pytest.approx(60, abs=2)


async def test_many_who_wait_all_get_their_turn_or_are_told() -> None:
    traffic = Traffic("an exchange", Budget((Limit(0.1, 10),)), Budget(()))

    async def ask() -> bool:
        with waiting_as(Patience(0.55, 1.0)):
            try:
                await traffic.enter(5, 0)
            except RateLimited:
                return False
            return True

    answers = await asyncio.gather(*(ask() for _ in range(30)))
    assert 6 <= sum(answers) <= 14


def test_limits_are_read_from_what_binance_tells() -> None:
    told: list[dict[str, Any]] = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": "10", "limit": "100"},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200000},
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61000},
        {"rateLimitType": "ORDERS", "interval": "FORTNIGHT", "intervalNum": 1, "limit": 1},
    ]
    assert limits_told(told) == ((Limit(60, 6000),), (Limit(10, 100), Limit(86400, 200000)))
    assert limits_told(()) == ((), ())


def test_the_table_of_weights() -> None:
    assert venue_of("binance", "spot").address == (Limit(60, 6000),)
    assert venue_of("binance", "swap").orders == (Limit(10, 300), Limit(60, 1200))
    assert venue_of("kraken", "spot").weight_of_cost is None
    assert venue_of("binance", "swap").counts("https://fapi.binance.com/fapi/v1/time?a=/sapi/")
    assert not venue_of("binance", "swap").counts("https://api.binance.com/sapi/v1/account/apiRestrictions?a=/fapi/")
    assert venue_of("binance", "spot").counts("https://api.binance.com/sapi/v1/account/apiRestrictions")
    assert venue_of("kraken", "swap").counts("https://futures.kraken.com")
    assert is_new_order("POST", "order")
    assert not is_new_order("DELETE", "order")
    assert used_weight({"X-MBX-USED-WEIGHT-1M": "17"}, "x-mbx-used-weight-1m") == 17
    assert used_weight({"x-mbx-used-weight-1m": "many"}, "x-mbx-used-weight-1m") is None
    assert used_weight({}, "x-mbx-used-weight-1m") is None
