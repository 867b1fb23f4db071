"""Token buckets."""

from hypothesis import given
from hypothesis import strategies as st

from services.gateway_api.rates import Rates


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    rates = Rates(2.0, 5, clock)
    assert [rates.take("a") for _ in range(5)] == [0] * 5
    assert rates.take("a") == 1
    assert rates.take("b") == 0
    clock.now += 0.5
    assert rates.take("a") == 0
    assert rates.take("a") == 1


def test_a_slow_rate_says_how_long_to_wait() -> None:
    rates = Rates(0.1, 1, Clock())
    assert rates.take("a") == 0
    assert rates.take("a") == 10


def test_refused_requests_take_no_token() -> None:
    clock = Clock()
    rates = Rates(1.0, 1, clock)
    rates.take("a")
    for _ in range(100):
        assert rates.take("a") > 0
    clock.now += 1.0
    assert rates.take("a") == 0


def test_a_rate_of_zero_is_no_limit() -> None:
    assert not Rates(0.0).limited
    assert Rates(1.0).limited


def test_many_callers_cost_bounded_memory() -> None:
    clock = Clock()
    rates = Rates(1.0, 1, clock)
    for number in range(25_000):
        rates.take(number)
    assert len(rates._full_at) <= 10_000


@given(
    rate=st.floats(0.1, 1000.0),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0.0, 2.0), min_size=1, max_size=100),
)
def test_never_more_than_the_burst_and_what_flows_in(rate: float, burst: int, pauses: list[float]) -> None:
    clock = Clock()
    rates = Rates(rate, burst, clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        taken += rates.take("a") == 0
    assert taken <= burst + rate * clock.now + 1e-6 * len(pauses)


@given(rate=st.floats(0.1, 100.0), burst=st.integers(1, 20))
def test_after_the_wait_that_it_names_a_request_passes(rate: float, burst: int) -> None:
    clock = Clock()
    rates = Rates(rate, burst, clock)
    wait = 0
    while wait == 0:
        wait = rates.take("a")
    clock.now += wait
    assert rates.take("a") == 0


def test_the_default_burst_is_two_seconds_worth() -> None:
    rates = Rates(3.0, 0, Clock())
    assert [rates.take("a") == 0 for _ in range(8)] == [True] * 6 + [False] * 2


def test_buckets_are_apart() -> None:
    rates = Rates(1.0, 1, Clock())
    assert rates.take(("admin", None)) == 0
    assert rates.take(("admin", "key-1")) == 0
