"""Intervals of candles: how long they are, and when candles open and end. Times in ms since the epoch, UTC."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from shared.contracts.marketdata.candles import CandleInterval

_SECOND = 1000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
#: The epoch was a Thursday; weeks begin on Mondays.
_MONDAY = 4 * _DAY


class Interval(msgspec.Struct, frozen=True):
    """Candles of `length` ms that open at `offset` and multiples of it after; `is_month`: of calendar months.

    The length of months is that of the shortest.
    """

    name: CandleInterval
    length: int
    offset: int = 0
    is_month: bool = False

    def open_at(self, at: int) -> int:
        """Return when the candle opened that runs at `at`."""
        if not self.is_month:
            return at - (at - self.offset) % self.length
        moment = datetime.fromtimestamp(at // 1000, UTC)
        return _month(moment.year, moment.month)

    def end_of(self, opened: int) -> int:
        """Return when the candle ends that opened at `opened`. Exchanges may open theirs at other times than ours."""
        if not self.is_month:
            return opened + self.length
        moment = datetime.fromtimestamp(opened // 1000, UTC)
        return _month(moment.year + moment.month // 12, moment.month % 12 + 1)

    def ended_before(self, at: int) -> int:
        """Return the bound before which every candle that opened has ended at `at`."""
        return self.open_at(at) if self.is_month else at - self.length + 1

    def most_in(self, start: int, end: int) -> int:
        """Return how many candles at most open from `start` to before `end`."""
        return max(0, -(-(end - start) // self.length))


def _month(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000


_LENGTHS = {
    CandleInterval.S1: _SECOND,
    CandleInterval.M1: _MINUTE,
    CandleInterval.M3: 3 * _MINUTE,
    CandleInterval.M5: 5 * _MINUTE,
    CandleInterval.M15: 15 * _MINUTE,
    CandleInterval.M30: 30 * _MINUTE,
    CandleInterval.H1: _HOUR,
    CandleInterval.H2: 2 * _HOUR,
    CandleInterval.H4: 4 * _HOUR,
    CandleInterval.H6: 6 * _HOUR,
    CandleInterval.H8: 8 * _HOUR,
    CandleInterval.H12: 12 * _HOUR,
    CandleInterval.D1: _DAY,
    CandleInterval.D3: 3 * _DAY,
}

#: By their names.
INTERVALS: Mapping[str, Interval] = {
    **{str(name): Interval(name, length) for name, length in _LENGTHS.items()},
    "1w": Interval(CandleInterval.W1, 7 * _DAY, _MONDAY),
    "1M": Interval(CandleInterval.MO1, 28 * _DAY, is_month=True),
}
