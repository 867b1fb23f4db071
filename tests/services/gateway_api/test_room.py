"""Tables that stay small."""

from services.gateway_api.room import make_room


def test_nothing_goes_before_it_is_full() -> None:
    table = {number: number for number in range(9)}
    make_room(table, 10, lambda value: True)
    assert len(table) == 9


def test_what_is_old_goes_and_nothing_else_if_that_is_enough() -> None:
    table = {number: number for number in range(10)}
    make_room(table, 10, lambda value: value % 2 == 0)
    assert list(table) == [1, 3, 5, 7, 9]


def test_then_the_first_go() -> None:
    table = {number: number for number in range(10)}
    make_room(table, 10, lambda value: value == 9)
    assert list(table) == [2, 3, 4, 5, 6, 7, 8]
