from hypothesis import given, settings
from hypothesis import strategies as st

from services.simulator.engine.symbols import Symbol
from services.simulator.market.intervals import DAY, SECOND
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.market.trade_numbers import LISTED
from tests.services.simulator.market.offered import JUNE, SYMBOLS


@settings(deadline=None, max_examples=10)
@given(symbol=st.sampled_from(SYMBOLS), t_ms=st.integers(LISTED + DAY, LISTED + 5000 * DAY))
def test_it_is_what_the_seconds_of_a_day_add_up_to(market: SyntheticMarket, symbol: Symbol, t_ms: int) -> None:
    ticker = market.day_ticker(symbol, t_ms)
    end = t_ms // SECOND * SECOND
    seconds = market.candles(symbol, "1s", end - DAY, end)
    assert (ticker.open_time, ticker.close_time) == (end - DAY, end)
    assert (ticker.open, ticker.high, ticker.low, ticker.last) == (
        seconds.open[0],
        seconds.high.max(),
        seconds.low.min(),
        seconds.close[-1],
    )
    assert (ticker.volume, ticker.quote_volume, ticker.trades) == (
        seconds.volume.sum(),
        seconds.quote_volume.sum(),
        seconds.trades.sum(),
    )
    assert ticker.first_id + ticker.trades == market.trades_before(symbol, end)


def test_the_price_before_is_that_of_the_last_trade_before(market: SyntheticMarket) -> None:
    ticker = market.day_ticker(SYMBOLS[0], JUNE + 345)
    before = list(market.trades(SYMBOLS[0], JUNE - DAY - SECOND, JUNE - DAY))[-1]
    assert (ticker.previous_close, ticker.first_id) == (before.price, before.id + 1)
