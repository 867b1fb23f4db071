"""Book queries against the definition, in exact fractions, over books of every shape."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketdata.book_queries import Taken, take_quote_volume, take_to_price, take_volume

Side = list[tuple[float, float]]


def fraction(value: float) -> Fraction:
    """The decimal that an exchange wrote and a double stands for."""
    return Fraction(Decimal(repr(value)))


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[float]:
    return st.decimals(low, high, places=places).map(float)


AMOUNTS = decimals("0", "1000", 5)
SIDES: st.SearchStrategy[Side] = st.builds(
    lambda prices, amounts, is_buy: list(zip(sorted(prices, reverse=not is_buy), amounts, strict=False)),
    st.sets(decimals("0.00000001", "100000", 8), max_size=30),
    st.lists(AMOUNTS, min_size=30, max_size=30),
    st.booleans(),
)


def naive(parts: list[tuple[Fraction, Fraction]], worst: float | None) -> Taken:
    """What is taken when `(price, amount)` parts are: sums by the book."""
    base = sum((amount for _, amount in parts), Fraction(0))
    quote = sum((price * amount for price, amount in parts), Fraction(0))
    return Taken(float(base), float(quote), worst, float(quote / base) if base else None)


def close(left: Taken, right: Taken) -> bool:
    pairs = (
        (left.volume, right.volume),
        (left.quote_volume, right.quote_volume),
        (left.worst_price, right.worst_price),
        (left.average_price, right.average_price),
    )
    return all((a is None) == (b is None) and (a is None or a == pytest.approx(b, rel=1e-15)) for a, b in pairs)


@given(SIDES, decimals("0.00001", "20000", 5))
def test_a_volume_is_taken_from_the_best_levels(side: Side, volume: float) -> None:
    parts, missing, worst = [], fraction(volume), None
    for price, amount in side:
        if amount and missing:
            part = min(missing, fraction(amount))
            parts.append((fraction(price), part))
            missing -= part
            worst = price
    assert close(take_volume(side, volume), naive(parts, worst))


@given(SIDES, decimals("0.00001", "100000000", 5))
def test_a_quote_volume_buys_from_the_best_levels(side: Side, quote_volume: float) -> None:
    parts, missing, worst = [], fraction(quote_volume), None
    for price, amount in side:
        if amount and missing:
            part = min(missing / fraction(price), fraction(amount))
            parts.append((fraction(price), part))
            missing -= part * fraction(price)
            worst = price
    assert close(take_quote_volume(side, quote_volume), naive(parts, worst))


@given(SIDES, decimals("0.00000001", "100000", 8), st.booleans())
def test_all_up_to_a_price(side: Side, limit: float, is_buy: bool) -> None:
    side = sorted(side, reverse=not is_buy)
    reached = [level for level in side if level[1] and (level[0] <= limit if is_buy else level[0] >= limit)]
    parts = [(fraction(price), fraction(amount)) for price, amount in reached]
    worst = reached[-1][0] if reached else None
    assert close(take_to_price(side, limit, is_buy=is_buy), naive(parts, worst))


ASKS: Side = [(100.0, 1.0), (101.0, 2.0), (103.0, 0.5)]


def test_a_volume_within_the_book() -> None:
    assert take_volume(ASKS, 2.0) == Taken(2.0, 201.0, 101.0, 100.5)


def test_a_book_that_does_not_hold_it_says_what_it_does_hold() -> None:
    assert take_volume(ASKS, 10.0) == Taken(3.5, 353.5, 103.0, 101.0)
    assert take_quote_volume(ASKS, 1000.0) == Taken(3.5, 353.5, 103.0, 101.0)


def test_exactly_what_the_book_holds_touches_no_further_level() -> None:
    assert take_volume(ASKS, 3.0).worst_price == 101.0
    assert take_quote_volume(ASKS, 302.0).worst_price == 101.0


def test_an_empty_side_and_a_price_out_of_reach_give_nothing() -> None:
    nothing = Taken(0.0, 0.0, None, None)
    assert take_volume([], 1.0) == nothing
    assert take_quote_volume([], 1.0) == nothing
    assert take_to_price(ASKS, 99.99, is_buy=True) == nothing
    assert take_to_price(list(reversed(ASKS)), 103.01, is_buy=False) == nothing


def test_tenths_add_up() -> None:
    assert take_volume([(1.0, 0.1), (1.1, 0.1), (1.2, 0.1)], 0.3).volume == 0.3
