"""Single fields of requests: what callers may write, and what the commands are given for it."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec

from services.gateway_api.errors import HttpError, unprocessable
from shared.errors import FieldError
from shared.names import NAME_MAX_LENGTH, NAME_PATTERN

E = TypeVar("E", bound=StrEnum)

#: What a field of several names may be: a list, or one text with commas.
Listed = list[str] | str | None
#: Unix seconds, or milliseconds from `MILLISECONDS_FROM` on.
UnixTime = int | float | None
#: A number of things, 1000 at most. JSON knows no integers: 20.0 is one as well, see `whole`.
Count = Annotated[int, msgspec.Meta(ge=1, le=1000)] | Annotated[float, msgspec.Meta(ge=1, le=1000)] | None
#: A page's length.
PageLength = Count

DEFAULT_PAGE_LENGTH = 100
#: A character of a trading pair. Not only letters: exchanges have pairs in Chinese.
PAIR_CHARACTER = r"[^\x00-\x20\x7f-\xa0,]"
#: The last group refuses a line feed, which `$` alone lets through in Python.
PAIR_PATTERN = rf"^{PAIR_CHARACTER}{{3,64}}$(?!\n)"
#: Visible ASCII, as ids of exchanges are.
ORDER_ID_PATTERN = r"^[\x21-\x7e]{1,128}$(?!\n)"
CURSOR_PATTERN = r"^[^\x00-\x1f\x7f]{0,256}$(?!\n)"
#: Times from here on are milliseconds: as seconds it would be the year 5138.
MILLISECONDS_FROM = 1e11
LATEST_TIME = 253_402_300_799_999

_NAME = re.compile(NAME_PATTERN)
PAIR = re.compile(PAIR_PATTERN)
_CURSOR = re.compile(CURSOR_PATTERN)
_NO_PAIR = "Expected a trading pair, as BTC-USDT"
_NO_NAME = f"Expected 1 to {NAME_MAX_LENGTH} letters, digits, hyphens and underscores"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: No exchange has sizes or prices beyond; more places are a typing error, or an attack on whoever calculates with it.
_LARGEST = Decimal("1e20")
_MOST_PLACES = 40
_MOST_DIGITS = 60


def fault(name: str, message: str, kind: str, *place: int) -> HttpError:
    """Return the error for the field `name` of the body, or the item of it at `place`."""
    return unprocessable(FieldError(("body", name, *place), message, kind))


def whole(value: float | None, default: int, name: str) -> int:
    """Return `value`, a number of things, or `default` where it was left out.

    Raises:
        HttpError: 422 if it is a fraction.
    """
    if value is None:
        return default
    if value != int(value):
        raise fault(name, "Expected a whole number", "type_error")
    return int(value)


def positive(value: Decimal, name: str) -> Decimal:
    """Return `value`, an amount or a price.

    Raises:
        HttpError: 422 if it is not a number above 0 that an order can have.
    """
    if not value.is_finite() or value <= 0:
        raise fault(name, "Expected a number greater than 0", "greater_than")
    _, digits, exponent = value.as_tuple()
    if value >= _LARGEST or not isinstance(exponent, int) or exponent < -_MOST_PLACES or len(digits) > _MOST_DIGITS:
        raise fault(name, f"Expected less than {_LARGEST:e} with at most {_MOST_PLACES} decimal places", "decimal")
    return value


def folded(kind: type[E], text: str, name: str) -> E:
    """Return the member of `kind` that `text` names in any case.

    Raises:
        HttpError: 422 if there is none.
    """
    try:
        return kind(text.upper())
    except ValueError:
        raise fault(name, f"Expected one of {', '.join(kind)}", "enum") from None


def folded_each(kind: type[E], given: Listed, name: str) -> tuple[E, ...] | None:
    """Return the members of `kind` that are named in any case, None for no filter.

    Raises:
        HttpError: 422 if one is not there.
    """
    return tuple(dict.fromkeys(folded(kind, item, name) for item in _items(given))) or None


def names(given: Listed, name: str) -> tuple[str, ...] | None:
    """Return the names of accounts or connectors, None for no filter.

    Raises:
        HttpError: 422 if one is no name.
    """
    return _each(given, name, _NAME, _NO_NAME)


def pairs(given: Listed, name: str) -> tuple[str, ...] | None:
    """Return trading pairs, None for no filter.

    Raises:
        HttpError: 422 if one cannot be a pair of any exchange.
    """
    return _each(given, name, PAIR, _NO_PAIR)


def query_pairs(given: list[str] | None, name: str) -> tuple[str, ...] | None:
    """Return the trading pairs of a query, where the key may be repeated and each value may name several with commas.

    Raises:
        HttpError: 422 if one cannot be a pair of any exchange.
    """
    if not given:
        return None
    found = [part.strip(" ") for text in given for part in text.split(",")]
    if any(PAIR.match(item) is None for item in found):
        raise unprocessable(FieldError(("query", name), _NO_PAIR, "string_pattern_mismatch"))
    return tuple(dict.fromkeys(found))


def query_names(given: list[str] | None, name: str) -> tuple[str, ...] | None:
    """Return the names of a query, as `query_pairs`; None for no filter.

    Raises:
        HttpError: 422 if one is no name.
    """
    if not given:
        return None
    found = [part.strip(" ") for text in given for part in text.split(",")]
    if any(_NAME.match(item) is None or len(item) > NAME_MAX_LENGTH for item in found):
        raise unprocessable(FieldError(("query", name), _NO_NAME, "string_pattern_mismatch"))
    return tuple(dict.fromkeys(found))


def pair(text: str, name: str) -> str:
    """Return a trading pair.

    Raises:
        HttpError: 422 if it cannot be one of any exchange.
    """
    if PAIR.match(text) is None:
        raise fault(name, _NO_PAIR, "string_pattern_mismatch")
    return text


def cursor(text: str | None) -> str | None:
    """Return a page's cursor; what it means is the service's to say.

    Raises:
        HttpError: 422 if it is too long or holds control characters.
    """
    if text is not None and _CURSOR.match(text) is None:
        raise fault("cursor", "Expected the next_cursor of a page", "string_pattern_mismatch")
    return text or None


def time_of(value: UnixTime, name: str) -> datetime | None:
    """Return the moment of Unix seconds or milliseconds, told apart by their magnitude.

    Raises:
        HttpError: 422 if it lies before 1970 or after the year 9999.
    """
    if value is None:
        return None
    if not 0 <= value <= LATEST_TIME:  # also refuses NaN
        raise fault(name, "Expected Unix seconds or milliseconds", "value_error")
    if value >= MILLISECONDS_FROM:
        return _EPOCH + timedelta(milliseconds=value)
    return _EPOCH + timedelta(seconds=value)


def _items(given: Listed) -> Sequence[str]:
    """Return the items; none of an empty list or text, which is a dashboard's choice of nothing and means all."""
    if isinstance(given, str):
        return [part.strip(" ") for part in given.split(",")] if given else []
    return given or []


def _each(given: Listed, name: str, pattern: "re.Pattern[str]", message: str) -> tuple[str, ...] | None:
    items = _items(given)
    for place, item in enumerate(items):
        if pattern.match(item) is None or len(item) > NAME_MAX_LENGTH:
            raise fault(name, message, "string_pattern_mismatch", *(() if isinstance(given, str) else (place,)))
    return tuple(dict.fromkeys(items)) or None
