"""Cursors of searches: ours, upstream's, and what is none."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portfolio.cursors import Place, read_cursor, write_cursor
from shared.errors import CommandError, ErrorCode

TIMES = st.datetimes(timezones=st.just(UTC))
IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=100)


@given(TIMES, IDS)
def test_what_is_written_is_read(time: datetime, row_id: str) -> None:
    assert read_cursor(write_cursor(Place(time, row_id))) == Place(time, row_id)


NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cursor", "time", "row_id"),
    [
        ("2026-03-01T12:00:00:hb-1", NOON, "hb-1"),
        ("2026-03-01T12:00:00Z:hb-1", NOON, "hb-1"),
        ("2026-03-01 12:00:00+00:00:hb-1", NOON, "hb-1"),
        (
            "2026-03-01T12:00:00.250000+00:00:main:paper:BTC-USDT:7",
            NOON + timedelta(milliseconds=250),
            "main:paper:BTC-USDT:7",
        ),
        ("2026-03-01T14:00:00+02:00:t", NOON, "t"),
        ("1772366400:t", NOON, "t"),
        ("1772366400.5:t", NOON + timedelta(milliseconds=500), "t"),
        ("1772366400500:t", NOON + timedelta(milliseconds=500), "t"),
    ],
)
def test_forms_of_upstream_are_understood(cursor: str, time: datetime, row_id: str) -> None:
    assert read_cursor(cursor) == Place(time, row_id)


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", ":", "2026-03-01T12:00:00", "2026-03-01T12:00:00:", "2026-13-01T12:00:00:a", "2026-03-01T25:00:00:a",
        "0000-03-01T12:00:00:a", "0001-01-01T00:00:00+14:00:a", "9999-12-31T23:59:59-14:00:a", "9999999999999999:a",
        "-5:a", "1e5:a", "2026-03-01T12:00:00:a\0b", "hb-1:2026-03-01T12:00:00", "١٢:a",
    ],
)  # fmt: skip
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(CommandError) as caught:
        read_cursor(cursor)
    assert caught.value.code is ErrorCode.INVALID
    assert caught.value.fields[0].loc == ("cursor",)
    assert cursor not in caught.value.detail or cursor in ("", ":", "x")


@given(st.text(max_size=80))
def test_whatever_comes_is_read_or_refused(cursor: str) -> None:
    refused: list[ErrorCode] = []
    try:
        place = read_cursor(cursor)
    except CommandError as error:
        refused.append(error.code)
    else:
        assert place.time.tzinfo is not None
    assert refused in ([], [ErrorCode.INVALID])


def test_times_elsewhere_are_the_same_moment() -> None:
    east = datetime(2026, 3, 1, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert read_cursor(write_cursor(Place(east, "a"))).time == NOON
