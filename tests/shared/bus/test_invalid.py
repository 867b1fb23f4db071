"""msgspec's validation errors become field errors that say where and what, and never repeat the value."""

from typing import Annotated, Any, Literal

import msgspec
import pytest

from shared.bus.invalid import field_error
from shared.contracts.credentials import AccountRef
from shared.contracts.marketdata.rates import OracleChange


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    n: int
    side: Literal["buy", "sell"] = "buy"


class Outer(msgspec.Struct):
    items: list[Inner]
    name: Annotated[str, msgspec.Meta(max_length=3)] = ""


@pytest.mark.parametrize(
    ("kind", "body", "loc", "type_"),
    [
        (AccountRef, {}, ("account_name",), "missing"),
        (AccountRef, {"account_name": 5}, ("account_name",), "type_error"),
        (AccountRef, {"account_name": "a.b"}, ("account_name",), "string_pattern_mismatch"),
        (AccountRef, {"account_name": "a\n"}, ("account_name",), "string_pattern_mismatch"),
        (AccountRef, {"account_name": "a" * 300}, ("account_name",), "length_error"),
        (AccountRef, [], (), "type_error"),
        (Outer, {"items": [{"n": 1}, {"n": "s3cret"}]}, ("items", 1, "n"), "type_error"),
        (Outer, {"items": [{"n": 1, "x": "s3cret"}]}, ("items", 0, "x"), "extra_forbidden"),
        (Outer, {"items": [{"n": 1, "side": "s3cret"}]}, ("items", 0, "side"), "enum"),
        (Outer, {"items": [], "name": "s3cret"}, ("name",), "length_error"),
    ],
)
def test_where_and_what(kind: type[Any], body: Any, loc: tuple[Any, ...], type_: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(msgspec.json.encode(body), type=kind)
    fault = field_error(caught.value)
    assert (fault.loc, fault.type) == (loc, type_)
    assert fault.msg
    assert "s3cret" not in fault.msg


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (AccountRef, {"account_name": "a.b"}, "Only letters, digits, hyphens and underscores are allowed"),
        # Another pattern has other characters.
        (OracleChange, {"quote_token": "US D"}, "Holds characters that are not allowed, or is too short or long"),
        (Inner, {"n": 1, "side": "hold"}, "Not one of the values that there are"),
    ],
)
def test_what_is_said_is_true(kind: type[Any], value: object, told: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, kind)
    assert field_error(caught.value).msg == told
