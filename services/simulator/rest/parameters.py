"""The parameters of a request: taken apart from query and body, then read by name, each in the form that it must have.

What is not of that form is refused with the code and text that Binance has for it. Nothing here is a float, and only
ASCII digits are digits.
"""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from urllib.parse import unquote_to_bytes

import msgspec

from services.simulator.engine import refusal
from services.simulator.engine.refusal import Refusal
from services.simulator.rest import refusals

E = TypeVar("E", bound=StrEnum)

_SYMBOL = r"^[A-Z0-9-_.]{1,20}$"
_INTEGER = r"^[0-9]{1,20}$"
_DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_is_symbol = re.compile(r"[A-Z0-9_.-]{1,20}").fullmatch
_is_integer = re.compile(r"[0-9]{1,20}").fullmatch
_is_decimal = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?").fullmatch
_LARGEST = 2**63 - 1
#: More parameters than any request has are not even taken apart.
_MOST = 64


def pairs(encoded: bytes) -> dict[str, str]:
    """Return the names and values of a query or form body.

    Raises:
        Refusal: -1101 if a name comes twice or there are far too many, -1100 if the text is not UTF-8.
    """
    values: dict[str, str] = {}
    if not encoded:
        return values
    parts = encoded.split(b"&", _MOST + 1)
    if len(parts) > _MOST:
        raise refusals.too_many_parameters(_MOST, encoded.count(b"&") + 1)
    for part in parts:
        if not part:
            continue
        name, _, value = part.partition(b"=")
        if b"%" in part or b"+" in part:
            name, value = unquote_to_bytes(name.replace(b"+", b" ")), unquote_to_bytes(value.replace(b"+", b" "))
        try:
            text = name.decode()
            if text in values:
                raise refusals.duplicate_parameter()
            values[text] = value.decode()
        except UnicodeDecodeError as error:
            raise refusals.illegal_text() from error
    return values


class Parameters:
    """Named texts, read with checks. A reader without `default`s returns None for what was not sent."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __len__(self) -> int:
        return len(self._values)

    def names(self) -> Collection[str]:
        """Return the names of all that was sent."""
        return self._values.keys()

    def without(self, *names: str) -> "Parameters":
        """Return the parameters but for those."""
        return Parameters({name: value for name, value in self._values.items() if name not in names})

    def text(self, name: str) -> str | None:
        """Return what was sent.

        Raises:
            Refusal: -1105 for an empty one.
        """
        value = self._values.get(name)
        if value == "":
            raise refusals.empty(name)
        return value

    def needed(self, name: str) -> str:
        """Return what was sent.

        Raises:
            Refusal: -1102 if nothing was.
        """
        value = self._values.get(name)
        if not value:
            raise refusal.missing(name)
        return value

    def symbol(self) -> str:
        """Return the symbol, which must be there.

        Raises:
            Refusal: -1102 without one, -1100 if it is none by its form.
        """
        return _checked_symbol(self.needed("symbol"))

    def optional_symbol(self) -> str | None:
        """Return the symbol.

        Raises:
            Refusal: -1105, -1100.
        """
        value = self.text("symbol")
        return None if value is None else _checked_symbol(value)

    def symbols(self) -> tuple[str, ...] | None:
        """Return the list `symbols`, a JSON array of texts.

        Raises:
            Refusal: -1100 if it is none, -1151 if a symbol comes twice.
        """
        names = self.texts("symbols")
        if names is None:
            return None
        for name in names:
            _checked_symbol(name, "symbols")
        if len(set(names)) < len(names):
            raise refusals.duplicate_symbols()
        return names

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Return a JSON array of texts.

        Raises:
            Refusal: -1100, -1105.
        """
        value = self.text(name)
        if value is None:
            return None
        try:
            return msgspec.json.decode(value, type=tuple[str, ...])
        except (msgspec.DecodeError, RecursionError) as error:
            raise refusals.illegal(name, r'^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$') from error

    def integer(self, name: str) -> int | None:
        """Return a whole number of 0 or more.

        Raises:
            Refusal: -1100, -1105, -1108.
        """
        value = self.text(name)
        if value is None:
            return None
        if not _is_integer(value):
            raise refusals.illegal(name, _INTEGER)
        number = int(value)
        if number > _LARGEST:
            raise refusals.overflow(name)
        return number

    def needed_integer(self, name: str) -> int:
        """Return a whole number of 0 or more, which must be there.

        Raises:
            Refusal: -1102, -1100, -1108.
        """
        self.needed(name)
        number = self.integer(name)
        assert number is not None, "expected a number that was sent"
        return number

    def limit(self, default: int, most: int, *, name: str = "limit") -> int:
        """Return how many rows are asked for; more than `most` means that.

        Raises:
            Refusal: -1130 for 0, -1100.
        """
        number = self.integer(name)
        if number is None:
            return default
        if not number:
            raise refusals.invalid_data(name)
        return min(number, most)

    def strict_limit(self, default: int, most: int) -> int:
        """Return how many rows are asked for, as futures want it.

        Raises:
            Refusal: -1130 for 0 and for more than `most`, -1100.
        """
        number = self.integer("limit")
        if number is None:
            return default
        if not 0 < number <= most:
            raise refusals.invalid_data("limit")
        return number

    def decimal(self, name: str) -> Decimal | None:
        """Return a number of 0 or more, at most twenty digits before and behind the point.

        Raises:
            Refusal: -1100, -1105.
        """
        value = self.text(name)
        if value is None:
            return None
        if not _is_decimal(value):
            raise refusals.illegal(name, _DECIMAL)
        return Decimal(value)

    def needed_decimal(self, name: str) -> Decimal:
        """Return a number of 0 or more, which must be there.

        Raises:
            Refusal: -1102, -1100.
        """
        self.needed(name)
        number = self.decimal(name)
        assert number is not None, "expected a number that was sent"
        return number

    def flag(self, name: str) -> bool | None:
        """Return a truth value.

        Raises:
            Refusal: -1130 for what is neither true nor false.
        """
        value = self.text(name)
        if value is None:
            return None
        lowered = value.lower()
        if lowered not in {"true", "false"}:
            raise refusals.invalid_data(name)
        return lowered == "true"

    def choice(self, name: str, kind: type[E], wrong: Refusal | None = None) -> E | None:
        """Return one of the words of `kind`.

        Raises:
            Refusal: `wrong`, or -1130, for another word.
        """
        value = self.text(name)
        if value is None:
            return None
        try:
            return kind(value)
        except ValueError as error:
            raise (wrong or refusals.invalid_data(name)) from error

    def span(self) -> tuple[int | None, int | None]:
        """Return `startTime` and `endTime` in ms.

        Raises:
            Refusal: -1023 if the end is before the start.
        """
        start, end = self.integer("startTime"), self.integer("endTime")
        if start is not None and end is not None and start > end:
            raise refusals.start_after_end()
        return start, end


def _checked_symbol(value: str, name: str = "symbol") -> str:
    if not _is_symbol(value):
        raise refusals.illegal(name, _SYMBOL)
    return value
