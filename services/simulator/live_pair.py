"""What was traded live in one pair: the seconds of the minute under way, minutes of the last day, the last trades."""

from collections import OrderedDict, deque

from services.simulator.day_window import DayWindow
from services.simulator.engine.events import Trade
from services.simulator.engine.symbol import Symbol
from services.simulator.live_minute import SECONDS, LiveMinute, candles_of, live_minute, overlay, unpack
from services.simulator.market.candles import Candle, Candles, join, no_candles
from services.simulator.market.intervals import MINUTE, SECOND
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.minute_table import MinuteTable
from services.simulator.participants import is_user

#: As many trades as the API returns at most.
TRADES_KEPT = 1000
#: Minutes whose seconds are at hand.
_RECENT_KEPT = 30


class LivePair:
    """The live candles and trades of one pair. Seconds in which nobody looked are not here, or synthetic."""

    def __init__(self, market: SyntheticMarket, symbol: Symbol) -> None:
        self._market = market
        self.symbol = symbol
        self.table = MinuteTable()
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.recent: OrderedDict[int, LiveMinute] = OrderedDict()  # with their seconds
        self._minute = 0
        self._seconds: dict[int, list[int]] = {}
        self._first_id = 0
        self._by_user = False
        self._dirty = False
        self.finished: list[LiveMinute] = []
        self.day: DayWindow | None = None  # kept here while somebody asks for it
        self.heard = 0  # when there was the last trade
        self.since = 0  # from when on `trades` has all trades, if there are any

    def wake(self, second: int, first_id: int, price: int, past: list[Trade]) -> None:
        """Begin to trade in the second that begins at `second` (ms) at `price`, whose trades so far are `past`."""
        self.trades.clear()
        self.since = second
        self._enter(second, first_id, price)
        for trade in past:
            self.record(trade)

    def sleep(self) -> None:
        """Trade live no more; from now on, trades are the synthetic ones again."""
        self.trades.clear()
        self.since = 0

    def record(self, trade: Trade) -> None:
        """Count a trade; they come in the order of their times."""
        if len(self.trades) == TRADES_KEPT:
            # The oldest goes; others of its moment may have gone before, so what is kept begins after it.
            self.since = self.trades[0].time + 1
        self.trades.append(trade)
        self.heard = trade.time
        second = trade.time // SECOND * SECOND
        row = self._seconds.get(second) if second >= self._minute else None
        if row is None:
            self._enter(second, trade.trade_id, trade.price)
            row = self._seconds[second]
        if not row[7]:
            row[1] = row[2] = row[3] = trade.price
        price, quote = trade.price, trade.price * trade.quantity
        row[2] = max(row[2], price)
        row[3] = min(row[3], price)
        row[4] = price
        row[5] += trade.quantity
        row[6] += quote
        row[7] += 1
        if not trade.buyer_is_maker:
            row[8] += trade.quantity
            row[9] += quote
        self._by_user = self._by_user or is_user(trade.buyer_account) or is_user(trade.seller_account)
        self._dirty = True

    def finish(self, now: int) -> None:
        """Complete the minute under way if it is over; for a pair that nobody looks at, as trades do it otherwise."""
        if self._seconds and self._minute + MINUTE <= now:
            self._complete()

    def minutes(self, start_ms: int, end_ms: int) -> Candles:
        """Return the minutes that were traded live and begin in the range, in which none is that is not over."""
        minutes = self.table.candles(start_ms, end_ms)
        if self._seconds and start_ms <= self._minute < end_ms:
            last = self._completed(candles_of(self._seconds.values()), self._first_id, by_user=self._by_user)
            minutes = join([minutes.between(start_ms, self._minute), candles_of([last.candle])])
        return minutes

    def so_far(self) -> LiveMinute | None:
        """Return the minute under way if there is something new of it, to be kept in case of a crash."""
        if not self._dirty or not self._seconds:
            return None
        self._dirty = False
        return live_minute(candles_of(self._seconds.values()), self._first_id, by_user=self._by_user)

    def take_over(self, minute: LiveMinute) -> LiveMinute | None:
        """Take over a minute that was kept; return it completed if it was not complete."""
        if minute.open_time == self._minute and self._seconds:
            before = {second: list(row) for second, row in _by_time(unpack(minute.seconds)).items()}
            self._seconds = dict(sorted({**before, **self._seconds}.items()))
            self._first_id = min(self._first_id, minute.first_id)
            self._by_user = self._by_user or minute.by_user
            return None
        if minute.count == SECONDS:
            self._put(minute)
            return None
        completed = self._completed(unpack(minute.seconds), minute.first_id, by_user=minute.by_user)
        self._keep(completed)
        return completed

    def seconds_under_way(self) -> Candles:
        """Return the seconds of the minute under way that were traded live, the last not over yet."""
        return candles_of(self._seconds.values()) if self._seconds else no_candles()

    def first_id(self, minute: int) -> int | None:
        """Return the id of the first trade of a minute that was traded live; of the one under way only if from its
        begin on.
        """
        if minute == self._minute and minute in self._seconds:
            return self._first_id
        return self.table.first_id(minute)

    @property
    def minute(self) -> int:
        """When the minute under way begins; 0 if there is none."""
        return self._minute if self._seconds else 0

    def _enter(self, second: int, first_id: int, price: int) -> None:
        minute = second // MINUTE * MINUTE
        if minute != self._minute and self._seconds:
            self._complete()
        if not self._seconds:
            self._minute = minute
            self._first_id, self._by_user = first_id, False
            if (kept := self.recent.get(minute)) is not None:  # it was traded live before in this minute
                before = unpack(kept.seconds).between(minute, second)
                self._seconds = {time: list(row) for time, row in _by_time(before).items()}
                self._first_id, self._by_user = kept.first_id, kept.by_user
        self._seconds[second] = [second, price, price, price, price, 0, 0, 0, 0, 0]

    def _complete(self) -> None:
        minute = self._completed(candles_of(self._seconds.values()), self._first_id, by_user=self._by_user)
        self._seconds = {}
        self._dirty = False
        self._keep(minute)
        self.finished.append(minute)

    def _keep(self, minute: LiveMinute) -> None:
        self._put(minute)
        self.recent[minute.open_time] = minute
        if len(self.recent) > _RECENT_KEPT:
            self.recent.popitem(last=False)

    def _put(self, minute: LiveMinute) -> None:
        self.table.put(minute)
        if self.day is not None and minute.open_time < self.day.anchor:
            self.day = None  # it was made without this minute

    def _completed(self, live: Candles, first_id: int, *, by_user: bool) -> LiveMinute:
        """Return the minute of which `live` are the seconds that were traded live."""
        if len(live) == SECONDS:
            return live_minute(live, first_id, by_user=by_user)
        begin = int(live.open_time[0]) // MINUTE * MINUTE
        synthetic = self._market.candles(self.symbol, "1s", begin, begin + MINUTE)
        if int(live.open_time[0]) > begin:
            first_id = min(first_id, self._market.trades_before(self.symbol, begin))
        seconds = overlay(synthetic, live)
        return live_minute(seconds, first_id, by_user=by_user)


def _by_time(candles: Candles) -> dict[int, Candle]:
    rows = (candles.row(number) for number in range(len(candles)))
    return {row.open_time: row for row in rows}
