"""Keeping a table small that strangers can make entries in."""

from collections.abc import Callable, MutableMapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def make_room(table: MutableMapping[K, V], most: int, is_old: Callable[[V], bool]) -> None:
    """Once `table` has `most` entries, delete what is old, and then the first ones until a quarter of it is free.

    A quarter at a time, so that a flood of new entries costs each of them next to nothing.
    """
    if len(table) < most:
        return
    for key in [key for key, value in table.items() if is_old(value)]:
        del table[key]
    for key in list(table)[: max(0, len(table) - most * 3 // 4)]:
        del table[key]
