"""The ids of `GET /events`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway_api.stream.positions import LETTERS, encode, parse
from shared.contracts.catalogue import EVENT_SERVICES


def test_an_id_names_the_place_in_each_service() -> None:
    assert encode({"portfolio": 345, "credentials": 12}) == "c12.p345"
    assert parse("c12.p345") == {"credentials": 12, "portfolio": 345}
    assert parse("p345.c12") == parse("c12.p345")
    assert parse("c0") == {"credentials": 0}


def test_every_service_that_publishes_has_a_letter_of_its_own() -> None:
    assert set(EVENT_SERVICES) <= LETTERS.keys()
    assert len(set(LETTERS.values())) == len(LETTERS)
    assert all(len(letter) == 1 for letter in LETTERS.values())


_NONE = [
    *("", "c", "12", "c-1", "c1.", ".c1", "c1.c2", "z1", "c1 ", " c1", "c1\n", "C1", "c01", "c1.5", "c\u0661"),
    *("c1,p2", "c1..p2", "c0x1", "null", "c1" * 1000, "c" + "9" * 19),
]


@pytest.mark.parametrize("text", _NONE, ids=lambda text: ascii(text)[:20])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="c12"):
        parse(text)


@given(st.dictionaries(st.sampled_from(sorted(LETTERS)), st.integers(0, 10**18 - 1), min_size=1))
def test_an_id_is_read_as_it_was_written(position: dict[str, int]) -> None:
    assert parse(encode(position)) == position


@given(st.text(max_size=30))
def test_any_text_is_an_id_or_refused(text: str) -> None:
    try:
        position = parse(text)
    except ValueError:
        return
    assert set(encode(position).split(".")) == set(text.split("."))
