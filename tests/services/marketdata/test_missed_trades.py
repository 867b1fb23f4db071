"""Which trades were missed, for every way in which an exchange's answer lies to what is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketdata.missed_trades import ENOUGH, Counting, follows, missed
from shared.contracts.marketdata.trades import MarketTrade
from shared.seen_ids import SeenIds


def trade(number: int, name: str | None = "") -> MarketTrade:
    """Return a trade made at `number` with that number for its id, or the id `name`."""
    return MarketTrade(float(number), 100.0, 1.0, "buy", str(number) if name == "" else name)


def seen(*numbers: int) -> SeenIds:
    ids = SeenIds(1000)
    for number in numbers:
        ids.add(str(number))
    return ids


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([3, 4, 5, 6, 7], [6, 7]),
        ([3, 4, 5], []),
        ([], []),
        # The stream has brought some of them already.
        ([4, 5, 6, 7, 8, 9], [6, 7]),
        # More were made than one answer holds.
        ([20, 21], [20, 21]),
    ],
)
def test_what_came_after_the_last_one_that_is_known(told: list[int], expected: list[int]) -> None:
    found = missed([trade(number) for number in told], trade(5), seen(3, 4, 5, 8, 9))
    assert [one.timestamp for one in found] == expected


def test_ids_that_are_others_than_those_of_the_stream_tell_nothing() -> None:
    assert missed([trade(number, f"rest-{number}") for number in range(10)], trade(5), seen(5)) == ()


def test_without_ids_nothing_is_told() -> None:
    assert missed([trade(6, None)], trade(5), seen(5)) == ()
    assert missed([trade(6)], trade(5, None), seen()) == ()


def test_trades_of_one_moment_are_told_apart_by_their_ids() -> None:
    told = [MarketTrade(5.0, 100.0, 1.0, "buy", str(number)) for number in range(3, 9)]
    assert [one.id for one in missed(told, told[2], seen(3, 4, 5))] == ["6", "7", "8"]


@given(
    first=st.integers(0, 50), count=st.integers(0, 60), last=st.integers(0, 100),
    known=st.sets(st.integers(0, 120), max_size=30),
)  # fmt: skip
def test_none_is_told_twice_and_none_before_the_last(first: int, count: int, last: int, known: set[int]) -> None:
    found = missed([trade(number) for number in range(first, first + count)], trade(last), seen(last, *known))
    numbers = [int(one.id or "") for one in found]
    assert numbers == sorted(set(numbers))
    assert not {*numbers} & {*known, last}
    if first <= last < first + count:
        assert set(numbers) == set(range(last + 1, first + count)) - known


def test_numbers_that_follow_each_other() -> None:
    assert follows(trade(6), trade(5))
    for other in (trade(7), trade(5), trade(6, "a-6"), trade(6, None)):
        assert not follows(other, trade(5))


def believing() -> Counting:
    """Return what has learned from trades 0 to `ENOUGH` that their ids count."""
    counting = Counting()
    assert not counting.shows_gap([trade(number) for number in range(1, ENOUGH + 1)], trade(0))
    return counting


@pytest.mark.parametrize(
    ("numbers", "gap"),
    [
        ([1, 2, 3], False),
        ([2], True),
        ([1, 2, 4], True),
        # Doubled, and late ones.
        ([0, 1, 1, 2], False),
        ([-3, 1], False),
    ],
)
def test_a_trade_that_is_left_out_shows_where_ids_count(numbers: list[int], gap: bool) -> None:
    trades = [trade(ENOUGH + number) for number in numbers]
    assert believing().shows_gap(trades, trade(ENOUGH)) is gap


def test_ids_that_do_not_count_show_nothing() -> None:
    counting, last = Counting(), trade(0)
    for number in range(7, 700, 7):
        assert not counting.shows_gap([trade(number)], last)
        last = trade(number)
    assert not counting.shows_gap([trade(5, "a"), trade(9, None)], last)


def test_ids_that_were_believed_wrongly_are_believed_less_easily() -> None:
    counting = believing()
    counting.was_wrong()
    last = ENOUGH
    for _ in range(3):  # ten in a row, then a gap
        assert not counting.shows_gap([trade(last + number) for number in range(1, ENOUGH + 1)], trade(last))
        assert not counting.shows_gap([trade(last + ENOUGH + 5)], trade(last + ENOUGH))
        last += ENOUGH + 5
