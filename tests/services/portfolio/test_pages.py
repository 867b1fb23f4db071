"""How many rows fit into a page."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.portfolio import pages
from services.portfolio.pages import fitting


@given(st.lists(st.integers(1, 40).map(lambda size: b"1" * size), max_size=30), st.integers(1, 20))
def test_as_many_as_fit_but_always_one(rows: list[bytes], limit: int) -> None:
    usual, pages.PAGE_BYTES = pages.PAGE_BYTES, 200
    try:
        taken = [bytes(row) for row in fitting(iter(rows), limit)]
    finally:
        pages.PAGE_BYTES = usual
    assert taken == rows[: len(taken)]
    assert len(taken) <= limit
    assert len(taken) <= 1 or len(b",".join(taken)) <= 200
    if len(taken) < min(limit, len(rows)):
        assert len(b",".join(rows[: len(taken) + 1])) >= 200
    assert taken or not rows


def test_rows_may_be_encoded_before() -> None:
    assert fitting([msgspec.Raw(b"1"), b"2"], 5) == (msgspec.Raw(b"1"), msgspec.Raw(b"2"))
