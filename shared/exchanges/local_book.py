"""An order book kept by its differences: what an exchange sends, applied to a snapshot.

A snapshot of `asked` levels says nothing of those behind it. What a difference tells of a price behind the last level
that is known would stand there with holes before it, so it is left out: all levels held are all that there are, down to
the last one. When too few are left, a new snapshot is needed.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Iterable

import msgspec

from shared.contracts.marketdata.books import LiveBook

#: Price and amount.
Level = tuple[float, float]
#: Levels a side that are kept at most, and how many more may gather before the rest is let go.
MOST_LEVELS = 1000
SLACK = 200
#: Different numbers of levels that are kept for those who ask for them again.
_KEPT = 4


class Side:
    """One side of a book. Prices are kept with a sign, so that the best one is the smallest."""

    __slots__ = ("_levels", "_prices", "_sign", "_texts", "_worst")

    def __init__(self, sign: int) -> None:
        """`sign`: 1 for asks, -1 for bids."""
        self._sign = sign
        self._prices: list[float] = []
        self._levels: dict[float, Level] = {}
        #: Levels as JSON, those that were wanted since they changed: writing doubles is what costs.
        self._texts: dict[float, bytes] = {}
        #: The last price that is known, None where all are.
        self._worst: float | None = None

    def __len__(self) -> int:
        return len(self._prices)

    @property
    def is_whole(self) -> bool:
        """Whether the exchange has no levels behind those held."""
        return self._worst is None

    def load(self, levels: Iterable[Level], asked: int) -> None:
        """Take a snapshot in which `asked` levels were asked for."""
        self._levels = {self._sign * level[0]: level for level in levels if _holds(*level)}
        self._prices = sorted(self._levels)
        self._texts = {}
        self._worst = self._prices[-1] if len(self._prices) >= asked else None

    def set(self, price: float, amount: float) -> None:
        """Let `amount` rest at `price`, 0 for nothing."""
        key = self._sign * price
        if self._worst is not None and key > self._worst:
            return
        self._texts.pop(key, None)
        if _holds(price, amount):
            if key not in self._levels:
                insort(self._prices, key)
            self._levels[key] = (price, amount)
            if len(self._prices) > MOST_LEVELS + SLACK:
                self._trim()
        elif self._levels.pop(key, None) is not None:
            del self._prices[bisect_left(self._prices, key)]

    def best(self, count: int) -> tuple[Level, ...]:
        """Return the best `count` levels."""
        return tuple(map(self._levels.__getitem__, self._prices[:count]))

    def json(self, count: int) -> bytes:
        """Return the best `count` levels as a JSON array of `[price, amount]`."""
        keys, texts = self._prices[:count], self._texts
        for key in keys:
            if key not in texts:
                price, amount = self._levels[key]
                texts[key] = f"[{price!r},{amount!r}]".encode()
        return b"[%b]" % b",".join(map(texts.__getitem__, keys))

    def _trim(self) -> None:
        for key in self._prices[MOST_LEVELS:]:
            self._levels.pop(key, None)
            self._texts.pop(key, None)
        del self._prices[MOST_LEVELS:]
        self._worst = self._prices[-1]


def _holds(price: float, amount: float) -> bool:
    """Return whether something rests at a price.

    Raises:
        ValueError: if these are no price and amount.
    """
    if not (0 < price < math.inf and 0 <= amount < math.inf):
        raise ValueError(f"expected a price and an amount, was {price!r} and {amount!r}")
    return amount > 0


class LocalBook:
    """The book of a pair (see `shared.exchanges.interface.BookState`)."""

    __slots__ = ("_connector", "_kept", "_name_texts", "_pair", "asks", "bids", "snapshot_id", "timestamp", "update_id")

    def __init__(self, connector: str, pair: str) -> None:
        self._connector = connector
        self._pair = pair
        #: The best levels as they were asked for, by their number, until something changes.
        self._kept: dict[int, LiveBook] = {}
        self._name_texts = (msgspec.json.encode(connector), msgspec.json.encode(pair))
        self.bids = Side(-1)
        self.asks = Side(1)
        self.snapshot_id = 0
        self.update_id = 0
        self.timestamp = 0.0

    @property
    def counts(self) -> tuple[int, int]:
        return len(self.bids), len(self.asks)

    def best(self, levels: int) -> LiveBook:
        kept = self._kept.get(levels)
        if kept is None or kept.timestamp != self.timestamp:
            kept = LiveBook(self._connector, self._pair, self.bids.best(levels), self.asks.best(levels), self.timestamp)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[levels] = kept
        return kept

    def load(self, bids: Iterable[Level], asks: Iterable[Level], asked: int, update_id: int) -> None:
        """Begin with a snapshot that holds all updates to `update_id`."""
        self._kept.clear()
        self.bids.load(bids, asked)
        self.asks.load(asks, asked)
        self.snapshot_id = self.update_id = update_id

    def apply(self, bids: Iterable[Level], asks: Iterable[Level], update_id: int) -> None:
        """Take the levels that have changed with the updates to `update_id`."""
        self._kept.clear()
        for price, amount in bids:
            self.bids.set(price, amount)
        for price, amount in asks:
            self.asks.set(price, amount)
        self.update_id = update_id

    def json(self, levels: int) -> bytes:
        return b'{"connector_name":%b,"trading_pair":%b,"bids":%b,"asks":%b,"timestamp":%b}' % (
            self._name_texts[0],
            self._name_texts[1],
            self.bids.json(levels),
            self.asks.json(levels),
            repr(self.timestamp).encode(),
        )

    def lacks(self, levels: int) -> bool:
        """Return whether a side has fewer than `levels` although the exchange may have more."""
        bids, asks = self.bids, self.asks
        return (len(bids) < levels and not bids.is_whole) or (len(asks) < levels and not asks.is_whole)
