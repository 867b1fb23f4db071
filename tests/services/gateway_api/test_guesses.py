"""Counting wrong attempts by address."""

from services.gateway_api.guesses import Guesses


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_address_waits_until_its_window_ends() -> None:
    clock = Clock()
    guesses = Guesses(2, 60.0, clock)
    guesses.wrong("a")
    assert guesses.wait("a") == 0
    clock.now = 20.0
    guesses.wrong("a")
    assert guesses.wait("a") == 40
    assert guesses.wait("b") == 0
    assert guesses.wait_of_known("a") == 0
    clock.now = 60.0
    assert guesses.wait("a") == 0


def test_ten_times_the_limit_closes_the_address_for_everybody() -> None:
    guesses = Guesses(2, 60.0, Clock())
    for _ in range(20):
        guesses.wrong("a")
    assert guesses.wait_of_known("a") == 60
    assert guesses.wait_of_known("b") == 0


def test_many_addresses_cost_bounded_memory() -> None:
    clock = Clock()
    guesses = Guesses(1, 60.0, clock)
    for number in range(25_000):
        guesses.wrong(str(number))
    assert len(guesses._counts) <= 10_000
    assert guesses.wait("24999") > 0


def test_no_limit_counts_nothing() -> None:
    guesses = Guesses(0, 60.0, Clock())
    for _ in range(100):
        guesses.wrong("a")
    assert guesses.wait("a") == 0
    assert guesses.wait_of_known("a") == 0
