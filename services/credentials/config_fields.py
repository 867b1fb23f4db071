"""The values of a credential, checked field by field against its connector, and brought into one form.

Dashboards send text for everything, programs send JSON. So a value is taken wherever it can mean one thing only:
`"12"` for an integer, `"true"` for a boolean, `"a, b"` for a list, a number for an API key's index that is kept as
text, JSON in text for an object. What could mean two things is refused. An empty or absent value is no value.
No error holds a value: it may be a secret.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from services.credentials.balances import BalanceError, parse_balances
from shared.connectors.catalogue import Connector, CredentialField, FieldKind, Mode
from shared.errors import FieldError, invalid

#: Characters of one text value; a PEM key of 8192 bits has 6,400.
MAX_TEXT = 16_384
MAX_ITEMS = 100
_MAX_INTEGER = 2**63 - 1
#: What is shown of a name that we do not know, as a secret may have been pasted in its place.
_MAX_SHOWN_NAME = 64

_INTEGER = re.compile(r"[0-9]{1,19}", re.ASCII)
_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})

_MARKET_REQUIRED = ("base", "quote", "base_issuer", "quote_issuer")
_MARKET_OPTIONAL = ("trading_pair_symbol",)
#: XRP itself has no issuer.
_MARKET_MAY_BE_EMPTY = frozenset({"base_issuer", "quote_issuer"})

Location = tuple[str | int, ...]


class Fault(Exception):
    """Where a value does not fit, below its field, and how."""

    def __init__(self, msg: str, kind: str, *below: str | int) -> None:
        super().__init__(msg)
        self.msg = msg
        self.kind = kind
        self.below: Location = below


def checked_values(connector: Connector, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a credential in their one form; absent optional fields stay absent.

    Integers, booleans and lists come out as such, modes as `{"mode": name, …}`, starting balances as an object of
    decimal text, everything else as text.

    Raises:
        CommandError: INVALID, with a field error for every field that does not fit.
    """
    checked, faults = _checked_fields(connector.fields, values, ("body",))
    if faults:
        raise invalid(f"The credential does not fit the config map of {connector.name}", *faults)
    return checked


def _checked_fields(
    fields: tuple[CredentialField, ...], values: Mapping[str, Any], loc: Location
) -> tuple[dict[str, Any], list[FieldError]]:
    checked: dict[str, Any] = {}
    faults: list[FieldError] = []
    for field in fields:
        value = values.get(field.name)
        if _is_empty(value):
            if field.required:
                faults.append(FieldError((*loc, field.name), "Field required", "missing"))
            continue
        try:
            checked[field.name] = _PARSERS[field.kind](field, value)
        except Fault as fault:
            faults.append(FieldError((*loc, field.name, *fault.below), fault.msg, fault.kind))
    known = {field.name for field in fields}
    faults.extend(_unknown(name, loc) for name in values if name not in known)
    return checked, faults


def _unknown(name: str, loc: Location) -> FieldError:
    return FieldError((*loc, name[:_MAX_SHOWN_NAME]), "Unknown field", "extra_forbidden")


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {})


