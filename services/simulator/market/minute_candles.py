"""One-minute candles of whole days, from the legs of each minute."""

import numpy as np

from services.simulator.market.candles import Candles
from services.simulator.market.factor_path import LEGS
from services.simulator.market.factors import Factors
from services.simulator.market.intervals import MINUTE
from services.simulator.market.legs import Ints, Legs, make_legs
from services.simulator.market.listing import Listing
from services.simulator.market.trade_numbers import LEAST_TRADES_A_MINUTE, day_extras, share_out

_MINUTES = 1440


def day_candles(factors: Factors, listing: Listing, first_day: int, days: int) -> Candles:
    """Return the one-minute candles of `days` (> 0) whole days from `first_day` (counted from the epoch) on."""
    legs = make_legs(factors, listing, first_day * _MINUTES, days * _MINUTES)
    prices = legs.prices
    high, low = _extremes(prices)
    high += legs.wicks
    low -= legs.wicks
    bought, bought_quote = _sums(legs, legs.bought)
    sold, sold_quote = _sums(legs, legs.volumes - legs.bought)
    volume = bought + sold
    trades = share_out(
        day_extras(listing, first_day, days), volume.reshape(days, _MINUTES), LEAST_TRADES_A_MINUTE
    ).reshape(-1)
    first = first_day * _MINUTES
    open_time = np.arange(first, first + days * _MINUTES, dtype=np.int64) * MINUTE
    # Copies of the opens and closes, so that a kept candle does not keep all legs.
    return Candles(
        open_time,
        prices[:-1:LEGS].copy(),
        high,
        low,
        prices[LEGS::LEGS].copy(),
        volume,
        bought_quote + sold_quote,
        trades,
        bought,
        bought_quote,
    )


def _extremes(prices: Ints) -> tuple[Ints, Ints]:
    """Return the highest and lowest of each minute's nine turning points."""
    rows = prices[:-1].reshape(-1, LEGS)
    high = prices[LEGS::LEGS].copy()
    low = high.copy()
    for leg in range(LEGS):
        np.maximum(high, rows[:, leg], out=high)
        np.minimum(low, rows[:, leg], out=low)
    return high, low


def _sums(legs: Legs, volumes: Ints) -> tuple[Ints, Ints]:
    """Return each minute's volume and quote volume of one side; a leg's average price is the middle of its ends."""
    quote = np.diff(legs.prices)
    quote *= volumes
    quote >>= 1
    quote += legs.prices[:-1] * volumes
    return _by_minute(volumes), _by_minute(quote)


def _by_minute(values: Ints) -> Ints:
    rows = values.reshape(-1, LEGS)
    total = rows[:, 0].copy()
    for leg in range(1, LEGS):
        total += rows[:, leg]
    return total
