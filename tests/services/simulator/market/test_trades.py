from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.simulator.engine.symbols import Symbol
from services.simulator.market.intervals import DAY, MINUTE, SECOND
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.market.trade_numbers import LISTED
from services.simulator.market.trades import Trade, second_trades
from tests.services.simulator.market.offered import JUNE, SYMBOLS

symbols = st.sampled_from(SYMBOLS)
seconds = st.integers(0, 15 * 365 * 86_400).map(lambda second: LISTED + second * SECOND)


def sums(trades: list[Trade]) -> tuple[int, int]:
    return sum(trade.quantity for trade in trades), sum(trade.price * trade.quantity for trade in trades)


@settings(deadline=None, max_examples=60)
@given(symbol=symbols, start=seconds, seed=st.integers(0, 3))
def test_a_seconds_trades_are_its_candle(symbol: Symbol, start: int, seed: int) -> None:
    market = SyntheticMarket(seed, SYMBOLS)
    candles = market.candles(symbol, "1s", start, start + 20 * SECOND)
    trades = list(market.trades(symbol, start, start + 20 * SECOND))
    for number in range(len(candles)):
        candle = candles.row(number)
        those = [trade for trade in trades if candle.open_time <= trade.time < candle.open_time + SECOND]
        prices = [trade.price for trade in those]
        assert (prices[0], max(prices), min(prices), prices[-1]) == candle[1:5]
        assert (*sums(those), len(those)) == candle[5:8]
        assert sums([trade for trade in those if trade.taker_bought]) == candle[8:10]
        assert min(trade.quantity for trade in those) > 0


@settings(deadline=None, max_examples=20)
@given(symbol=symbols, start=seconds, length=st.integers(1, 100_000))
def test_trades_of_a_range_are_in_order_and_numbered_without_gaps(
    market: SyntheticMarket, symbol: Symbol, start: int, length: int
) -> None:
    trades = list(market.trades(symbol, start, start + length))
    assert all(start <= trade.time < start + length for trade in trades)
    assert all(one.time <= other.time and one.id + 1 == other.id for one, other in pairwise(trades))
    first = market.trades_before(symbol, start)
    assert [trade.id for trade in trades[:1]] in ([], [first])
    assert (
        market.trades_before(symbol, start + 200 * SECOND) - first
        == market.span(symbol, start, start + 200 * SECOND).trades
    )


@settings(deadline=None, max_examples=20)
@given(symbol=symbols, start=seconds, skipped=st.integers(0, 500))
def test_paging_by_id_gives_the_same_trades_as_by_time(
    market: SyntheticMarket, symbol: Symbol, start: int, skipped: int
) -> None:
    by_time = list(market.trades(symbol, start, start + 3 * MINUTE))[skipped : skipped + 100]
    assert list(islice(market.trades_from(symbol, by_time[0].id), 100)) == by_time


@pytest.mark.parametrize("seconds_before", [0, 1, 61])
def test_ids_go_on_over_midnight(market: SyntheticMarket, seconds_before: int) -> None:
    start = JUNE + DAY - seconds_before * SECOND
    first = market.trades_before(SYMBOLS[0], start)
    assert next(market.trades(SYMBOLS[0], start, start + 2 * SECOND)).id == first
    assert next(market.trades_from(SYMBOLS[0], first)).time >= start
    assert next(market.trades_from(SYMBOLS[0], first - 1)).time < start


def test_the_first_trade_has_id_zero(market: SyntheticMarket) -> None:
    trade = next(market.trades_from(SYMBOLS[0], 0))
    assert trade == next(market.trades(SYMBOLS[0], LISTED - DAY, LISTED + DAY))
    assert trade.id == 0
    assert LISTED <= trade.time < LISTED + SECOND


def test_every_second_has_trades_of_both_sides(market: SyntheticMarket) -> None:
    for each in SYMBOLS:
        sides = {(trade.time // SECOND, trade.taker_bought) for trade in market.trades(each, JUNE, JUNE + 30 * SECOND)}
        assert len(sides) == 60


def test_sums_that_no_trades_have_are_refused() -> None:
    # Everything at the lowest price leaves no room for the trade at the highest.
    with pytest.raises(ArithmeticError, match="expected room"):
        second_trades((0, 100, 101, 99, 100, 200, 99 * 200, 8, 100, 99 * 100), 0, [0] * 8)
