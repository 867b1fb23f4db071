import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.simulator.engine.symbols import Symbol
from services.simulator.market.intervals import MINUTE, SECOND
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.market.takers import TakerTrade
from services.simulator.market.trade_numbers import LISTED
from tests.services.simulator.market.offered import JUNE, SYMBOLS, shown

symbols = st.sampled_from(SYMBOLS)
seconds = st.integers(0, 15 * 365 * 86_400).map(lambda second: LISTED + second * SECOND)


def fills(market: SyntheticMarket, symbol: Symbol, trade: TakerTrade) -> list[tuple[int, int]]:
    """Return prices and quantities that `trade` gets from what the makers want at its time."""
    book = market.target_book(symbol, trade.time)
    left = trade.quantity
    filled = []
    for price, quantity in book.asks if trade.taker_bought else book.bids:
        filled.append((price, min(left, quantity)))
        left -= filled[-1][1]
        if not left:
            break
    return filled


@settings(deadline=None, max_examples=40)
@given(symbol=symbols, start=seconds)
def test_takers_trade_what_the_candles_say_in_each_second(market: SyntheticMarket, symbol: Symbol, start: int) -> None:
    candles = market.candles(symbol, "1s", start, start + 30 * SECOND)
    trades = market.taker_trades(symbol, start, start + 30 * SECOND)
    assert trades == sorted(trades, key=lambda trade: trade.time)
    for number in range(30):
        candle = candles.row(number)
        those = [trade for trade in trades if candle.open_time <= trade.time < candle.open_time + SECOND]
        assert 2 <= len(those) <= 4
        assert sum(trade.quantity for trade in those) == candle.volume
        assert sum(trade.quantity for trade in those if trade.taker_bought) == candle.taker_buy_volume
        assert min(trade.quantity for trade in those) > 0


@settings(deadline=None, max_examples=20)
@given(start=st.integers(JUNE, JUNE + MINUTE), steps=st.lists(st.integers(1, 3000), min_size=1, max_size=20))
def test_no_trade_is_lost_or_made_twice_however_time_is_cut(
    market: SyntheticMarket, start: int, steps: list[int]
) -> None:
    trades, begin = [], start
    for step in steps:
        trades += market.taker_trades(SYMBOLS[0], begin, begin + step)
        begin += step
    assert trades == market.taker_trades(SYMBOLS[0], start, begin)
    assert all(start <= trade.time < begin for trade in trades)


@pytest.mark.parametrize("each", SYMBOLS, ids=shown)
def test_live_trades_make_about_the_candles_of_the_path(market: SyntheticMarket, each: Symbol) -> None:
    candles = market.candles(each, "1m", JUNE, JUNE + 5 * MINUTE)
    tick = float(1 / candles.open[0])
    for number in range(len(candles)):
        candle = candles.row(number)
        trades = market.taker_trades(each, candle.open_time, candle.open_time + MINUTE)
        filled = [fill for trade in trades for fill in fills(market, each, trade)]
        prices = [price for price, _ in filled]
        live = (prices[0], max(prices), min(prices), prices[-1])
        assert np.abs(np.array(live) / candle[1:5] - 1).max() < 0.0004 + 4 * tick
        assert sum(quantity for _, quantity in filled) == candle.volume
        assert sum(price * quantity for price, quantity in filled) == pytest.approx(candle.quote_volume, rel=0.001)


def test_sizes_are_heavy_tailed_and_sides_go_with_the_price(market: SyntheticMarket) -> None:
    each = SYMBOLS[0]
    sizes = np.array([trade.quantity for trade in market.taker_trades(each, JUNE, JUNE + 60 * MINUTE)])
    assert sizes.max() > 10 * np.median(sizes)
    minutes = market.candles(each, "1m", JUNE, JUNE + 1440 * MINUTE)
    bought = minutes.taker_buy_volume / minutes.volume
    assert np.corrcoef(bought, minutes.close - minutes.open)[0, 1] > 0.2
