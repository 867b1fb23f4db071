from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator.market.intervals import DAY, INTERVALS, Interval

intervals = st.sampled_from(sorted(INTERVALS.values(), key=lambda interval: interval.name))
#: From 2018 to 2100.
times = st.integers(1_514_764_800_000, 4_102_444_800_000)


BINANCE = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"


def text(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms / 1000, UTC).isoformat()[:16]


def test_they_are_those_of_binance() -> None:
    assert list(INTERVALS) == BINANCE.split()


@pytest.mark.parametrize(
    ("name", "begin", "end"),
    [
        ("1m", "2024-02-29T13:37", "2024-02-29T13:38"),
        ("15m", "2024-02-29T13:30", "2024-02-29T13:45"),
        ("8h", "2024-02-29T08:00", "2024-02-29T16:00"),
        ("1d", "2024-02-29T00:00", "2024-03-01T00:00"),
        ("3d", "2024-02-29T00:00", "2024-03-03T00:00"),
        ("1w", "2024-02-26T00:00", "2024-03-04T00:00"),
        ("1M", "2024-02-01T00:00", "2024-03-01T00:00"),
    ],
)
def test_a_candle_begins_and_ends_where_binances_does(name: str, begin: str, end: str) -> None:
    moment = int(datetime(2024, 2, 29, 13, 37, 21, 5000, tzinfo=UTC).timestamp() * 1000)
    assert (text(INTERVALS[name].begin(moment)), text(INTERVALS[name].end(moment))) == (begin, end)


def test_december_ends_with_the_year() -> None:
    moment = int(datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp() * 1000)
    assert text(INTERVALS["1M"].end(moment)) == "2024-01-01T00:00"


@given(intervals, times)
def test_candles_follow_each_other(interval: Interval, t_ms: int) -> None:
    begin, end = interval.begin(t_ms), interval.end(t_ms)
    assert begin <= t_ms < end
    assert interval.begin(begin) == begin == interval.begin(end - 1)
    assert interval.begin(end) == end


@given(intervals, times, st.integers(0, 100 * DAY))
def test_begins_are_all_in_the_range(interval: Interval, start: int, length: int) -> None:
    end = start + min(length, 200 * (interval.length or 31 * DAY))
    begins = interval.begins(start, end)
    assert all(start <= begin < end and interval.begin(begin) == begin for begin in begins)
    assert begins == sorted(begins)
    nearest = interval.begin(end - 1) if end > start else start - 1
    assert begins[-1:] == ([nearest] if nearest >= start else [])
    assert all(interval.end(begin) == after for begin, after in pairwise(begins))
