"""What the 24 h figures of one pair are made of for an hour, so that they cost little each time they are asked for.

Of the day, only the minutes at both ends are kept: those that it loses in the hour and those that it gains. What lies
between adds up to one candle. Pairs begin their hours in different minutes, so that not all are due at once.
"""

import numpy as np

from services.simulator.engine.symbol import Symbol
from services.simulator.live_minute import overlay
from services.simulator.market.candles import Candles, combine, copied, no_candles
from services.simulator.market.hashing import key_of
from services.simulator.market.intervals import DAY, HOUR, MINUTE, SECOND
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.market.trades import Trade as SyntheticTrade

_MINUTES = HOUR // MINUTE
_DAY_MINUTES = DAY // MINUTE
#: Seconds are made for this long at a time; an hour is a multiple of it.
_SECONDS = 10 * MINUTE


def anchor_of(symbol: Symbol, minute: int) -> int:
    """Return when the hour begins that `minute` is in, of those of `symbol`."""
    shift = key_of(symbol.market, symbol.name) % _MINUTES * MINUTE
    return (minute + shift) // HOUR * HOUR - shift


class DayWindow:
    """The day up to each minute of the hour that begins at `anchor`.

    It holds what was known when it was made of the minutes before `anchor`: `live` are those that were traded live.
    """

    def __init__(self, market: SyntheticMarket, symbol: Symbol, anchor: int, live: Candles) -> None:
        self._market = market
        self._symbol = symbol
        self.anchor = anchor
        self.asked = anchor  # when it was used last, for who keeps it
        begin = anchor - DAY
        first_day = begin // DAY
        minutes = market.whole_days(symbol, first_day, -(-(anchor + HOUR) // DAY) - first_day)
        place = (begin - first_day * DAY) // MINUTE
        ids = np.cumsum(minutes.trades) - minutes.trades + market.trades_before(symbol, first_day * DAY)
        day = overlay(minutes.rows(place, place + _DAY_MINUTES), live)
        self._leaving = copied(day.rows(0, _MINUTES + 1))
        self._leaving_ids: list[int] = ids[place : place + _MINUTES + 1].tolist()
        self._between = combine(day.rows(_MINUTES + 1, _DAY_MINUTES), [begin + (_MINUTES + 1) * MINUTE])
        place += _DAY_MINUTES
        self._coming = copied(minutes.rows(place, place + _MINUTES))
        self._coming_ids: list[int] = ids[place : place + _MINUTES].tolist()
        self._seconds_begin = 0
        self._seconds = no_candles()

    def holds(self, minute: int) -> bool:
        """Return whether the day up to `minute` is here."""
        return self.anchor <= minute < self.anchor + HOUR

    def before(self, begin: int) -> tuple[Candles, Candles]:
        """Return candles of all from `begin`, at most an hour after the day's begin, to before `anchor`."""
        return self._leaving.rows((begin - self.anchor + DAY) // MINUTE, _MINUTES + 1), self._between

    def since(self, minute: int) -> Candles:
        """Return the synthetic minutes from `anchor` to before `minute`."""
        return self._coming.rows(0, (minute - self.anchor) // MINUTE)

    def first_id(self, begin: int) -> int:
        """Return the id of the first trade of the synthetic minute `begin`, as for `before`."""
        return self._leaving_ids[(begin - self.anchor + DAY) // MINUTE]

    def seconds(self, start_ms: int, end_ms: int) -> Candles:
        """Return the synthetic seconds of a part of one minute of the hour."""
        block = self.anchor + (start_ms - self.anchor) // _SECONDS * _SECONDS
        if self._seconds_begin != block:
            self._seconds_begin = block
            self._seconds = self._market.seconds_of(self._symbol, self._coming.between(block, block + _SECONDS))
        return self._seconds.rows((start_ms - block) // SECOND, (end_ms - block) // SECOND)

    def newest_trade(self, before: int) -> SyntheticTrade | None:
        """Return the last synthetic trade of the two seconds until `before` (ms), None if one is not in the hour."""
        last = (before - 1) // SECOND * SECOND
        for second in (last, last - SECOND):
            minute = second // MINUTE * MINUTE
            if not self.holds(minute):
                return None
            seconds = self.seconds(minute, second + SECOND)
            first_id = self._coming_ids[(minute - self.anchor) // MINUTE] + int(seconds.trades[:-1].sum())
            trades = self._market.trades_of(self._symbol, seconds.row(len(seconds) - 1), first_id)
            for trade in reversed(trades):
                if trade.time < before:
                    return trade
        return None
