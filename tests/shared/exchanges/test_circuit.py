"""An exchange that does not answer is not asked for a while, then by one."""

import pytest

from shared.exchanges.asking import Asking
from shared.exchanges.circuit import FAILURES, Circuit
from shared.exchanges.errors import ExchangeDown, OutcomeUnknown, Refused
from shared.exchanges.unanswered import Unanswered


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _opened(clock: Time) -> Circuit:
    circuit = Circuit("an exchange", clock)
    for _ in range(FAILURES):
        circuit.enter()
        circuit.failed()
    return circuit


def test_it_opens_after_failures_in_a_row_only() -> None:
    circuit = Circuit("an exchange", Time())
    for _ in range(FAILURES * 3):
        circuit.failed()
        circuit.succeeded()
    circuit.enter()
    assert _opened(Time()).is_open


def test_one_tries_after_the_pause_and_the_others_are_told() -> None:
    clock = Time()
    circuit = _opened(clock)
    with pytest.raises(ExchangeDown, match="an exchange does not answer"):
        circuit.enter()
    clock.now += 0.6
    circuit.enter()
    with pytest.raises(ExchangeDown):
        circuit.enter()
    circuit.succeeded()
    circuit.enter()
    circuit.enter()


def test_pauses_grow_and_have_an_end() -> None:
    clock = Time()
    circuit = _opened(clock)
    pauses = []
    for _ in range(12):
        began = clock.now
        while True:
            try:
                circuit.enter()
            except ExchangeDown:
                clock.now += 0.05
            else:
                break
        circuit.failed()
        pauses.append(clock.now - began)
    assert max(pauses[:2]) < 3
    assert 7 <= max(pauses) <= 15.1


async def test_what_an_error_means_depends_on_what_was_asked() -> None:
    async def silent() -> int:
        raise Unanswered("an exchange did not answer")

    async def refused() -> int:
        raise Refused("no")

    asking = Asking(Circuit("an exchange"))
    with pytest.raises(ExchangeDown):
        await asking.question(silent)
    with pytest.raises(OutcomeUnknown):
        await asking.change(silent)
    for ask in (asking.question, asking.change):
        with pytest.raises(Refused, match="no"):
            await ask(refused)


async def test_refusals_close_it_and_silence_opens_it() -> None:
    circuit = Circuit("an exchange")
    asking = Asking(circuit)

    async def silent() -> int:
        raise ExchangeDown("cannot be reached")

    async def refused() -> int:
        raise Refused("no")

    for _ in range(FAILURES - 1):
        with pytest.raises(ExchangeDown):
            await asking.change(silent)
    with pytest.raises(Refused):
        await asking.change(refused)
    assert not circuit.is_open
    for _ in range(FAILURES):
        with pytest.raises(ExchangeDown):
            await asking.change(silent)
    assert circuit.is_open
