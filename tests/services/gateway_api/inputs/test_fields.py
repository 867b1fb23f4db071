"""Fields of requests: what is taken, exactly, and what is refused with its place."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway_api.errors import HttpError
from services.gateway_api.inputs import fields
from services.gateway_api.inputs.schema import LISTED_PAIRS
from shared.contracts.portfolio.orders import TradeType


def refused(call: Callable[[], Any]) -> dict[str, Any]:
    with pytest.raises(HttpError) as caught:
        call()
    assert caught.value.status == 422
    (fault,) = json.loads(caught.value.body())["detail"]
    found: dict[str, Any] = fault
    return found


@pytest.mark.parametrize("text", ["1", "0.000000000000000001", "99999999999999999999.9", "1e-40", "1E+19"])
def test_amounts_stay_as_they_are(text: str) -> None:
    assert fields.positive(Decimal(text), "amount") == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        *("0", "-0", "0E+10", "-1", "NaN", "sNaN", "-NaN", "Infinity", "-Infinity"),
        *("1e400", "1e20", "1E-41", "1e-500", "1" * 61, "0." + "1" * 61, "1e999999"),
    ],
)
def test_what_no_order_can_have_is_refused(text: str) -> None:
    fault = refused(lambda: fields.positive(Decimal(text), "amount"))
    assert fault["loc"] == ["body", "amount"]


@pytest.mark.parametrize("text", ["BUY", "buy", "Buy", "bUy"])
def test_words_may_be_in_any_case(text: str) -> None:
    assert fields.folded(TradeType, text, "trade_type") is TradeType.BUY


@pytest.mark.parametrize("text", ["", "HOLD", "BUY ", "ßbuy", "b\x00uy"])
def test_an_unknown_word_is_refused_with_those_that_there_are(text: str) -> None:
    fault = refused(lambda: fields.folded(TradeType, text, "trade_type"))
    assert fault == {"loc": ["body", "trade_type"], "msg": "Expected one of BUY, SELL", "type": "enum"}


def test_several_are_a_list_or_a_text_with_commas() -> None:
    for given_as in (["a", "b"], "a,b", " a , b ", ["a", "b", "a"]):
        assert fields.names(given_as, "account_names") == ("a", "b")
    nothings: tuple[fields.Listed, ...] = (None, [], "")
    for nothing in nothings:
        assert fields.names(nothing, "account_names") is None
        assert fields.folded_each(TradeType, nothing, "trade_types") is None
    assert fields.pairs("BTC-USDT,币安人生-USDT", "trading_pairs") == ("BTC-USDT", "币安人生-USDT")
    assert fields.folded_each(TradeType, "sell,BUY,Sell", "trade_types") == (TradeType.SELL, TradeType.BUY)


def test_the_item_that_does_not_fit_is_named() -> None:
    assert refused(lambda: fields.names(["fine", "a.b"], "account_names"))["loc"] == ["body", "account_names", 1]
    assert refused(lambda: fields.names("fine,a.b", "account_names"))["loc"] == ["body", "account_names"]
    assert refused(lambda: fields.query_pairs(["BTC-USDT", "x"], "trading_pairs"))["loc"] == ["query", "trading_pairs"]


@pytest.mark.parametrize(
    "text", ["", "AB", "A" * 65, "BTC USDT", "BTC\x00USDT", "BTC-USDT\n", "BTC,USDT", "BTC\u0085-USDT"]
)
def test_what_can_be_no_pair_is_refused(text: str) -> None:
    assert refused(lambda: fields.pair(text, "trading_pair"))["loc"] == ["body", "trading_pair"]
    assert refused(lambda: fields.pairs([text], "trading_pairs"))["loc"] == ["body", "trading_pairs", 0]


def test_a_query_repeats_a_key_or_has_commas_or_both() -> None:
    for values in (["BTC-USDT", "ETH-USDT"], ["BTC-USDT,ETH-USDT"], ["BTC-USDT, ETH-USDT", "BTC-USDT"]):
        assert fields.query_pairs(values, "trading_pairs") == ("BTC-USDT", "ETH-USDT")
    assert fields.query_pairs(None, "trading_pairs") is None


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1767225600, datetime(2026, 1, 1, tzinfo=UTC)),
        (1767225600.5, datetime(2026, 1, 1, 0, 0, 0, 500000, UTC)),
        (1767225600123, datetime(2026, 1, 1, 0, 0, 0, 123000, UTC)),
        (99_999_999_999, datetime(5138, 11, 16, 9, 46, 39, tzinfo=UTC)),
        (100_000_000_000, datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
        (fields.LATEST_TIME, datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)),
    ],
)
def test_times_are_seconds_or_milliseconds_by_their_magnitude(value: float, moment: datetime) -> None:
    assert fields.time_of(value, "start_time") == moment


@pytest.mark.parametrize("value", [-1, -0.001, fields.LATEST_TIME + 1, 2**63, float("nan"), float("inf")])
def test_other_times_are_refused(value: float) -> None:
    assert refused(lambda: fields.time_of(value, "end_time"))["loc"] == ["body", "end_time"]


def test_a_cursor_is_any_short_text() -> None:
    assert fields.cursor("2026-01-01T00:00:00+00:00:hb-1") == "2026-01-01T00:00:00+00:00:hb-1"
    assert fields.cursor("") is fields.cursor(None) is None
    for text in ("x" * 257, "a\x00", "a\n"):
        assert refused(lambda text=text: fields.cursor(text))["loc"] == ["body", "cursor"]  # type: ignore[misc]


@given(st.from_regex(LISTED_PAIRS))
def test_what_the_document_calls_pairs_is_taken(text: str) -> None:
    found = fields.query_pairs([text], "trading_pairs")
    assert found
    assert all(re.match(fields.PAIR_PATTERN, pair) for pair in found)


@given(st.text())
def test_what_is_taken_the_document_calls_pairs(text: str) -> None:
    try:
        fields.pairs(text or "-", "trading_pairs")
    except HttpError:
        assert re.match(LISTED_PAIRS, text) is None
    else:
        assert re.match(LISTED_PAIRS, text) is not None


@pytest.mark.parametrize(("value", "number"), [(None, 10), (3, 3), (20.0, 20)])
def test_a_whole_number_may_be_written_as_one_with_a_point(value: float | None, number: int) -> None:
    assert fields.whole(value, 10, "depth") == number


def test_a_fraction_is_no_number_of_things() -> None:
    with pytest.raises(HttpError) as caught:
        fields.whole(1.5, 10, "depth")
    assert caught.value.status == 422
