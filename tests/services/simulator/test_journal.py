"""The journal tells every listener of the same outcomes in the same order, also of those that listeners cause."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from services.simulator.batch import Batch
from services.simulator.engine.events import BookChange, Outcome
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.terms import OrderType, Side
from services.simulator.exchange import Exchange
from services.simulator.journal import Journal
from services.simulator.memory_store import MemoryStore
from services.simulator.settings import SimulatorSettings
from services.simulator.venue import Venue
from tests.services.simulator.engine.desk import of


def public(number: int) -> Outcome:
    """Return an outcome that touches no user's rows."""
    return Outcome((BookChange("BTCUSDT", 0, number, number, (), ()),))


class Heard:
    """What a listener has heard of, and what it does then."""

    def __init__(self, then: Callable[[int], None] = lambda _: None) -> None:
        self.numbers: list[int] = []
        self._then = then

    def __call__(self, _: Venue, outcome: Outcome) -> None:
        [change] = of(BookChange, outcome)
        self.numbers.append(change.last_update_id)
        self._then(change.last_update_id)


async def _written(_: Batch) -> None:
    await asyncio.sleep(0)


async def test_what_a_listener_causes_is_told_after_what_it_heard() -> None:
    journal = Journal(lambda _: None, _written)

    def cause(number: int) -> None:
        if number < 30:
            journal.record("spot", public(number * 10))
            journal.record("spot", public(number * 10 + 1))

    first, second = Heard(cause), Heard()
    journal.listen(first)
    journal.listen(second)
    journal.record("spot", public(1))
    journal.record("spot", public(2))
    assert first.numbers == [1, 10, 11, 100, 101, 110, 111, 2, 20, 21, 200, 201, 210, 211]
    assert second.numbers == first.numbers


async def test_one_that_fails_is_not_told_for_ever() -> None:
    journal = Journal(lambda _: None, _written)

    def fail(number: int) -> None:
        if number == 1:
            raise RuntimeError("no")

    heard = Heard(fail)
    journal.listen(heard)
    with pytest.raises(RuntimeError):
        journal.record("spot", public(1))
    journal.record("spot", public(2))
    assert heard.numbers == [1, 2]


async def test_all_hear_the_same_whoever_asks_engines_when_told() -> None:
    """One listener has every book quoted as soon as anything happens; those before and after it follow the books."""
    exchange = Exchange(SimulatorSettings.model_validate({}), MemoryStore())
    names = list(exchange.spot.symbols)
    before: list[BookChange] = []
    after: list[BookChange] = []

    def ask(_: Venue, __: Outcome) -> None:
        for name in names:
            exchange.spot.depth(name, 5)

    exchange.listen(lambda _, outcome: before.extend(of(BookChange, outcome)))
    exchange.listen(ask)
    exchange.listen(lambda _, outcome: after.extend(of(BookChange, outcome)))
    await exchange.start()
    account = await exchange.accounts.make({"USDT": Decimal(1_000_000)}, {})
    order = NewOrder(
        account=account.name, symbol="BTCUSDT", side=Side.BUY, type=OrderType.MARKET, quote_quantity=Decimal(100)
    )
    for _ in range(5):
        await exchange.act(lambda: exchange.spot.place(order))
    await exchange.stop()
    assert {change.symbol for change in before} >= set(names)
    assert before == after
