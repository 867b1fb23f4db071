"""Rules for order books."""

import math

import msgspec
import pytest

from services.marketdata.book_levels import Depths, answer, fault_of, reaches, size_for
from shared.contracts.marketdata.books import BookLevel, LiveBook
from tests.services.marketdata.fake_market import book


def changed(bids: tuple[tuple[float, float], ...], asks: tuple[tuple[float, float], ...]) -> LiveBook:
    return msgspec.structs.replace(book(), bids=bids, asks=asks)


def test_possible_books() -> None:
    for possible in (book(), changed((), ()), changed(((99.0, 1.0),), ()), changed((), ((99.0, 0.0),))):
        assert fault_of(possible) is None


@pytest.mark.parametrize(
    "impossible",
    [
        changed(((100.0, 1.0),), ((100.0, 1.0),)),
        changed(((101.0, 1.0),), ((100.0, 1.0),)),
        changed(((math.nan, 1.0),), ()),
        changed(((math.inf, 1.0),), ()),
        changed((), ((0.0, 1.0),)),
        changed((), ((-5.0, 1.0),)),
        changed((), ((5.0, math.nan),)),
        changed((), ((5.0, -1.0),)),
    ],
    ids=str,
)
def test_impossible_books(impossible: LiveBook) -> None:
    assert fault_of(impossible) is not None


@pytest.mark.parametrize(
    ("levels", "depth", "depths", "enough"),
    [
        (50, 50, None, True),
        (49, 50, None, False),
        (49, 50, Depths(49, 49, 50), True),
        (49, 50, Depths(50, 50, 50), False),  # there are as many as were asked for, so there may be more
        (49, 50, Depths(60, 60, 200), True),  # within what books move
        (20, 50, Depths(200, 200, 200), False),  # the stream is a short one
        (20, 50, Depths(20, 20, 10), False),  # what was asked for does not tell
        (0, 10, Depths(0, 0, 50), True),
        (0, 10, Depths(0, 1, 50), False),
        (20, 100, Depths(22, 21, 200), True),
    ],
)
def test_reaching_deep_enough(levels: int, depth: int, depths: Depths | None, enough: bool) -> None:
    assert reaches((levels, levels), depth, depths) is enough


def test_sizes_to_ask_for() -> None:
    assert [size_for(depth) for depth in (1, 50, 51, 200, 201, 1000, 1001)] == [50, 50, 200, 200, 1000, 1000, 1001]


def test_answer() -> None:
    found = answer(book(levels=3), 2)
    assert found.bids == (BookLevel(99.0, 1.0), BookLevel(98.0, 2.0))
    assert found.asks == (BookLevel(101.0, 1.0), BookLevel(102.0, 2.0))
    assert len(answer(book(levels=3), 10).bids) == 3
