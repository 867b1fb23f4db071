"""What is known of a feed, and what of it a reader has not been sent yet. Pure.

A reader's mark says how far it is: it is whatever the state makes it. Readers of one mark get the same push.
"""

from collections import deque
from collections.abc import Hashable, Iterable
from itertools import islice
from typing import Protocol

import msgspec

from services.gateway_api.inputs.candles import interval_seconds
from shared.contracts.marketdata.books import Book, BookLevel, LiveBook
from shared.contracts.marketdata.candles import Candle, LiveCandle
from shared.contracts.marketdata.trades import LiveTrades, MarketTrade
from shared.seen_ids import SeenIds

Mark = Hashable
#: Levels of a side as they are sent: `[price, amount]`, from the best.
Levels = tuple[tuple[float, float], ...]

#: Trades of a pair that are kept for readers who are pushed them seldom.
MOST_TRADES = 20_000

_book = msgspec.json.Decoder(LiveBook)
_candle = msgspec.json.Decoder(LiveCandle)
_trades = msgspec.json.Decoder(LiveTrades)


class Push(msgspec.Struct, frozen=True):
    """What a reader is sent: the frame's type, and its data."""

    kind: str
    data: object


class State(Protocol):
    """What is known of a feed."""

    def take(self, message: bytes) -> None:
        """Take what came live.

        Raises:
            msgspec.DecodeError: if it cannot be read.
        """

    def beginning(self) -> Mark:
        """Return the mark of a reader that begins now."""
        ...

    def after(self, mark: Mark, most: int) -> tuple[Mark, Push | None]:
        """Return the mark of a reader that is sent the push, and the push; None if there is nothing new for it."""
        ...


class BookLevels(msgspec.Struct, frozen=True):
    """A book as it is sent."""

    bids: Levels
    asks: Levels


def book_levels(book: Book) -> BookLevels:
    """Return a book that was asked for as it is sent."""
    return BookLevels(_pairs(book.bids), _pairs(book.asks))


class BookState:
    """The last book; `version` counts the changes. It is read only when somebody is to be sent it."""

    def __init__(self) -> None:
        self.version = 0
        self._message: bytes | None = None
        self._levels = BookLevels((), ())

    def begin(self, book: Book) -> None:
        """Take a book that was asked for; one that is known already is no change.

        Raises:
            msgspec.DecodeError: if the last book that came live cannot be read.
        """
        levels = book_levels(book)
        if self.version == 0 or levels != self._read():
            self._levels = levels
            self.version += 1

    def take(self, message: bytes) -> None:
        """See `State`."""
        self._message = message
        self.version += 1

    def beginning(self) -> Mark:
        """See `State`."""
        return 0

    def after(self, mark: Mark, most: int) -> tuple[Mark, Push | None]:
        """See `State`. Raises msgspec.DecodeError if the last book that came cannot be read."""
        if self.version in {mark, 0}:
            return mark, None
        levels = self._read()
        return self.version, Push("order_book", BookLevels(levels.bids[:most], levels.asks[:most]))

    def _read(self) -> BookLevels:
        if self._message is not None:
            message, self._message = self._message, None
            book = _book.decode(message)
            self._levels = BookLevels(book.bids, book.asks)
        return self._levels


class TradesState:
    """The last trades, each once; a mark is the number of trades that were there before."""

    def __init__(self) -> None:
        self._seen = SeenIds(MOST_TRADES)
        self._trades: deque[MarketTrade] = deque(maxlen=MOST_TRADES)
        self._end = 0

    def take(self, message: bytes) -> None:
        """See `State`."""
        told = _trades.decode(message).trades
        new = [trade for trade in told if trade.id is None or self._seen.add(trade.id)]
        self._trades.extend(new)
        self._end += len(new)

    def beginning(self) -> Mark:
        """See `State`."""
        return self._end

    def after(self, mark: Mark, most: int) -> tuple[Mark, Push | None]:
        """See `State`."""
        assert isinstance(mark, int)
        if mark == self._end:
            return mark, None
        first = self._end - len(self._trades)
        return self._end, Push("trades", list(islice(self._trades, max(0, mark - first), None)))


class CandlesState:
    """The last candles; a mark is the opening time of the newest that was sent.

    Attributes:
        stale: whether candles are missing, so that they have to be asked for again.
        most: how many are kept.
    """

    def __init__(self, interval: str) -> None:
        self.stale = False
        self.most = 0
        self._length = interval_seconds(interval)
        self._candles: list[Candle] = []

    def begin(self, candles: Iterable[Candle]) -> None:
        """Take candles that were asked for; what came live meanwhile and is newer stays."""
        asked = list(candles)
        newer = [candle for candle in self._candles if not asked or candle.timestamp > asked[-1].timestamp]
        self._candles = asked + newer
        self.stale = False

    def take(self, message: bytes) -> None:
        """See `State`."""
        candle = _candle.decode(message).candle
        candles = self._candles
        for back in range(1, min(3, len(candles) + 1)):
            if candles[-back].timestamp == candle.timestamp:
                candles[-back] = candle
                return
        if candles and candle.timestamp < candles[-1].timestamp:
            return  # an old one, that was corrected late
        # Months differ in length: twice the shortest is still less than two of any.
        if candles and candle.timestamp - candles[-1].timestamp >= 2 * self._length:
            self.stale = True
        candles.append(candle)
        if len(candles) > 2 * self.most:
            del candles[: -self.most]

    def beginning(self) -> Mark:
        """See `State`."""
        return None

    def after(self, mark: Mark, most: int) -> tuple[Mark, Push | None]:
        """See `State`. What is stale is not sent: the candles that are missing would never follow."""
        if not self._candles or self.stale:
            return mark, None
        newest = self._candles[-1]
        if mark == newest.timestamp:
            return mark, Push("candle_update", newest)
        return newest.timestamp, Push("candles", self._candles[-most:])


def _pairs(levels: Iterable[BookLevel]) -> Levels:
    return tuple((level.price, level.amount) for level in levels)
