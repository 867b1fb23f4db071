"""Binance's candle intervals: where each candle begins and ends, in milliseconds since the epoch, UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_WEEK = 7 * DAY
#: The first Monday after the epoch, a Thursday.
_MONDAY = 4 * DAY


@dataclass(frozen=True, slots=True)
class Interval:
    """Candles of `length` ms that begin at `offset` plus multiples of it; of a calendar month if `length` is 0."""

    name: str
    length: int
    offset: int = 0

    def begin(self, t_ms: int) -> int:
        """Return the begin of the candle that `t_ms` is in."""
        if self.length:
            return t_ms - (t_ms - self.offset) % self.length
        moment = _moment(t_ms)
        return _milliseconds(moment.year, moment.month)

    def end(self, t_ms: int) -> int:
        """Return the end of the candle that `t_ms` is in, which is the begin of the next."""
        if self.length:
            return self.begin(t_ms) + self.length
        moment = _moment(t_ms)
        return _milliseconds(moment.year + moment.month // 12, moment.month % 12 + 1)

    def begins(self, start_ms: int, end_ms: int) -> list[int]:
        """Return the begins of all candles that begin at or after `start_ms` and before `end_ms`."""
        first = start_ms if self.begin(start_ms) == start_ms else self.end(start_ms)
        if self.length:
            return list(range(first, end_ms, self.length))
        begins = []
        while first < end_ms:
            begins.append(first)
            first = self.end(first)
        return begins


def _moment(t_ms: int) -> datetime:
    return datetime.fromtimestamp(t_ms // SECOND, UTC)


def _milliseconds(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * SECOND


#: By their names at Binance. Spot has all of them, futures all but `1s`.
INTERVALS: Mapping[str, Interval] = {
    interval.name: interval
    for interval in (
        Interval("1s", SECOND),
        Interval("1m", MINUTE),
        Interval("3m", 3 * MINUTE),
        Interval("5m", 5 * MINUTE),
        Interval("15m", 15 * MINUTE),
        Interval("30m", 30 * MINUTE),
        Interval("1h", HOUR),
        Interval("2h", 2 * HOUR),
        Interval("4h", 4 * HOUR),
        Interval("6h", 6 * HOUR),
        Interval("8h", 8 * HOUR),
        Interval("12h", 12 * HOUR),
        Interval("1d", DAY),
        Interval("3d", 3 * DAY),
        Interval("1w", _WEEK, _MONDAY),
        Interval("1M", 0),
    )
}
