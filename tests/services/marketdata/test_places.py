"""Places for feeds of all kinds: nobody who is asked for loses his, and a search for room costs little."""

import time
from collections.abc import Callable
from functools import partial

import pytest

from services.marketdata.places import IDLE, Places
from shared.errors import CommandError, ErrorCode


class Feeds:
    """Feeds of one kind, by name, with when each was asked for."""

    def __init__(self, places: Places) -> None:
        self.asked_at: dict[str, float] = {}
        self.looked = 0
        self._places = places
        places.share(self)

    def __len__(self) -> int:
        return len(self.asked_at)

    def asked(self) -> list[tuple[float, Callable[[], None]]]:
        self.looked += 1
        return [(at, partial(self.end, name)) for name, at in self.asked_at.items()]

    def end(self, name: str) -> None:
        del self.asked_at[name]

    def begin(self, name: str, ago: float = 0.0) -> None:
        self._places.need()
        self.asked_at[name] = time.monotonic() - ago


def test_all_kinds_share_the_places() -> None:
    places = Places(3)
    books, candles = Feeds(places), Feeds(places)
    books.begin("a")
    candles.begin("b")
    books.begin("c")
    assert not places.are_left()
    with pytest.raises(CommandError) as caught:
        candles.begin("d")
    assert caught.value.code is ErrorCode.BUSY
    assert "MARKET_DATA_MAX_FEEDS" in caught.value.detail
    books.end("a")
    candles.begin("d")


def test_the_one_that_was_not_asked_for_the_longest_gives_its_place() -> None:
    places = Places(3)
    books, candles = Feeds(places), Feeds(places)
    books.begin("old", IDLE + 1)
    candles.begin("older", IDLE + 5)
    books.begin("asked for", IDLE - 5)
    books.begin("new")
    assert (set(books.asked_at), set(candles.asked_at)) == ({"old", "asked for", "new"}, set())
    candles.begin("newer")
    assert (set(books.asked_at), set(candles.asked_at)) == ({"asked for", "new"}, {"newer"})
    assert not places.are_left()


def test_many_who_find_no_place_do_not_look_at_all_feeds_each_time() -> None:
    places = Places(5000)
    books = Feeds(places)
    for number in range(5000):
        books.begin(str(number))
    for _ in range(1000):
        assert not places.are_left()
    assert books.looked == 1


def test_room_for_many_is_made_at_a_few_looks() -> None:
    places = Places(5000)
    books = Feeds(places)
    for number in range(5000):
        books.begin(str(number), IDLE + 1)
    for number in range(1000):
        books.begin(f"new {number}")
    assert len(books) <= 5000
    assert all(f"new {number}" in books.asked_at for number in range(1000))
    assert books.looked <= 10
