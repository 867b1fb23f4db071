"""What msgspec says of a body that does not fit, as a field error of ours. Never with the value: it may be a secret."""

import re

import msgspec

from shared.errors import FieldError
from shared.names import NAME_PATTERN

# "Expected `str`, got `int` - at `$.account_name`", "Object missing required field `a` - at `$.b[0]`"
_MESSAGE = re.compile(r"^(?P<msg>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?:\.\.\.)\]")
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]+)`")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>[^`]+)`")
# A value that msgspec repeats: "Invalid enum value 'x'", "Expected `str` ... got 'x'"
_QUOTED = re.compile(r"'[^']*'")
_NO_NAME = "Only letters, digits, hyphens and underscores are allowed"


def field_error(error: msgspec.ValidationError) -> FieldError:
    """Return where and how a body does not fit; `loc` holds names and indexes from the outside in."""
    match = _MESSAGE.match(str(error))
    text, path = (match["msg"], match["path"] or "") if match else (str(error), "")
    loc: list[str | int] = [
        step["name"] if step["name"] else int(step["index"]) if step["index"] else "[]" for step in _STEP.finditer(path)
    ]
    kind = "value_error"
    if missing := _MISSING.match(text):
        loc.append(missing["name"])
        text, kind = "Field required", "missing"
    elif unknown := _UNKNOWN.match(text):
        loc.append(unknown["name"])
        text, kind = "Unknown field", "extra_forbidden"
    elif text.startswith("Expected `") and ", got `" in text:
        kind = "type_error"
    elif "matching regex" in text:
        text = (
            _NO_NAME if repr(NAME_PATTERN) in text else "Holds characters that are not allowed, or is too short or long"
        )
        kind = "string_pattern_mismatch"
    elif text.startswith("Invalid enum value"):
        text, kind = "Not one of the values that there are", "enum"
    elif "length" in text:
        kind = "length_error"
    return FieldError(tuple(loc), _QUOTED.sub("the value", text), kind)
