"""Where a page of a search ended: the time and the id of its last row, as text.

Ours is what upstream writes or means to write, `{ISO time}:{id}`, so one of upstream's is understood too; for times as
numbers, seconds or milliseconds by magnitude, as well. A reader need not look into it.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from shared.errors import CommandError, FieldError, invalid

_ISO = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?):(.+)", re.DOTALL | re.ASCII)
_NUMBER = re.compile(r"(\d{1,16}(?:\.\d{1,9})?):(.+)", re.DOTALL | re.ASCII)
#: Numbers from here on are milliseconds: as seconds they would be in the year 5138.
_MILLISECONDS = Decimal(100_000_000_000)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """The last row of the page before: its time, UTC, and its id."""

    time: datetime
    row_id: str


def write_cursor(place: Place) -> str:
    """Return the cursor for the rows behind `place`."""
    return f"{place.time.isoformat()}:{place.row_id}"


def read_cursor(cursor: str) -> Place:
    """Return the place that `cursor` stands for.

    Raises:
        CommandError: INVALID if it stands for none.
    """
    try:
        if iso := _ISO.fullmatch(cursor):
            place = Place(in_utc(datetime.fromisoformat(iso[1])), iso[2])
        elif number := _NUMBER.fullmatch(cursor):
            place = Place(_moment(Decimal(number[1])), number[2])
        else:
            raise _broken()
    except (ValueError, OverflowError):
        raise _broken() from None
    if "\0" in place.row_id:
        raise _broken()
    return place


def in_utc(time: datetime) -> datetime:
    """Return `time` in UTC; one without a zone is in UTC.

    Raises:
        OverflowError: if it lies outside the years 1 to 9999 there.
    """
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _moment(number: Decimal) -> datetime:
    seconds = number / 1000 if number >= _MILLISECONDS else number
    return _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))


def _broken() -> CommandError:
    text = "expected the cursor of an earlier page"
    return invalid(f"cursor: {text}", FieldError(("cursor",), text, "value_error"))
