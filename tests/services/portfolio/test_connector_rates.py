"""The prices of one connector: asked for again and again, at once for what is new, and believed for a while only."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal

import pytest

from services.portfolio import connector_rates
from services.portfolio.connector_rates import INTERVAL, MAX_AGE, ConnectorRates
from shared.errors import CommandError, ErrorCode
from tests.eventually import eventually
from tests.pace import within


class Market:
    """Answers what it is told to, and notes what it was asked."""

    def __init__(self) -> None:
        self.prices: Mapping[str, float] = {}
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.asked: list[tuple[str, ...]] = []
        self.changes = 0
        self.time = 1_000.0

    async def ask(self, connector: str, tokens: tuple[str, ...]) -> Mapping[str, float]:
        assert connector == "paper"
        self.asked.append(tokens)
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return {token: price for token, price in self.prices.items() if token in tokens}

    def changed(self) -> None:
        self.changes += 1

    def clock(self) -> float:
        return self.time

    async def is_asked_again(self, times: int = 2) -> None:
        """Wait until a question that begins after now has been answered."""
        until = len(self.asked) + times
        await eventually(lambda: len(self.asked) >= until)


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
async def rates(market: Market, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ConnectorRates]:
    """Rates that ask every few milliseconds."""
    monkeypatch.setattr(connector_rates, "INTERVAL", 0.002)
    rates = ConnectorRates("paper", market.ask, market.changed, market.clock)
    yield rates
    await rates.stop()


@pytest.fixture
async def patient(market: Market) -> AsyncIterator[ConnectorRates]:
    """Rates that ask as often as those of the product."""
    rates = ConnectorRates("paper", market.ask, market.changed, market.clock)
    yield rates
    await rates.stop()


def wanted(*tokens: str) -> frozenset[str]:
    return frozenset(tokens)


async def test_prices_follow_the_market(rates: ConnectorRates, market: Market) -> None:
    market.prices = {"BTC": 50_000.1, "ETH": 0.1}
    rates.want(wanted("BTC", "ETH", "ODD"))
    await rates.asked()
    # The decimal that people see, not the binary fraction that stands for it.
    assert (rates.price("BTC"), rates.price("ETH"), rates.price("ODD")) == (Decimal("50000.1"), Decimal("0.1"), None)
    market.prices = {"BTC": 51_000, "ETH": 0.1}
    await eventually(lambda: rates.price("BTC") == 51_000)
    assert market.changes == 2


async def test_the_same_prices_are_no_change(rates: ConnectorRates, market: Market) -> None:
    market.prices = {"BTC": 5.0}
    rates.want(wanted("BTC"))
    await rates.asked()
    await market.is_asked_again(5)
    assert market.changes == 1


async def test_a_new_token_is_asked_for_at_once(patient: ConnectorRates, market: Market) -> None:
    market.prices = {"BTC": 5.0, "ETH": 2.0}
    patient.want(wanted("BTC"))
    await patient.asked()
    patient.want(wanted("BTC", "ETH"))
    patient.want(wanted("BTC", "ETH"))
    await patient.asked()
    assert patient.price("ETH") == 2
    assert market.asked == [("BTC",), ("BTC", "ETH")]


async def test_what_market_data_does_not_have_yet_is_asked_for_again_soon(
    patient: ConnectorRates, market: Market
) -> None:
    began = time.monotonic()
    patient.want(wanted("BTC"))
    await patient.asked()
    assert patient.price("BTC") is None
    market.prices = {"BTC": 5.0}
    await eventually(lambda: patient.price("BTC") == 5)
    within(INTERVAL, began)


async def test_what_it_never_has_is_asked_for_ever_less_often(patient: ConnectorRates, market: Market) -> None:
    market.prices = {"BTC": 5.0}
    patient.want(wanted("BTC", "ODD"))
    await eventually(lambda: len(market.asked) == 3)
    began = time.monotonic()
    await market.is_asked_again(1)
    assert time.monotonic() - began > 0.2


async def test_a_token_that_comes_while_a_question_is_under_way_is_asked_for_next(
    patient: ConnectorRates, market: Market
) -> None:
    market.prices = {"BTC": 5.0, "ETH": 2.0}
    market.open.clear()
    patient.want(wanted("BTC"))
    await eventually(lambda: len(market.asked) == 1)
    patient.want(wanted("BTC", "ETH"))
    market.open.set()
    await patient.asked()
    assert patient.price("ETH") == 2


@pytest.mark.parametrize("code", [ErrorCode.UNAVAILABLE, ErrorCode.UPSTREAM, ErrorCode.BUSY, ErrorCode.INTERNAL])
async def test_while_market_data_is_away_the_last_prices_remain(
    rates: ConnectorRates, market: Market, code: ErrorCode
) -> None:
    market.prices = {"BTC": 5.0}
    rates.want(wanted("BTC"))
    await rates.asked()
    market.error = CommandError(code, "away")
    await market.is_asked_again()
    market.time += MAX_AGE - 1
    await market.is_asked_again()
    assert rates.price("BTC") == 5
    market.time += 2
    await eventually(lambda: rates.price("BTC") is None)
    market.error = None
    await eventually(lambda: rates.price("BTC") == 5)
    assert market.changes == 3


async def test_a_token_that_has_no_price_any_more_keeps_its_last_for_a_while(
    rates: ConnectorRates, market: Market
) -> None:
    market.prices = {"BTC": 5.0, "ETH": 2.0}
    rates.want(wanted("BTC", "ETH"))
    await rates.asked()
    market.prices = {"ETH": 2.0}
    await market.is_asked_again()
    assert rates.price("BTC") == 5
    market.time += MAX_AGE + 1
    await eventually(lambda: rates.price("BTC") is None)
    assert rates.price("ETH") == 2


async def test_a_token_that_is_held_no_more_is_forgotten(rates: ConnectorRates, market: Market) -> None:
    market.prices = {"BTC": 5.0, "ETH": 2.0}
    rates.want(wanted("BTC", "ETH"))
    await rates.asked()
    rates.want(wanted("ETH"))
    await eventually(lambda: rates.price("BTC") is None)
    await market.is_asked_again()
    assert market.asked[-1] == ("ETH",)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
async def test_what_is_no_price_is_none(rates: ConnectorRates, market: Market, price: float) -> None:
    market.prices = {"BTC": price}
    rates.want(wanted("BTC"))
    await rates.asked()
    assert rates.price("BTC") is None


async def test_a_defect_does_not_end_the_asking(rates: ConnectorRates, market: Market) -> None:
    market.prices = {"BTC": 5.0}
    market.error = ValueError("rubbish")
    rates.want(wanted("BTC"))
    await rates.asked()
    assert rates.price("BTC") is None
    market.error = None
    await eventually(lambda: rates.price("BTC") == 5)


async def test_a_connector_without_prices_is_left_alone(rates: ConnectorRates, market: Market) -> None:
    market.error = CommandError(ErrorCode.REFUSED, "bots only")
    rates.want(wanted("BTC"))
    await rates.asked()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await market.is_asked_again(1)
    assert len(market.asked) == 1


async def test_failures_do_not_let_each_change_of_balances_ask_again(patient: ConnectorRates, market: Market) -> None:
    market.error = CommandError(ErrorCode.REFUSED, "no")
    for _ in range(50):
        patient.want(wanted("BTC"))
        await patient.asked()
    assert len(market.asked) == 1


async def test_many_tokens_are_asked_for_in_portions(
    rates: ConnectorRates, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector_rates, "MAX_PAIRS", 2)
    market.prices = {"A": 1.0, "B": 2.0, "C": 3.0}
    rates.want(wanted("A", "B", "C", "x" * 33, ""))
    await rates.asked()
    assert market.asked[:2] == [("A", "B"), ("C",)]
    assert rates.price("C") == 3
