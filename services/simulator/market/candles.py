"""Candles as columns, and how candles of a larger interval follow from those of a smaller one."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Candle(NamedTuple):
    """One candle, in the units of `Candles`."""

    open_time: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    trades: int
    taker_buy_volume: int
    taker_buy_quote_volume: int


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Candles in order of time, a row each: columns of equal length, read only.

    Times are in ms since the epoch, prices in ticks, volumes in steps of the base asset, quote volumes in ticks times
    steps.
    """

    open_time: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    quote_volume: Ints
    trades: Ints
    taker_buy_volume: Ints
    taker_buy_quote_volume: Ints

    def __len__(self) -> int:
        return len(self.open_time)

    def columns(self) -> tuple[Ints, ...]:
        """Return the columns in the order of the fields, which is also Binance's (there without the close time)."""
        # Spelled out: it is asked for several times for each ticker.
        return (
            self.open_time,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            self.quote_volume,
            self.trades,
            self.taker_buy_volume,
            self.taker_buy_quote_volume,
        )

    def row(self, number: int) -> Candle:
        """Return one candle."""
        return Candle(*[int(column[number]) for column in self.columns()])

    def rows(self, begin: int, end: int) -> "Candles":
        """Return the candles numbered `begin` to before `end`, without copying."""
        return Candles(*[column[begin:end] for column in self.columns()])

    def between(self, start_ms: int, end_ms: int) -> "Candles":
        """Return the candles that begin at or after `start_ms` and before `end_ms`, without copying."""
        begin, end = np.searchsorted(self.open_time, (start_ms, end_ms))
        return self.rows(int(begin), int(end))


COLUMNS = tuple(field.name for field in fields(Candles))


def no_candles() -> Candles:
    """Return no candles at all."""
    return Candles(*(np.empty(0, dtype=np.int64) for _ in COLUMNS))


def copied(candles: Candles) -> Candles:
    """Return the candles in arrays of their own, for who keeps a few of many."""
    return Candles(*(column.copy() for column in candles.columns()))


def join(parts: Sequence[Candles]) -> Candles:
    """Return the candles of `parts`, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return no_candles()
    return Candles(*(np.concatenate(column) for column in zip(*(part.columns() for part in parts), strict=True)))


def combine(candles: Candles, begins: Sequence[int] | Ints) -> Candles:
    """Return candles that begin at `begins`, each made of all `candles` from its begin to the next one's.

    The first of `begins` is the open time of the first candle, and each has a candle of its own.
    """
    starts = np.searchsorted(candles.open_time, begins)
    ends = np.append(starts[1:], len(candles)) - 1
    return Candles(
        candles.open_time[starts],
        candles.open[starts],
        np.maximum.reduceat(candles.high, starts),
        np.minimum.reduceat(candles.low, starts),
        candles.close[ends],
        *(
            np.add.reduceat(column, starts)
            for column in (
                candles.volume,
                candles.quote_volume,
                candles.trades,
                candles.taker_buy_volume,
                candles.taker_buy_quote_volume,
            )
        ),
    )
