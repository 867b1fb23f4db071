"""The trades of the past, by time and by id, as many as are asked for."""

from collections.abc import Iterator

import numpy as np

from services.simulator.market.candle_history import CandleHistory
from services.simulator.market.candles import Candle, Ints
from services.simulator.market.hashing import key_of, words
from services.simulator.market.intervals import DAY, MINUTE, SECOND
from services.simulator.market.listing import Listing
from services.simulator.market.trade_numbers import LISTED, day_of_trade, trades_before_day
from services.simulator.market.trades import Trade, second_trades


class TradeHistory:
    """The trades of all symbols of one market, those that its candles are made of."""

    def __init__(self, candles: CandleHistory) -> None:
        self._candles = candles

    def first_id(self, listing: Listing, t_ms: int) -> int:
        """Return how many trades there were before the full second `t_ms`, which is the id of its first trade."""
        day = t_ms // DAY * DAY
        number = trades_before_day(listing, day // DAY)
        if t_ms > day:
            number += int(self._candles.span(listing, day, t_ms).trades[0])
        return number

    def between(self, listing: Listing, start_ms: int, end_ms: int) -> Iterator[Trade]:
        """Yield the trades from `start_ms` to before `end_ms`, in order."""
        second = max(start_ms, LISTED) // SECOND * SECOND
        for trade in self._from_second(listing, second, self.first_id(listing, second)):
            if trade.time >= end_ms:
                return
            if trade.time >= start_ms:
                yield trade

    def from_id(self, listing: Listing, trade_id: int) -> Iterator[Trade]:
        """Yield the trades from that with `trade_id` (>= 0) on, in order and without end."""
        start = day_of_trade(listing, trade_id) * DAY
        number = trades_before_day(listing, start // DAY)
        minutes = self._candles.minutes(listing, start, start + DAY).trades
        start, number = _skip(minutes, start, number, trade_id, MINUTE)
        seconds = self._candles.seconds(listing, start, start + MINUTE).trades
        start, number = _skip(seconds, start, number, trade_id, SECOND)
        for trade in self._from_second(listing, start, number):
            if trade.id >= trade_id:
                yield trade

    def _from_second(self, listing: Listing, start_ms: int, first_id: int) -> Iterator[Trade]:
        key = _key(listing)
        while True:
            end = start_ms // MINUTE * MINUTE + MINUTE
            candles = self._candles.seconds(listing, start_ms, end)
            for row in zip(*(column.tolist() for column in candles.columns()), strict=True):
                count = row[7]
                yield from second_trades(row, first_id, words(key, first_id, count).tolist())
                first_id += count
            start_ms = end


def trades_of(listing: Listing, second: Candle, first_id: int) -> list[Trade]:
    """Return the trades of a second, the first of which is `first_id`."""
    return second_trades(second, first_id, words(_key(listing), first_id, second.trades).tolist())


def _key(listing: Listing) -> int:
    return key_of(listing.key, "trades")


def _skip(counts: Ints, start_ms: int, number: int, trade_id: int, length: int) -> tuple[int, int]:
    """Return when the part that has `trade_id` begins and the id of its first trade; parts have `counts` trades."""
    ends = number + np.cumsum(counts)
    place = int(np.searchsorted(ends, trade_id, side="right"))
    return start_ms + place * length, int(ends[place] - counts[place])