def _text(field: CredentialField, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_INTEGER:
        return str(value)
    if not isinstance(value, str):
        raise Fault("Expected text", "string_type")
    if len(value) > MAX_TEXT:
        raise Fault(f"Expected at most {MAX_TEXT} characters", "string_too_long")
    if "\0" in value:
        raise Fault("Expected text without NUL characters", "string_type")
    return value


def _integer(field: CredentialField, value: object) -> int:
    number: int | None = None
    if (isinstance(value, str) and _INTEGER.fullmatch(value.strip())) or (
        isinstance(value, float) and value.is_integer()
    ):
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    if number is None or not 0 <= number <= _MAX_INTEGER:
        raise Fault("Expected an integer of at least 0", "int_parsing")
    return number


def _boolean(field: CredentialField, value: object) -> bool:
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Fault("Expected true or false", "bool_parsing")


def _choice(field: CredentialField, value: object) -> str:
    return _one_of(field.choices, value)


def _one_of(choices: tuple[str, ...], value: object) -> str:
    word = value.strip().lower() if isinstance(value, str) else ""
    for choice in choices:
        if choice.lower() == word:
            return choice
    raise Fault(f"Expected one of {', '.join(choices)}", "literal_error")


def _text_list(field: CredentialField, value: object) -> list[str]:
    if isinstance(value, str):
        value = _from_json(value) if value.lstrip().startswith("[") else value.split(",")
    if not isinstance(value, list):
        raise Fault("Expected a list of texts", "list_type")
    if len(value) > MAX_ITEMS:
        raise Fault(f"Expected at most {MAX_ITEMS} texts", "too_long")
    items = []
    for index, item in enumerate(value):
        if not isinstance(item, str) or not item.strip():
            raise Fault("Expected text", "string_type", index)
        items.append(_text(field, item.strip()))
    return items


def _markets(field: CredentialField, value: object) -> dict[str, dict[str, str]]:
    markets = _object(value)
    if len(markets) > MAX_ITEMS:
        raise Fault(f"Expected at most {MAX_ITEMS} markets", "too_long")
    return {_text(field, name): _market(field, name, market) for name, market in markets.items()}


def _market(field: CredentialField, name: str, market: object) -> dict[str, str]:
    shown = name[:_MAX_SHOWN_NAME]
    if not isinstance(market, Mapping):
        raise Fault("Expected an object", "dict_type", shown)
    for key in market:
        if key not in _MARKET_REQUIRED and key not in _MARKET_OPTIONAL:
            raise Fault("Unknown field", "extra_forbidden", shown, key[:_MAX_SHOWN_NAME])
    checked: dict[str, str] = {}
    for key in (*_MARKET_REQUIRED, *_MARKET_OPTIONAL):
        item = market.get(key)
        if item is None and key in _MARKET_OPTIONAL:
            continue
        if item is None or (item == "" and key not in _MARKET_MAY_BE_EMPTY):
            raise Fault("Field required", "missing", shown, key)
        if not isinstance(item, str) or len(item) > MAX_TEXT:
            raise Fault("Expected text", "string_type", shown, key)
        checked[key] = item
    return checked


def _mode(field: CredentialField, value: object) -> dict[str, Any]:
    """Return a mode as `{"mode": its name, …its fields}`, from its name, from its fields, or from both."""
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        return _filled(_named_mode(field, value), {})
    given = dict(_object(value))
    named = [key for key in ("mode", "name") if key in given]
    if named:
        mode = _named_mode(field, given.pop(named[0]))
    else:
        fitting = [mode for mode in field.modes if {part.name for part in mode.fields} == set(given)]
        if len(fitting) != 1:
            names = ", ".join(mode.name for mode in field.modes)
            raise Fault(f"Expected the fields of one of {names}", "union_error")
        mode = fitting[0]
    return _filled(mode, given)


def _named_mode(field: CredentialField, name: object) -> Mode:
    chosen = _one_of(tuple(mode.name for mode in field.modes), name)
    return next(mode for mode in field.modes if mode.name == chosen)


def _filled(mode: Mode, given: Mapping[str, Any]) -> dict[str, Any]:
    checked, faults = _checked_fields(mode.fields, given, ())
    if faults:
        raise Fault(faults[0].msg, faults[0].type, *faults[0].loc)
    return {"mode": mode.name, **checked}


def _balances(field: CredentialField, value: object) -> dict[str, str]:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _object(value)
    try:
        return parse_balances(value)
    except BalanceError as error:
        raise Fault(str(error), "value_error", *(() if error.asset is None else (error.asset,))) from None


def _object(value: object) -> Mapping[str, Any]:
    if isinstance(value, str):
        value = _from_json(value)
    if not isinstance(value, Mapping):
        raise Fault("Expected an object", "dict_type")
    return value


def _from_json(text: str) -> object:
    if len(text) > MAX_TEXT:
        raise Fault(f"Expected at most {MAX_TEXT} characters", "string_too_long")
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise Fault("Expected valid JSON", "json_invalid") from None


_PARSERS: dict[FieldKind, Callable[[CredentialField, object], Any]] = {
    FieldKind.SECRET: _text,
    FieldKind.TEXT: _text,
    FieldKind.INTEGER: _integer,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.CHOICE: _choice,
    FieldKind.TEXT_LIST: _text_list,
    FieldKind.MARKETS: _markets,
    FieldKind.MODE: _mode,
    FieldKind.BALANCES: _balances,
}
