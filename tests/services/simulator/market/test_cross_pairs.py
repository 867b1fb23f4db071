import numpy as np
import pytest
from numpy.typing import NDArray

from services.simulator.engine.symbols import Symbol
from services.simulator.market.intervals import DAY, HOUR
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.market.trade_numbers import LISTED
from tests.services.simulator.market.offered import JUNE, SYMBOLS, symbol

BTC, ETH, ETHBTC, BTCUSDC = (symbol(name) for name in ("BTCUSDT", "ETHUSDT", "ETHBTC", "BTCUSDC"))


def closes(market: SyntheticMarket, each: Symbol, interval: str, start: int, span: int) -> NDArray[np.float64]:
    return market.candles(each, interval, start, start + span).close.astype(np.float64) * float(each.tick_size)


@pytest.mark.parametrize(("interval", "span", "ticks"), [("1s", 3 * HOUR, 1.1), ("1m", 30 * DAY, 0.6)])
def test_a_cross_pair_is_the_quotient_of_its_pairs(seed: int, interval: str, span: int, ticks: float) -> None:
    # Rounding alone is half a tick; within the minute the turning points are rounded and then what is between them.
    market = SyntheticMarket(seed, SYMBOLS)
    for start in (LISTED, JUNE, JUNE + 5 * 365 * DAY):
        btc, eth, cross = (closes(market, each, interval, start, span) for each in (BTC, ETH, ETHBTC))
        assert np.abs(eth / btc - cross).max() < ticks * float(ETHBTC.tick_size)


def test_a_stable_coin_is_worth_a_dollar_with_a_little_noise(seed: int) -> None:
    market = SyntheticMarket(seed, SYMBOLS)
    coin = closes(market, BTC, "1m", JUNE, 30 * DAY) / closes(market, BTCUSDC, "1m", JUNE, 30 * DAY)
    assert np.abs(coin - 1).max() < 0.003
    assert 1e-6 < coin.std() < 0.001


def test_assets_move_with_the_market_and_on_their_own(market: SyntheticMarket) -> None:
    returns = [np.diff(np.log(closes(market, each, "1h", JUNE, 60 * DAY))) for each in SYMBOLS[:8]]
    correlations = np.corrcoef(returns)
    bitcoin = correlations[0]
    others = [number for number in range(1, 8) if SYMBOLS[number].base != "BTC" and SYMBOLS[number].quote == "USDT"]
    assert all(0.4 < bitcoin[number] < 0.98 for number in others)
