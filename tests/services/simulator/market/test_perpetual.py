import pytest

from services.simulator.engine.symbols import Symbol
from services.simulator.market.intervals import DAY, HOUR
from services.simulator.market.perpetual import ONE, funding_rate, index_price, next_funding_time
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.market.trade_numbers import LISTED
from tests.services.simulator.market.offered import JUNE, SYMBOLS, shown, symbol

PERPETUALS = [each for each in SYMBOLS if each.market == "usdm"]


@pytest.mark.parametrize("each", PERPETUALS, ids=shown)
def test_the_index_is_the_spot_price_and_the_mark_a_little_off(market: SyntheticMarket, each: Symbol) -> None:
    spot = symbol(each.name)
    ticks = float(max(spot.tick_size, each.tick_size) / spot.reference_price)
    premiums = []
    for t_ms in range(LISTED + 7919, LISTED + 3000 * DAY, 37 * DAY + 5003):
        index, mark = market.index_price(each, t_ms) / ONE, market.mark_price(each, t_ms) / ONE
        assert index == pytest.approx(market.price(spot, t_ms // 1000 * 1000) * float(spot.tick_size), rel=4 * ticks)
        premiums.append(mark / index - 1)
    assert max(map(abs, premiums)) < 0.003
    assert min(premiums) < 0 < max(premiums)


def test_an_index_is_the_mark_without_the_premium() -> None:
    assert index_price(100_100 * ONE, ONE // 1000) == 100_000 * ONE


@pytest.mark.parametrize(
    ("premium", "hours", "rate"),
    [
        (0, 8, 10_000),
        (10_000, 8, 10_000),
        (60_000, 8, 10_000),
        (70_000, 8, 20_000),
        (-40_000, 8, 10_000),
        (-90_000, 8, -40_000),
        (0, 4, 5_000),
        (2_000_000, 8, 750_000),
        (-2_000_000, 8, -750_000),
    ],
)
def test_the_funding_rate_is_the_premium_and_interest_within_bounds(premium: int, hours: int, rate: int) -> None:
    assert funding_rate(premium, hours) == rate


@pytest.mark.parametrize(
    ("t_ms", "hours", "expected"),
    [
        (JUNE, 8, JUNE + 8 * HOUR),
        (JUNE + 8 * HOUR - 1, 8, JUNE + 8 * HOUR),
        (JUNE + 8 * HOUR, 8, JUNE + 16 * HOUR),
        (JUNE + HOUR // 2, 1, JUNE + HOUR),
    ],
)
def test_funding_is_paid_at_multiples_of_the_interval(t_ms: int, hours: int, expected: int) -> None:
    assert next_funding_time(t_ms, hours) == expected


def test_funding_is_mostly_a_hundredth_of_a_percent_and_sometimes_not(market: SyntheticMarket) -> None:
    perpetual = PERPETUALS[0]
    rates = [
        market.funding_rate(perpetual, time, time + 8 * HOUR)
        for time in range(LISTED, LISTED + 3000 * DAY, 11 * DAY + 8 * HOUR)
    ]
    assert sorted(rates)[len(rates) // 2] == 10_000
    assert len(set(rates)) > 1
    assert max(map(abs, rates)) < 300_000


def test_a_period_that_has_just_begun_has_a_rate(market: SyntheticMarket) -> None:
    assert abs(market.funding_rate(PERPETUALS[0], JUNE, JUNE)) <= 750_000
    assert market.funding_rate(PERPETUALS[0], JUNE, JUNE) == market.funding_rate(PERPETUALS[0], JUNE, JUNE + 59_999)
