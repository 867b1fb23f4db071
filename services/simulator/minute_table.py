"""The live minutes of one pair in the last day, as columns: what the 24 h figures are made of each time."""

import numpy as np

from services.simulator.live_minute import LiveMinute
from services.simulator.market.candles import COLUMNS, Candles
from services.simulator.market.intervals import DAY, HOUR

#: How far back minutes are kept here.
KEPT = DAY + HOUR
#: Rows that can be added until all are moved, at two hours of a pair that is looked at all the time.
_ROOM = 120
_WIDTH = len(COLUMNS) + 1


class MinuteTable:
    """Live minutes in order of time, the oldest forgotten after `KEPT`."""

    def __init__(self) -> None:
        self._rows = np.empty((_ROOM, _WIDTH), dtype=np.int64)
        self._begin = self._end = 0

    def __len__(self) -> int:
        return self._end - self._begin

    def put(self, minute: LiveMinute) -> None:
        """Add a minute, or put it in the place of what is there of the same one; older ones than the last as well."""
        row = (*minute.candle, minute.first_id)
        times = self._rows[self._begin : self._end, 0]
        place = self._begin + int(np.searchsorted(times, minute.open_time))
        if place < self._end and self._rows[place, 0] == minute.open_time:
            self._rows[place] = row
            return
        if self._end == len(self._rows):
            place -= self._make_room()
        self._rows[place + 1 : self._end + 1] = self._rows[place : self._end].copy()
        self._rows[place] = row
        self._end += 1
        if minute.open_time - self._rows[self._begin, 0] > KEPT:
            self._begin += 1

    def candles(self, start_ms: int, end_ms: int) -> Candles:
        """Return the minutes that begin in the range."""
        rows = self._range(start_ms, end_ms)
        return Candles(*rows[:, : _WIDTH - 1].T)

    def first_id(self, open_time: int) -> int | None:
        """Return the id of the first trade of a minute that is here."""
        rows = self._range(open_time, open_time + 1)
        return int(rows[0, -1]) if len(rows) else None

    def _range(self, start_ms: int, end_ms: int) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
        rows = self._rows[self._begin : self._end]
        begin, end = np.searchsorted(rows[:, 0], (start_ms, end_ms))
        return rows[int(begin) : int(end)]

    def _make_room(self) -> int:
        """Move the rows to the begin of a table with room; return by how many places."""
        rows = self._rows[self._begin : self._end]
        moved = self._begin
        table = np.empty((len(rows) + _ROOM, _WIDTH), dtype=np.int64)
        table[: len(rows)] = rows
        self._rows, self._begin, self._end = table, 0, len(rows)
        return moved
