"""A minute of which at least a second was traded live: how such a minute is kept, and what it makes of candles."""

import zlib
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.simulator.market.candles import COLUMNS, Candle, Candles, combine
from services.simulator.market.intervals import MINUTE, SECOND

SECONDS = MINUTE // SECOND
_WIDTH = len(COLUMNS)


class LiveMinute(msgspec.Struct, frozen=True):
    """A minute of candles as it was traded.

    `candle` is of `count` seconds: a complete minute has 60, of which those that nobody looked at are synthetic. A
    minute that a crash has cut off has fewer, all of them in `seconds`; the rest is synthetic. `first_id` is the id of
    the first trade. `seconds` are the candles of the seconds, packed, or nothing where they were not asked for.
    `by_user` is whether a user traded in it.
    """

    candle: Candle
    first_id: int
    count: int
    seconds: bytes = b""
    by_user: bool = False

    @property
    def open_time(self) -> int:
        """When the minute begins."""
        return self.candle.open_time


def candles_of(rows: Iterable[Sequence[int]]) -> Candles:
    """Return candles of `rows` in the order of `Candle`'s fields."""
    array = np.array(list(rows), dtype=np.int64).reshape(-1, _WIDTH)
    return Candles(*array.T)


def pack(candles: Candles) -> bytes:
    """Return candles in a form of some ten bytes each, for `unpack`."""
    array = np.stack(candles.columns()).astype("<i8")
    # Differences are small, and equal bytes side by side pack best.
    array[:, 1:] -= array[:, :-1].copy()
    return zlib.compress(array.tobytes(), 6)


def unpack(packed: bytes) -> Candles:
    """Return what was packed."""
    array: NDArray[np.int64] = np.frombuffer(zlib.decompress(packed), dtype="<i8").reshape(_WIDTH, -1)
    return Candles(*np.cumsum(array, axis=1))


def overlay(synthetic: Candles, live: Candles) -> Candles:
    """Return `synthetic` with the candles of `live` in place of those that begin at the same times."""
    if not len(live) or not len(synthetic):
        return synthetic
    places = np.searchsorted(synthetic.open_time, live.open_time)
    fits = places < len(synthetic)
    fits[fits] &= synthetic.open_time[places[fits]] == live.open_time[fits]
    places = places[fits]
    columns = []
    for old, new in zip(synthetic.columns(), live.columns(), strict=True):
        column = old.copy()
        column[places] = new[fits]
        columns.append(column)
    return Candles(*columns)


def live_minute(seconds: Candles, first_id: int, *, by_user: bool) -> LiveMinute:
    """Return the minute of one or more `seconds`, in order."""
    begin = int(seconds.open_time[0]) // MINUTE * MINUTE
    candle = combine(seconds, [int(seconds.open_time[0])]).row(0)._replace(open_time=begin)
    return LiveMinute(candle, first_id, len(seconds), pack(seconds), by_user)
