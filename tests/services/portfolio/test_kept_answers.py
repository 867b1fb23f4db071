"""Answers that are kept: made once until something changes, and never without bound."""

from collections.abc import Callable

import pytest

from services.portfolio import kept_answers
from services.portfolio.kept_answers import KeptAnswers


class Maker:
    """Makes answers and counts them."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, size: int = 1) -> Callable[[], str]:
        def make() -> str:
            self.made += 1
            return "x" * size

        return make


def test_an_answer_is_made_once_for_a_state_and_a_request() -> None:
    kept, maker = KeptAnswers(), Maker()
    first = kept.answer(1, "a", maker())
    assert kept.answer(1, "a", maker()) is first
    assert first.body == b'"x"'
    kept.answer(1, "b", maker())
    assert maker.made == 2
    assert kept.answer(2, "a", maker()) is not first
    assert maker.made == 3


def test_a_state_that_was_left_is_not_come_back_to() -> None:
    kept, maker = KeptAnswers(), Maker()
    for state in (1, 2, 1):
        kept.answer(state, "a", maker())
    assert maker.made == 3


def test_what_cannot_be_made_is_tried_again() -> None:
    kept, maker = KeptAnswers(), Maker()

    def fail() -> str:
        raise LookupError

    with pytest.raises(LookupError):
        kept.answer(1, "a", fail)
    assert kept.answer(1, "a", maker()).body == b'"x"'


@pytest.mark.parametrize(("count", "size"), [(3, 10**9), (10**9, 100)])
def test_it_is_bounded_by_number_and_by_size(monkeypatch: pytest.MonkeyPatch, count: int, size: int) -> None:
    monkeypatch.setattr(kept_answers, "_COUNT", count)
    monkeypatch.setattr(kept_answers, "_BYTES", size)
    kept, maker = KeptAnswers(), Maker()
    for request in range(50):
        kept.answer(1, request, maker(30))
    made = maker.made
    kept.answer(1, 0, maker(30))
    assert maker.made == made + 1  # it was let go of
    kept.answer(1, 0, maker(30))
    assert maker.made == made + 1
