"""What was traded in public: the synthetic past, and in its place what was traded live while somebody looked.

A pair is traded live from the second on in which somebody looks at it, until nobody does. All other seconds, before the
simulator's first start, while it was off and while nobody looked, are as the synthetic market has them. Live seconds
are kept, so that the past is the same after a restart; a crash costs those of the last few seconds, which then are
synthetic. Asking for candles and trades alone is not looking: nobody can tell whether they were traded. The last 1,000
live trades are kept while a pair is looked at; all others are the synthetic ones.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np

from services.simulator.day_window import DayWindow, anchor_of
from services.simulator.engine.events import Outcome, Trade
from services.simulator.engine.symbol import Symbol
from services.simulator.live_minute import overlay, unpack
from services.simulator.live_pair import LivePair
from services.simulator.live_trades import LiveTrades, public
from services.simulator.market.candle_range import begins_of
from services.simulator.market.candles import Candle, Candles, combine, join, no_candles
from services.simulator.market.intervals import DAY, INTERVALS, MINUTE, SECOND, Interval
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.minute_table import KEPT
from services.simulator.store import Store
from services.simulator.venue import Venue


class LiveMarket:
    """Candles and trades of all pairs, up to now."""

    def __init__(
        self,
        market: SyntheticMarket,
        symbols: Iterable[Symbol],
        store: Store,
        now: Callable[[], int],
        look: Callable[[Venue, str], None],
    ) -> None:
        self._market = market
        self.symbols = {(symbol.market, symbol.name): symbol for symbol in symbols}
        self._store = store
        self._now = now
        self._look = look
        #: What was traded live, of the pairs that were ever asked for.
        self.pairs: dict[tuple[Venue, str], LivePair] = {}

    # Trading.

    def pair(self, symbol: Symbol) -> LivePair:
        """Return what was traded live of a pair."""
        pair = self.pairs.get((symbol.market, symbol.name))
        if pair is None:
            pair = self.pairs[symbol.market, symbol.name] = LivePair(self._market, symbol)
        return pair

    def wake(self, symbol: Symbol, now: int) -> int:
        """Begin to trade a pair live; return the id of its last trade."""
        second = now // SECOND * SECOND
        first_id = self._market.trades_before(symbol, second)
        past = [public(symbol, trade) for trade in self._market.trades(symbol, second, now)]
        self.pair(symbol).wake(second, first_id, self._market.price(symbol, second), past)
        return first_id + len(past) - 1

    def heard(self, venue: Venue, outcome: Outcome) -> None:
        """Follow the outcome of a command."""
        for event in outcome.events:
            if type(event) is Trade:
                pair = self.pairs.get((venue, event.symbol))
                if pair is not None:
                    pair.record(event)

    async def trades(
        self, symbol: Symbol, *, from_id: int | None, start_ms: int | None, end_ms: int | None, limit: int
    ) -> Sequence[Trade]:
        """Return trades in order: with a start the first `limit` from there, else the last `limit` up to `end_ms`."""
        now = self._now()
        last = now if end_ms is None else min(end_ms, now)
        trades = LiveTrades(self._market, self.pair(symbol), now)
        if from_id is not None:
            return list(islice((t for t in trades.from_id(from_id) if t.time <= last), limit))
        if start_ms is not None:
            return list(islice(trades.between(start_ms, last + 1), limit))
        return trades.last(last + 1, limit)

    def newest_trade(self, symbol: Symbol) -> Trade:
        """Return the last trade, without having the pair quoted."""
        now, pair = self._now(), self.pair(symbol)
        for trade in reversed(pair.trades):
            if trade.time <= now:
                return trade
        synthetic = self._day(symbol, now // MINUTE * MINUTE).newest_trade(pair.since or now)
        if synthetic is None:
            return LiveTrades(self._market, pair, now).last(now + 1, 1)[0]
        return public(symbol, synthetic)

    # Candles.

    async def candles(
        self, symbol: Symbol, interval: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> Candles:
        """Return candles by open time; the last may be under way.

        With `start_ms` these are the first `limit` from there on, else the last `limit` that begin up to `end_ms`.
        """
        kind, now = INTERVALS[interval], self._now()
        last = min(now, now if end_ms is None else end_ms)
        begins = begins_of(kind, start_ms, last, limit)
        if not begins:
            return no_candles()
        current, end = kind.begin(now), kind.end(begins[-1])
        parts = []
        if begins[0] < current:
            synthetic = self._market.candles(symbol, interval, begins[0], min(end, current))
            parts.append(await self._with_live(symbol, kind, synthetic, min(end, current)))
        if begins[-1] == current:
            parts.append(await self._under_way(symbol, kind, current, now))
        return join(parts)

    def last_trade(self, symbol: Symbol) -> Trade | None:
        """Return the last trade since somebody looks at the pair, None before the first."""
        self._look(symbol.market, symbol.name)
        trades = self.pair(symbol).trades
        return trades[-1] if trades else None

    def window(self, symbol: Symbol, start_ms: int) -> tuple[Candle, int]:
        """Return one candle of everything from the full minute at or after `start_ms` to now, at most a day ago, and
        the id of its first trade.
        """
        now = self._now()
        minute = now // MINUTE * MINUTE
        begin = min(-(-start_ms // MINUTE) * MINUTE, minute)
        pair = self.pair(symbol)
        first_id = pair.first_id(begin)
        if minute - DAY <= begin <= minute - DAY + MINUTE:
            day = self._day(symbol, minute)
            seconds = self._seconds_of_minute(symbol, minute, now)
            since = overlay(day.since(minute), pair.minutes(day.anchor, minute))
            whole = combine(join([*day.before(begin), since, seconds]), [begin])
            return whole.row(0), day.first_id(begin) if first_id is None else first_id
        parts = []
        if begin < minute:
            synthetic = self._market.candles(symbol, "1m", begin, minute)
            parts.append(overlay(synthetic, pair.minutes(begin, minute)))
        parts.append(self._seconds_of_minute(symbol, minute, now))
        if first_id is None:
            first_id = self._market.trades_before(symbol, begin)
        return combine(join(parts), [begin]).row(0), first_id

    def _day(self, symbol: Symbol, minute: int) -> DayWindow:
        """Return the day up to `minute`, the one under way or the one before."""
        pair, anchor = self.pair(symbol), anchor_of(symbol, minute)
        if pair.day is None or pair.day.anchor != anchor:
            pair.day = DayWindow(self._market, symbol, anchor, pair.minutes(anchor - DAY, anchor))
        pair.day.asked = self._now()
        return pair.day

    async def _with_live(self, symbol: Symbol, kind: Interval, synthetic: Candles, end: int) -> Candles:
        """Return whole candles, those that have a part that was traded live made anew."""
        begin = int(synthetic.open_time[0])
        if kind.length == SECOND:
            return overlay(synthetic, await self._live_seconds(symbol, begin, end))
        live = await self._live_minutes(symbol, begin, end)
        if kind.length == MINUTE or not len(live):
            return overlay(synthetic, live)
        anew = []
        for start in sorted({kind.begin(int(time)) for time in live.open_time}):
            stop = kind.end(start)
            minutes = overlay(self._market.candles(symbol, "1m", start, stop), live.between(start, stop))
            anew.append(combine(minutes, [start]))
        return overlay(synthetic, join(anew))

    async def _under_way(self, symbol: Symbol, kind: Interval, begin: int, now: int) -> Candles:
        minute = now // MINUTE * MINUTE
        parts = []
        if begin < minute:
            synthetic = self._market.candles(symbol, "1m", begin, minute)
            parts.append(overlay(synthetic, await self._live_minutes(symbol, begin, minute)))
        seconds = self._seconds_of_minute(symbol, minute, now)
        if kind.length == SECOND:
            return seconds.between(begin, begin + SECOND)
        parts.append(seconds)
        return combine(join(parts), [begin])

    def _seconds_of_minute(self, symbol: Symbol, minute: int, now: int) -> Candles:
        """Return the seconds of the minute under way, the last as far as it goes."""
        second = now // SECOND * SECOND
        pair = self.pair(symbol)
        live = pair.seconds_under_way()
        parts = [live.between(second, second + SECOND)]
        if minute < second:
            whole = live.between(minute, second)
            if len(whole) < (second - minute) // SECOND:
                if pair.day is not None and pair.day.holds(minute):
                    synthetic = pair.day.seconds(minute, second)
                else:
                    synthetic = self._market.candles(symbol, "1s", minute, second)
                whole = overlay(synthetic, whole)
            parts.insert(0, whole)
        elif not len(parts[0]):
            price = self._market.price(symbol, now)
            parts = [Candles(*(np.array([value]) for value in (second, price, price, price, price, 0, 0, 0, 0, 0)))]
        return join(parts)

    async def _live_minutes(self, symbol: Symbol, start_ms: int, end_ms: int) -> Candles:
        pair, parts = self.pair(symbol), []
        here = max(start_ms, self._now() // MINUTE * MINUTE - KEPT + MINUTE)
        if start_ms < here:
            rows = await self._store.minutes(symbol.market, symbol.name, start_ms, min(here, end_ms), seconds=False)
            if rows:
                columns = np.array([row.candle for row in rows], dtype=np.int64).T
                parts.append(Candles(*columns))
        parts.append(pair.minutes(here, end_ms))
        return join(parts)

    async def _live_seconds(self, symbol: Symbol, start_ms: int, end_ms: int) -> Candles:
        pair = self.pair(symbol)
        begin, end = start_ms // MINUTE * MINUTE, -(-end_ms // MINUTE) * MINUTE
        packed = {time: minute.seconds for time, minute in pair.recent.items() if begin <= time < end}
        oldest = min(pair.recent, default=end)
        if begin < oldest:
            rows = await self._store.minutes(symbol.market, symbol.name, begin, min(oldest, end), seconds=True)
            packed |= {row.open_time: row.seconds for row in rows if row.open_time != pair.minute}
        parts = [unpack(packed[time]) for time in sorted(packed)]
        return join([*parts, pair.seconds_under_way()]).between(start_ms, end_ms)
