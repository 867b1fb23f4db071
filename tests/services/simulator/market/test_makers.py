from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.simulator.engine.symbols import Symbol
from services.simulator.market.intervals import DAY, MINUTE
from services.simulator.market.makers import Level, TargetBook
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.market.trade_numbers import LISTED
from tests.services.simulator.market.offered import JUNE, SYMBOLS, shown

symbols = st.sampled_from(SYMBOLS)
times = st.integers(LISTED, LISTED + 15 * 365 * DAY)


def changes(before: TargetBook, after: TargetBook) -> int:
    """Return how many prices of both sides have another quantity than before."""
    count = 0
    for old, new in zip(before, after, strict=True):
        count += len({level.price for level in set(old) ^ set(new)})
    return count


def within(levels: list[Level], touch: int, share: float) -> int:
    return sum(level.quantity for level in levels if abs(level.price - touch) <= touch * share)


@settings(deadline=None, max_examples=200)
@given(symbol=symbols, t_ms=times)
def test_a_book_is_sorted_uncrossed_and_around_the_price(market: SyntheticMarket, symbol: Symbol, t_ms: int) -> None:
    book = market.target_book(symbol, t_ms)
    price = market.price(symbol, t_ms)
    bids, asks = [level.price for level in book.bids], [level.price for level in book.asks]
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert 0 < bids[-1] < bids[0] < price < asks[0]
    assert price - 3 <= bids[0]
    assert asks[0] <= price + 3
    assert 20 <= len(bids) <= 100
    assert 20 <= len(asks) <= 100
    assert min(level.quantity for level in (*book.bids, *book.asks)) > 0
    assert asks[-1] > asks[0] * 1.02


def test_books_do_not_depend_on_what_was_asked_before(seed: int) -> None:
    market = SyntheticMarket(seed, SYMBOLS)
    books = [market.target_book(SYMBOLS[0], JUNE + moment) for moment in range(0, 10 * MINUTE, 3250)]
    again = SyntheticMarket(seed, SYMBOLS[:1])
    for number in (150, 3, 77):
        assert again.target_book(SYMBOLS[0], JUNE + number * 3250) == books[number]


@pytest.mark.parametrize("each", SYMBOLS, ids=shown)
def test_a_book_changes_all_the_time_but_at_most_some_twenty_levels_a_second(
    market: SyntheticMarket, each: Symbol
) -> None:
    books = [market.target_book(each, JUNE + number * 250) for number in range(1200)]
    counts = [changes(before, after) for before, after in pairwise(books)]
    assert sum(counts) / 300 < 25
    assert max(counts) < 40
    assert sum(counts) / 300 > 2


@pytest.mark.parametrize("each", SYMBOLS, ids=shown)
def test_there_is_more_in_the_book_farther_away(market: SyntheticMarket, each: Symbol) -> None:
    near = far = 0
    for number in range(200):
        book = market.target_book(each, JUNE + number * MINUTE)
        for levels in book:
            near += sum(level.quantity for level in levels[:8])
            far += sum(level.quantity for level in levels[-8:])
    assert far > 4 * near


def test_books_of_one_time_change_at_quarters_of_a_second_only(market: SyntheticMarket) -> None:
    assert len({str(market.target_book(SYMBOLS[0], JUNE + moment)) for moment in range(250)}) == 1
    assert len({str(market.target_book(SYMBOLS[0], JUNE + moment)) for moment in range(0, 5000, 250)}) > 10
