"""Books kept by differences: exact down to the last level that is known, and in step by Binance's rules."""

import math
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.marketdata.books import LiveBook
from shared.exchanges import local_book as module
from shared.exchanges.book_sync import BookSync, Difference, Kind, Snapshot
from shared.exchanges.local_book import LocalBook, Side

Levels = Sequence[tuple[float, float]]


def loaded(bids: Levels, asks: Levels, asked: int = 100) -> LocalBook:
    made = LocalBook("paper", "BTC-USDT")
    made.load(bids, asks, asked, 7)
    made.timestamp = 12.5
    return made


def test_changes() -> None:
    book = loaded([(99.0, 1.0), (98.0, 2.0)], [(101.0, 1.0), (102.0, 2.0)])
    book.apply([(99.0, 0.0), (98.5, 5.0), (97.0, 0.0)], [(101.0, 3.0), (100.0, 1.0)], 9)
    assert book.best(10) == LiveBook(
        "paper", "BTC-USDT", ((98.5, 5.0), (98.0, 2.0)), ((100.0, 1.0), (101.0, 3.0), (102.0, 2.0)), 12.5
    )
    assert book.best(1).asks == ((100.0, 1.0),)
    assert (book.counts, book.update_id, book.snapshot_id) == ((2, 3), 9, 7)


def test_the_best_levels_are_the_same_object_until_something_changes() -> None:
    book = loaded([(99.0, 1.0), (98.0, 2.0)], [(101.0, 1.0)])
    best = book.best(2)
    assert book.best(2) is best
    assert [len(book.best(count).bids) for count in (1, 2, 3, 4, 5, 6)] == [1, 2, 2, 2, 2, 2]
    book.timestamp = 13.0
    assert book.best(2) == msgspec.structs.replace(best, timestamp=13.0)
    book.apply([(99.0, 0.0)], [], 8)
    assert book.best(2).bids == ((98.0, 2.0),)
    book.load([(97.0, 1.0)], [], 10, 9)
    assert (book.best(2).bids, book.best(2).asks) == (((97.0, 1.0),), ())


def test_nothing_is_believed_of_what_lies_behind_the_snapshot() -> None:
    book = loaded([(99.0, 1.0), (98.0, 2.0)], [(101.0, 1.0)], asked=2)
    # There may be bids between 98 and 90 that nobody told of; all asks were told.
    book.apply([(90.0, 5.0)], [(200.0, 5.0)], 8)
    assert book.best(10).bids == ((99.0, 1.0), (98.0, 2.0))
    assert book.best(10).asks == ((101.0, 1.0), (200.0, 5.0))
    assert book.lacks(3)
    book.apply([(98.0, 0.0)], [], 9)
    assert book.lacks(2)
    assert not book.lacks(1)


def test_a_side_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LEVELS", 10)
    monkeypatch.setattr(module, "SLACK", 5)
    side = Side(1)
    side.load([], 100)
    for price in range(1, 17):
        side.set(float(price), 1.0)
    assert side.best(100) == tuple((float(price), 1.0) for price in range(1, 11))
    # What was let go is not known any more.
    assert not side.is_whole
    side.set(50.0, 1.0)
    assert len(side) == 10


@pytest.mark.parametrize(
    ("price", "amount"), [(math.nan, 1.0), (math.inf, 1.0), (0.0, 1.0), (-1.0, 1.0), (1.0, math.nan), (1.0, -1.0)]
)
def test_impossible_levels_are_refused(price: float, amount: float) -> None:
    book = loaded([(99.0, 1.0)], [])
    with pytest.raises(ValueError, match="expected a price"):
        book.apply([(price, amount)], [], 8)
    with pytest.raises(ValueError, match="expected a price"):
        book.load([(price, amount)], [], 10, 8)


_CHANGES = st.lists(
    st.tuples(st.sampled_from("ba"), st.floats(0.01, 100.0), st.one_of(st.just(0.0), st.floats(1e-9, 1e9))), max_size=60
)


@given(_CHANGES)
def test_a_book_is_what_a_plain_table_is(changes: list[tuple[str, float, float]]) -> None:
    book = loaded([], [])
    tables: dict[str, dict[float, float]] = {"b": {}, "a": {}}
    for number, (side, price, amount) in enumerate(changes):
        book.apply([(price, amount)] if side == "b" else [], [(price, amount)] if side == "a" else [], number)
        tables[side][price] = amount
        if number % 3 == 0:
            book.json(5)
            book.best(1000)
    bids = sorted(((p, a) for p, a in tables["b"].items() if a), reverse=True)
    asks = sorted((p, a) for p, a in tables["a"].items() if a)
    assert book.best(1000) == LiveBook("paper", "BTC-USDT", tuple(bids), tuple(asks), 12.5)
    assert msgspec.json.decode(book.json(7), type=LiveBook) == book.best(7)


def difference(first: int, last: int, previous: int | None = None, price: str = "99") -> Difference:
    return Difference(5000, first, last, [(price, str(last))], [], previous)


def synced(kind: Kind, at: int = 10) -> BookSync:
    sync = BookSync(LocalBook("paper", "BTC-USDT"), kind)
    assert not sync.is_synced
    sync.load(Snapshot(((99.0, 1.0),), ((101.0, 1.0),), at, 100))
    return sync


@pytest.mark.parametrize(
    ("kind", "brought", "taken", "is_synced"),
    [
        # Snapshots at 10.
        ("spot", [difference(5, 9), difference(8, 12), difference(13, 13)], [False, True, True], True),
        ("spot", [difference(5, 10), difference(11, 12)], [False, True], True),
        ("spot", [difference(12, 13)], [False], False),  # between the snapshot and the first one something is missing
        ("spot", [difference(11, 12), difference(14, 15)], [True, False], False),  # one was lost
        ("spot", [difference(11, 12), difference(11, 12), difference(13, 14)], [True, False, True], True),  # twice
        ("spot", [difference(11, 12), difference(15, 16), difference(13, 14)], [True, False, False], False),
        ("swap", [difference(5, 9, 4), difference(8, 12, 7), difference(20, 25, 12)], [False, True, True], True),
        ("swap", [difference(6, 10, 5), difference(11, 12, 10)], [True, True], True),
        ("swap", [difference(11, 12, 10)], [False], False),
        ("swap", [difference(8, 12, 7), difference(13, 14, 13)], [True, False], False),
        ("swap", [difference(8, 12, 7), difference(8, 12, 7), difference(13, 14, 12)], [True, False, True], True),
    ],
)
def test_what_follows_on_what(kind: Kind, brought: list[Difference], taken: list[bool], is_synced: bool) -> None:
    sync = synced(kind)
    assert [sync.take(one) for one in brought] == taken
    assert sync.is_synced is is_synced
    if any(taken):
        last = next(one for one, was_taken in reversed(list(zip(brought, taken, strict=True))) if was_taken)
        assert sync.book.update_id == last.last
        assert sync.book.best(1).bids == ((99.0, float(last.last)),)
        assert sync.book.timestamp == 5.0


def test_a_new_snapshot_brings_it_in_step_again() -> None:
    sync = synced("spot")
    sync.take(difference(20, 21))
    assert not sync.take(difference(22, 23))
    sync.load(Snapshot(((98.0, 1.0),), (), 22, 100))
    assert sync.take(difference(22, 23))
    assert sync.is_synced
    assert sync.book.snapshot_id == 22
