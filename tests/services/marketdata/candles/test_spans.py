"""What is still to be asked for, against a definition that counts every millisecond."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.marketdata.candles.spans import Span, contains, holes, joined, pages, proved

spans = st.builds(Span, st.integers(0, 60), st.integers(0, 60))
some = st.lists(spans, max_size=6)


def moments(covered: list[Span] | tuple[Span, ...]) -> set[int]:
    return {at for span in covered for at in range(span.start, span.end)}


@given(some)
def test_joined_spans_hold_the_same_moments_and_are_apart(covered: list[Span]) -> None:
    result = joined(covered)
    assert moments(result) == moments(covered)
    assert all(first.end < second.start for first, second in pairwise(result))


@given(spans, some)
def test_holes_are_what_is_not_covered(wanted: Span, covered: list[Span]) -> None:
    found = holes(wanted, covered)
    assert moments(found) == moments([wanted]) - moments(covered)
    assert list(found) == sorted(found)
    assert not any(hole.is_empty for hole in found)


@given(some, st.integers(0, 60))
def test_contains(covered: list[Span], at: int) -> None:
    assert contains(joined(covered), at) == (at in moments(covered))


@given(spans, st.integers(1, 20))
def test_pages_are_whole_and_hold_the_span(span: Span, length: int) -> None:
    found = list(pages(span, length))
    assert moments([span]) <= moments(found)
    assert all(page.start % length == 0 and page.end - page.start == length for page in found)
    assert all(not page.within(span).is_empty for page in found)


HOLE = Span(100, 200)


def test_what_was_told_to_the_end_is_proved() -> None:
    assert proved(HOLE, told_to=200, next_open=None, trusted_to=0) == HOLE


def test_silence_is_no_proof_while_it_is_young() -> None:
    assert proved(HOLE, told_to=150, next_open=None, trusted_to=120) == Span(100, 150)
    assert proved(HOLE, told_to=150, next_open=None, trusted_to=180) == Span(100, 180)
    assert proved(HOLE, told_to=None, next_open=None, trusted_to=50).is_empty
    assert proved(HOLE, told_to=None, next_open=None, trusted_to=500) == HOLE


def test_a_later_candle_proves_that_there_is_none_before() -> None:
    assert proved(HOLE, told_to=None, next_open=900, trusted_to=0) == Span(100, 900)
    assert proved(HOLE, told_to=150, next_open=200, trusted_to=0) == HOLE
