"""How the fields of bodies look in the OpenAPI document. Each says exactly what `fields` takes, and no more."""

from collections.abc import Iterable, Mapping

from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType

from services.gateway_api.inputs.fields import (
    CURSOR_PATTERN,
    DEFAULT_PAGE_LENGTH,
    LATEST_TIME,
    PAIR_CHARACTER,
    PAIR_PATTERN,
)
from shared.names import NAME_MAX_LENGTH, NAME_PATTERN

_ONE_NAME = r"[A-Za-z0-9_-]{1,64}"
_ONE_PAIR = rf"{PAIR_CHARACTER}{{3,64}}"


def listed(one: str, *, least: int) -> str:
    """Return the pattern of a text that names several, each of the pattern `one`, with commas."""
    some = rf" *{one}( *, *{one})* *"
    return rf"^{some}$(?!\n)" if least else rf"^({some})?$(?!\n)"


#: Several trading pairs in one text, as in a query.
LISTED_PAIRS = listed(_ONE_PAIR, least=1)
_NULL = Schema(type=OpenAPIType.NULL)


def body_schema(fields: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    """Return the schema of a body with `fields`; unknown fields are ignored."""
    return Schema(type=OpenAPIType.OBJECT, properties=dict(fields), required=list(required) or None)


def name_list(description: str) -> Schema:
    """Return the schema of several names; null and an empty list are all of them."""
    item = Schema(type=OpenAPIType.STRING, pattern=NAME_PATTERN, max_length=NAME_MAX_LENGTH)
    return _listed(item, listed(_ONE_NAME, least=0), description)


def pair_list(description: str, *, least: int = 0) -> Schema:
    """Return the schema of several trading pairs."""
    item = Schema(type=OpenAPIType.STRING, pattern=PAIR_PATTERN)
    return _listed(item, listed(_ONE_PAIR, least=least), description, least)


def text_list(description: str) -> Schema:
    """Return the schema of several short texts; null and an empty list are none."""
    return _listed(Schema(type=OpenAPIType.STRING), r"^[^\x00-\x1f]{0,200}$(?!\n)", description)


def name(description: str) -> Schema:
    """Return the schema of one name."""
    return Schema(type=OpenAPIType.STRING, pattern=NAME_PATTERN, max_length=NAME_MAX_LENGTH, description=description)


def pair(description: str = "A trading pair, as `BTC-USDT`.") -> Schema:
    """Return the schema of one trading pair."""
    return Schema(type=OpenAPIType.STRING, pattern=PAIR_PATTERN, description=description)


def choice(values: Iterable[str], description: str, *, optional: bool = True) -> Schema:
    """Return the schema of one of `values`, in capitals or not."""
    listed = [str(value) for value in values]
    some: list[str | None] = [*listed, *(value.lower() for value in listed)]
    kind = [OpenAPIType.STRING, OpenAPIType.NULL] if optional else OpenAPIType.STRING
    return Schema(type=kind, enum=[*some, None] if optional else some, description=description)


def choices(values: Iterable[str], description: str) -> Schema:
    """Return the schema of several of `values`; null and an empty list are all of them."""
    some = [text for value in values for text in (str(value), value.lower())]
    return _listed(Schema(type=OpenAPIType.STRING, enum=some), listed(f"({'|'.join(some)})", least=0), description)


def amount(description: str, *, optional: bool = False) -> Schema:
    """Return the schema of a decimal: a number, or the same as text."""
    number = Schema(type=OpenAPIType.NUMBER, exclusive_minimum=0, maximum=1e19)
    text = Schema(type=OpenAPIType.STRING, pattern=r"^[0-9]{1,19}([.][0-9]{1,40})?$(?!\n)")
    return Schema(any_of=[number, text, *([_NULL] if optional else [])], description=description)


def time(description: str) -> Schema:
    """Return the schema of a time."""
    return Schema(type=[OpenAPIType.NUMBER, OpenAPIType.NULL], minimum=0, maximum=LATEST_TIME, description=description)


def flag(description: str) -> Schema:
    """Return the schema of a yes or no."""
    return Schema(type=[OpenAPIType.BOOLEAN, OpenAPIType.NULL], description=description)


def optional_text(pattern: str, description: str) -> Schema:
    """Return the schema of a text that may be left out."""
    return Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL], pattern=pattern, description=description)


def count(most: int | None, default: int, description: str) -> Schema:
    """Return the schema of a number of things, 1 at least."""
    return Schema(
        type=[OpenAPIType.INTEGER, OpenAPIType.NULL], minimum=1, maximum=most, default=default, description=description
    )


def page() -> dict[str, Schema]:
    """Return the schemas of the fields of every page."""
    return {
        "limit": count(1000, DEFAULT_PAGE_LENGTH, "The most rows of a page."),
        "cursor": optional_text(CURSOR_PATTERN, "The `next_cursor` of the page before; null for the first page."),
    }


def _listed(item: Schema, text: str, description: str, least: int = 0) -> Schema:
    many = Schema(type=OpenAPIType.ARRAY, items=item, min_items=least or None)
    one = Schema(type=OpenAPIType.STRING, pattern=text)
    return Schema(any_of=[many, one, *(() if least else (_NULL,))], description=description)
