"""What a perpetual has beyond its trades: premium over its index, mark price, index price and funding rate.

Rates and premiums are ints in 10^-8 (100 % is 10^8), mark and index prices ints in 10^-8 of the quote asset, which are
the units of the engine's rates and amounts.
"""

import numpy as np
from numpy.typing import NDArray

from services.simulator.market.candles import Candles
from services.simulator.market.factor_path import LEGS
from services.simulator.market.factors import Factors
from services.simulator.market.intervals import DAY, HOUR, MINUTE
from services.simulator.market.listing import Symbol, premium_factor
from services.simulator.market.recent import Recent

ONE = 10**8
_BLOCK = 60
_LEG = MINUTE // LEGS
#: Interest of 0.01 % for each eight hours, and how far the premium may move the rate from it (Binance: "Introduction
#: to Binance Futures Funding Rates").
_INTEREST = 10_000
_INTEREST_HOURS = 8
_DAMPER = 50_000
_GREATEST_RATE = 750_000
#: What is held of a perpetual, in percent of what is traded in a day.
_HELD = 40


class Premiums:
    """The premiums of the perpetuals of one market, of which there are `symbols`."""

    def __init__(self, factors: Factors, symbols: int) -> None:
        self._factors = factors
        self._blocks: Recent[tuple[str, int], NDArray[np.int64]] = Recent(2 * symbols)

    def premium(self, symbol: Symbol, t_ms: int) -> int:
        """Return by how much the perpetual is dearer than its index at `t_ms`."""
        leg, rest = divmod(t_ms, _LEG)
        block, place = divmod(leg, _BLOCK * LEGS)
        premiums = self._blocks.get((symbol.name, block), lambda: self._legs(symbol, block * _BLOCK, _BLOCK))
        begin, end = int(premiums[place]), int(premiums[place + 1])
        return begin + (end - begin) * rest // _LEG

    def mean(self, symbol: Symbol, start_ms: int, end_ms: int) -> int:
        """Return the mean premium of the full minutes from `start_ms` to before `end_ms`; at least one counts."""
        first = start_ms // MINUTE
        minutes = max(1, end_ms // MINUTE - first)
        return int(self._legs(symbol, first, minutes)[:-1:LEGS].sum()) // minutes

    def _legs(self, symbol: Symbol, first_minute: int, minutes: int) -> NDArray[np.int64]:
        name, coefficient, mean = premium_factor(symbol)
        path = self._factors.legs(name, first_minute, minutes) * coefficient
        path += mean
        path *= float(ONE)
        return np.rint(path).astype(np.int64)


def index_price(mark_price: int, premium: int) -> int:
    """Return the index price to a mark price, both in 10^-8."""
    return mark_price * ONE // (ONE + premium)


def next_funding_time(t_ms: int, interval_hours: int) -> int:
    """Return the first time after `t_ms` when funding is paid: a multiple of the interval since the epoch."""
    length = interval_hours * HOUR
    return (t_ms // length + 1) * length


def funding_rate(mean_premium: int, interval_hours: int) -> int:
    """Return the funding rate for a period: premium + clamp(interest - premium, ±0.05 %), ±0.75 % at most."""
    interest = _INTEREST * interval_hours // _INTEREST_HOURS
    rate = mean_premium + _clamp(interest - mean_premium, _DAMPER)
    return _clamp(rate, _GREATEST_RATE)


def open_interest(days: Candles, t_ms: int) -> int:
    """Return how many steps are held at `t_ms`, given the candles of the last two whole days.

    It is a part of what is traded in a day, and goes from what the day before last makes of it at midnight to what the
    last day makes of it at the next one.
    """
    before, last = (int(volume) for volume in days.volume)
    passed = t_ms % DAY
    return (before * (DAY - passed) + last * passed) * _HELD // (DAY * 100)


def _clamp(value: int, bound: int) -> int:
    return max(-bound, min(bound, value))
