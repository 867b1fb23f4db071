"""The shapes of answers and messages: compared with fixtures that say which fields there are, and of what kind.

A shape is written as JSON: an object or a list of shapes, or the kind of a value. A list of one shape is of any length
but empty, an empty one is empty. Kinds: `decimal8` (a text with so many decimals), `number` (a text with as many as it
takes), `int`, `float`, `bool`, `text`, `null`, `any`.
"""

import re
from typing import Any

_KINDS: dict[str, type] = {
    "int": int,
    "bool": bool,
    "text": str,
    "float": float,
    "null": type(None),
    "any": object,
}


def difference(shape: Any, value: Any, place: str = "") -> str | None:
    """Return where `value` is not of `shape`, None if it is."""
    if isinstance(shape, dict):
        if not isinstance(value, dict) or shape.keys() != value.keys():
            return f"{place}: expected {sorted(shape)}, was {sorted(value) if isinstance(value, dict) else value}"
        return _first(difference(shape[name], value[name], f"{place}.{name}") for name in shape)
    if isinstance(shape, list):
        return _difference_in_list(shape, value, place)
    if not _is_of_kind(shape, value):
        return f"{place}: expected {shape}, was {value!r}"
    return None


def _difference_in_list(shape: list[Any], value: Any, place: str) -> str | None:
    if not isinstance(value, list) or bool(shape) != bool(value):
        return f"{place}: expected a list {'with something' if shape else 'of nothing'}, was {value}"
    if len(shape) > 1 and len(shape) != len(value):
        return f"{place}: expected {len(shape)} values, was {value}"
    kinds = shape if len(shape) > 1 else shape * len(value)
    pairs = enumerate(zip(kinds, value, strict=True))
    return _first(difference(kind, one, f"{place}[{number}]") for number, (kind, one) in pairs)


def _first(found: Any) -> str | None:
    return next((one for one in found if one), None)


def _is_of_kind(kind: str, value: Any) -> bool:
    if kind.startswith("decimal"):
        return isinstance(value, str) and re.fullmatch(rf"-?[0-9]+\.[0-9]{{{kind[7:]}}}", value) is not None
    if kind == "number":
        return isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) is not None
    return isinstance(value, _KINDS[kind]) and (kind in {"bool", "any"} or not isinstance(value, bool))
