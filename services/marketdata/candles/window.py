"""The last candles of a series as a feed has them: what an update means to them. Pure: no I/O, no clock."""

from collections.abc import Iterable
from enum import Enum, auto

from services.marketdata.candles.archive import opened
from services.marketdata.candles.intervals import Interval
from shared.contracts.marketdata.candles import Candle
from shared.exchanges.interface import CandleUpdate


class Verdict(Enum):
    """What an update has done."""

    #: Nothing: it was known, or is older than what is known.
    OLD = auto()
    #: The running candle has changed, or a new one follows the last one, which was known to be final.
    TAKEN = auto()
    #: A candle has ended.
    CLOSED = auto()
    #: It does not follow what is known: what lies between has to be asked for.
    GAP = auto()


class Window:
    """Up to `size` candles, oldest first; all but the last are final.

    A stream may leave messages out, send them twice or out of order. So a candle that was closed is not changed by it,
    a running one only by what has traded more, and one is never taken for final because another follows.
    """

    def __init__(self, interval: Interval, size: int) -> None:
        self._interval = interval
        self.size = size
        self._candles: list[Candle] = []
        #: When the last candle that is known to be final opened, in ms.
        self._final: int | None = None

    def __len__(self) -> int:
        return len(self._candles)

    @property
    def last(self) -> Candle | None:
        """The newest candle."""
        return self._candles[-1] if self._candles else None

    @property
    def ask_from(self) -> int | None:
        """From when on, in ms, candles have to be asked for to know all that followed; None: nothing is known."""
        if not self._candles:
            return None
        return opened(self._candles[0]) if self._final is None else self._final

    def newest(self, count: int) -> list[Candle]:
        """Return the last `count` candles, oldest first."""
        return self._candles[-count:]

    def is_current(self, now: int, slack: int) -> bool:
        """Return whether the newest candle runs at `now`, or ended no more than `slack` ms before."""
        last = self.last
        return last is not None and self._interval.end_of(opened(last)) + slack >= now

    def take(self, update: CandleUpdate) -> Verdict:
        """Take what a stream has brought."""
        last, new = self.last, update.candle
        if last is None:
            return Verdict.GAP
        if new.timestamp < last.timestamp:
            return Verdict.OLD
        if new.timestamp == last.timestamp:
            return self._grow(last, update)
        if self._final != opened(last) or self._interval.end_of(opened(last)) != opened(new):
            return Verdict.GAP
        self._append(update)
        return Verdict.CLOSED if update.closed else Verdict.TAKEN

    def told(self, candles: Iterable[Candle], final_before: int) -> list[Candle]:
        """Take what the exchange has told by REST, from `ask_from` on or from farther back.

        Returns:
            What of it is new or has become final, oldest first. Candles that opened before `final_before` are final.
        """
        known = {candle.timestamp: candle for candle in self._candles}
        final = -1 if self._final is None else self._final
        news = []
        for candle in candles:
            before, at = known.get(candle.timestamp), opened(candle)
            if before is not None and (at <= final or (before.volume > candle.volume and at >= final_before)):
                continue
            known[candle.timestamp] = candle
            if before != candle or (final < at < final_before):
                news.append(candle)
        self._candles = [known[at] for at in sorted(known)][-self.size :]
        ended = [opened(candle) for candle in self._candles if opened(candle) < final_before]
        if ended and ended[-1] > final:
            self._final = ended[-1]
        return news

    def final_after(self, at: int) -> list[Candle]:
        """Return the candles that will not change, of those that opened after `at` (in ms), oldest first."""
        return [candle for candle in self._candles if opened(candle) > at and self.is_final(candle)]

    def is_final(self, candle: Candle) -> bool:
        """Return whether a candle of this window will not change."""
        return self._final is not None and opened(candle) <= self._final

    def _grow(self, last: Candle, update: CandleUpdate) -> Verdict:
        new = update.candle
        if self._final == opened(last):
            return Verdict.OLD
        if not update.closed and (new == last or new.volume < last.volume or new.n_trades < last.n_trades):
            return Verdict.OLD
        self._candles[-1] = new
        if not update.closed:
            return Verdict.TAKEN
        self._final = opened(new)
        return Verdict.CLOSED

    def _append(self, update: CandleUpdate) -> None:
        self._candles.append(update.candle)
        if update.closed:
            self._final = opened(update.candle)
        if len(self._candles) > self.size:
            del self._candles[: len(self._candles) - self.size]
