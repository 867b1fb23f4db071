"""Prices of all connectors: for what is held, each connector by itself."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal

import pytest

from services.portfolio import rates as rates_module
from services.portfolio.rates import Rates
from shared.errors import CommandError, ErrorCode
from tests.eventually import eventually


class Markets:
    """Two connectors; one may hang, another is down."""

    def __init__(self) -> None:
        self.held: dict[str, frozenset[str]] = {}
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.hanging = asyncio.Event()

    async def ask(self, connector: str, tokens: tuple[str, ...]) -> Mapping[str, float]:
        self.asked.append((connector, tokens))
        if connector == "slow":
            await self.hanging.wait()
        if connector == "down":
            raise CommandError(ErrorCode.UNAVAILABLE, "the service marketdata is not running")
        return dict.fromkeys(tokens, 2.5)

    def hold(self, **held: set[str]) -> None:
        self.held = {connector: frozenset(tokens) for connector, tokens in held.items()}


@pytest.fixture
def markets() -> Markets:
    return Markets()


@pytest.fixture
async def rates(markets: Markets) -> AsyncIterator[Rates]:
    rates = Rates(markets.ask, lambda: markets.held)
    await rates.start()
    yield rates
    await rates.stop()


async def test_what_is_held_has_a_price(rates: Rates, markets: Markets) -> None:
    assert rates.price("paper", "BTC") is None
    before = rates.generation
    markets.hold(paper={"BTC", "USDT", "ARS"})
    rates.look()
    await eventually(lambda: rates.price("paper", "BTC") == Decimal("2.5"))
    assert rates.generation > before
    # Dollars and what is left out need none.
    assert markets.asked == [("paper", ("BTC",))]


async def test_a_slow_connector_and_one_that_is_down_hold_up_no_other(rates: Rates, markets: Markets) -> None:
    markets.hold(slow={"BTC"}, down={"BTC"}, paper={"ETH"})
    await rates.settle(0.3)
    assert rates.price("paper", "ETH") == Decimal("2.5")
    assert rates.price("slow", "BTC") is None
    assert rates.price("down", "BTC") is None
    markets.hanging.set()
    await rates.settle(5)
    assert rates.price("slow", "BTC") == Decimal("2.5")


async def test_settling_waits_for_what_has_just_come(rates: Rates, markets: Markets) -> None:
    await rates.settle(5)
    markets.hold(paper={"BTC"})
    await rates.settle(5)
    assert rates.price("paper", "BTC") == Decimal("2.5")
    markets.hold(paper={"BTC", "ETH"})
    await rates.settle(5)
    assert rates.price("paper", "ETH") == Decimal("2.5")


async def test_a_connector_on_which_nothing_is_held_is_asked_no_more(
    markets: Markets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates_module, "INTERVAL", 0.01)
    rates = Rates(markets.ask, lambda: markets.held)
    await rates.start()
    markets.hold(paper={"BTC"}, okx={"ETH"})
    await rates.settle(5)
    before = rates.generation
    markets.hold(okx={"ETH"})  # nobody says so: an account was deleted
    await eventually(lambda: rates.price("paper", "BTC") is None)
    assert rates.generation > before
    assert rates.price("okx", "ETH") == Decimal("2.5")
    await rates.stop()
    assert rates.price("okx", "ETH") is None
