from hypothesis import given, settings
from hypothesis import strategies as st

from services.simulator.engine.symbols import Symbol
from services.simulator.market.intervals import SECOND
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.market.trade_numbers import LISTED
from tests.services.simulator.market.offered import JUNE, SYMBOLS

symbols = st.sampled_from(SYMBOLS)
seconds = st.integers(0, 15 * 365 * 86_400).map(lambda second: LISTED + second * SECOND)


@settings(deadline=None, max_examples=30)
@given(symbol=symbols, start=seconds)
def test_the_live_price_goes_through_the_candles(market: SyntheticMarket, symbol: Symbol, start: int) -> None:
    candles = market.candles(symbol, "1s", start, start + 400 * SECOND)
    for number in range(0, 400, 7):
        candle = candles.row(number)
        assert market.price(symbol, candle.open_time) == candle.open
        assert market.price(symbol, candle.open_time + SECOND) == candle.close
        within = [market.price(symbol, candle.open_time + part) for part in range(0, 1000, 125)]
        assert min(candle.open, candle.close) <= min(within)
        assert max(within) <= max(candle.open, candle.close)


def test_the_price_moves_in_quarters_of_a_second(market: SyntheticMarket) -> None:
    prices = [market.price(SYMBOLS[0], JUNE + moment) for moment in range(20 * SECOND)]
    changes = [moment for moment in range(1, len(prices)) if prices[moment] != prices[moment - 1]]
    assert len(changes) > 40
    assert all(moment % 250 == 0 for moment in changes)


def test_a_moment_is_the_same_however_one_comes_to_it() -> None:
    forward, backward = SyntheticMarket(5, SYMBOLS), SyntheticMarket(5, SYMBOLS[:3])
    moments = range(JUNE, JUNE + 1200 * SECOND, 17 * SECOND)
    there = [forward.price(SYMBOLS[2], moment) for moment in moments]
    assert [backward.price(SYMBOLS[2], moment) for moment in reversed(moments)] == there[::-1]
