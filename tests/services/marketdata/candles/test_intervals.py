"""When candles open and end, against the simulator's own account of Binance's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketdata.candles.intervals import INTERVALS
from services.simulator.market.intervals import INTERVALS as THEIRS
from shared.contracts.marketdata.candles import CandleInterval

#: From 2000 to 2100.
times = st.integers(946_684_800_000, 4_102_444_800_000)
names = st.sampled_from(sorted(INTERVALS))


def test_every_interval_is_there() -> None:
    assert set(INTERVALS) == {str(interval) for interval in CandleInterval} == set(THEIRS)


@given(names, times)
def test_candles_open_and_end_as_the_exchange_says(name: str, at: int) -> None:
    interval, theirs = INTERVALS[name], THEIRS[name]
    opened = interval.open_at(at)
    assert opened == theirs.begin(at) <= at
    assert interval.end_of(opened) == theirs.end(at) > at


@given(names, times)
def test_what_opened_before_the_bound_has_ended_and_nothing_else(name: str, at: int) -> None:
    interval = INTERVALS[name]
    bound = interval.ended_before(at)
    running = interval.open_at(at)
    assert running >= bound
    assert interval.open_at(running - 1) < bound


@given(names, times, st.integers(1, 3_000))
def test_no_more_candles_open_than_counted(name: str, start: int, count: int) -> None:
    interval = INTERVALS[name]
    end = start + count * interval.length // 2
    most = interval.most_in(start, end)
    assert len(THEIRS[name].begins(start, end)) <= most
    assert most <= (end - start) // interval.length + 1


@pytest.mark.parametrize(
    ("name", "at", "opened"),
    [
        ("1w", "2026-11-21T10:00Z", "2026-11-16T00:00Z"),  # a Monday
        ("1M", "2024-02-29T23:59Z", "2024-02-01T00:00Z"),
        ("3d", "1970-01-05T00:00Z", "1970-01-04T00:00Z"),
        ("1M", "2025-01-01T00:00Z", "2025-01-01T00:00Z"),
    ],
)
def test_days_and_longer(name: str, at: str, opened: str) -> None:
    from datetime import datetime

    ms = [int(datetime.fromisoformat(text).timestamp() * 1000) for text in (at, opened)]
    assert INTERVALS[name].open_at(ms[0]) == ms[1]
