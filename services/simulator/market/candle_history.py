"""Candles of any interval and time, made when they are asked for, with the last few blocks kept."""

from collections.abc import Iterator

import numpy as np

from services.simulator.market.candles import Candles, combine, join
from services.simulator.market.clock import make_clock
from services.simulator.market.factors import Factors
from services.simulator.market.intervals import DAY, HOUR, INTERVALS, MINUTE, SECOND, Interval
from services.simulator.market.legs import make_legs
from services.simulator.market.listing import Listing
from services.simulator.market.minute_candles import day_candles
from services.simulator.market.recent import Recent
from services.simulator.market.second_candles import second_candles
from services.simulator.market.trade_numbers import LEAST_TRADES_A_MINUTE, LISTED

#: A client that pages through the past finds a block of minutes or seconds that was made for its last page.
_MINUTES_BLOCK = 2 * DAY
_SECONDS_BLOCK = 15 * MINUTE
_DAYS_BLOCK = 32 * DAY
#: What is made at a time for a long range: some 10,000 rows, a few MB while it lasts.
_MINUTES_CHUNK = 8 * DAY
_SECONDS_CHUNK = 4 * HOUR
_DAYS_CHUNK = 96 * DAY
_BLOCKS_KEPT = 24
_DAYS_KEPT = 2000

_Key = tuple[int, int]


class CandleHistory:
    """The candles of all symbols of one market, from `LISTED` on without end."""

    def __init__(self, seed: int, factors: Factors) -> None:
        self._seed = seed
        self._factors = factors
        self._minute_blocks: Recent[_Key, Candles] = Recent(_BLOCKS_KEPT)
        self._second_blocks: Recent[_Key, Candles] = Recent(_BLOCKS_KEPT)
        self._day_blocks: Recent[_Key, Candles] = Recent(_DAYS_KEPT)

    def chunks(self, listing: Listing, interval: Interval, start_ms: int, end_ms: int) -> Iterator[Candles]:
        """Yield all candles that begin at or after `start_ms` and before `end_ms`, some thousands at a time."""
        start_ms = max(start_ms, LISTED)
        begin = start_ms if interval.begin(start_ms) == start_ms else interval.end(start_ms)
        span = _SECONDS_CHUNK if interval.length == SECOND else _MINUTES_CHUNK
        if not interval.length or interval.length >= DAY:
            span = _DAYS_CHUNK
        while begin < end_ms:
            end = interval.end(min(end_ms, begin // span * span + span) - 1)
            yield self._candles(listing, interval, begin, end)
            begin = end

    def span(self, listing: Listing, start_ms: int, end_ms: int) -> Candles:
        """Return one candle of all from `start_ms` to before `end_ms`, both full seconds, `start_ms` less."""
        first, last = -(-start_ms // MINUTE) * MINUTE, end_ms // MINUTE * MINUTE
        if first >= last:
            return combine(self.seconds(listing, start_ms, end_ms), [start_ms])
        parts = [self.minutes(listing, first, last)]
        if start_ms < first:
            parts.insert(0, self.seconds(listing, start_ms, first))
        if last < end_ms:
            parts.append(self.seconds(listing, last, end_ms))
        return combine(join(parts), [start_ms])

    def minutes(self, listing: Listing, start_ms: int, end_ms: int) -> Candles:
        """Return the one-minute candles from `start_ms` to before `end_ms`, both full minutes."""
        blocks = range(start_ms // _MINUTES_BLOCK, -(-end_ms // _MINUTES_BLOCK))
        if len(blocks) <= 2:
            return join([self._minute_block(listing, block) for block in blocks]).between(start_ms, end_ms)
        first_day, last_day = start_ms // DAY, -(-end_ms // DAY)
        return day_candles(self._factors, listing, first_day, last_day - first_day).between(start_ms, end_ms)

    def seconds(self, listing: Listing, start_ms: int, end_ms: int) -> Candles:
        """Return the one-second candles from `start_ms` to before `end_ms`, both full seconds."""
        blocks = range(start_ms // _SECONDS_BLOCK, -(-end_ms // _SECONDS_BLOCK))
        if len(blocks) <= 3:
            return join([self._second_block(listing, block) for block in blocks]).between(start_ms, end_ms)
        first, last = start_ms // MINUTE * MINUTE, -(-end_ms // MINUTE) * MINUTE
        return self._make_seconds(listing, first, last).between(start_ms, end_ms)

    def whole_days(self, listing: Listing, first_day: int, days: int) -> Candles:
        """Return the one-minute candles of whole days, made anew: who asks for them keeps what they need."""
        return day_candles(self._factors, listing, first_day, days)

    def seconds_of(self, listing: Listing, minutes: Candles) -> Candles:
        """Return the one-second candles of `minutes`, one or more in a row, made anew."""
        first = int(minutes.open_time[0]) // MINUTE
        legs = make_legs(self._factors, listing, first, len(minutes))
        extra_trades = minutes.trades - np.int64(LEAST_TRADES_A_MINUTE)
        return second_candles(listing, make_clock(self._seed, first, len(minutes)), legs, extra_trades)

    def _candles(self, listing: Listing, interval: Interval, begin: int, end: int) -> Candles:
        if interval.length == SECOND:
            return self.seconds(listing, begin, end)
        if not interval.length or interval.length >= DAY:
            candles = self._days(listing, begin, end)
            smaller = DAY
        else:
            candles = self.minutes(listing, begin, end)
            smaller = MINUTE
        if interval.length == smaller:
            return candles
        return combine(candles, interval.begins(begin, end))

    def _days(self, listing: Listing, start_ms: int, end_ms: int) -> Candles:
        blocks = range(start_ms // _DAYS_BLOCK, -(-end_ms // _DAYS_BLOCK))
        return join([self._day_block(listing, block) for block in blocks]).between(start_ms, end_ms)

    def _day_block(self, listing: Listing, block: int) -> Candles:
        def make() -> Candles:
            begin = block * _DAYS_BLOCK
            chunks = range(begin, begin + _DAYS_BLOCK, _MINUTES_CHUNK)
            return join([self._days_of_chunk(listing, chunk) for chunk in chunks])

        return self._day_blocks.get((listing.key, block), make)

    def _days_of_chunk(self, listing: Listing, begin: int) -> Candles:
        end = begin + _MINUTES_CHUNK
        return combine(self.minutes(listing, begin, end), INTERVALS["1d"].begins(begin, end))

    def _minute_block(self, listing: Listing, block: int) -> Candles:
        days = _MINUTES_BLOCK // DAY
        return self._minute_blocks.get(
            (listing.key, block), lambda: day_candles(self._factors, listing, block * days, days)
        )

    def _second_block(self, listing: Listing, block: int) -> Candles:
        begin = block * _SECONDS_BLOCK
        return self._second_blocks.get(
            (listing.key, block), lambda: self._make_seconds(listing, begin, begin + _SECONDS_BLOCK)
        )

    def _make_seconds(self, listing: Listing, start_ms: int, end_ms: int) -> Candles:
        return self.seconds_of(listing, self.minutes(listing, start_ms, end_ms))
