"""An order book kept by its differences: what an exchange sends, applied to a snapshot.

A snapshot of `asked` levels says nothing of those behind it. What a difference tells of a price behind the last level
that is known would stand there with holes before it, so it is left out: all levels held are all that there are, down to
the last one. When too few are left, a new snapshot is needed.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable

from shared.contracts.marketdata import LiveBook

#: Price and amount.
Level = tuple[float, float]
#: Levels a side that are kept at most, and how many more may gather before the rest is let go.
MOST_LEVELS = 1000
SLACK = 200


class Side:
    """One side of a book. Prices are kept with a sign, so that the best one is the smallest."""

    __slots__ = ("_amounts", "_prices", "_sign", "_worst")

    def __init__(self, sign: int) -> None:
        """`sign`: 1 for asks, -1 for bids."""
        self._sign = sign
        self._prices: list[float] = []
        self._amounts: dict[float, float] = {}
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
        self._amounts = {self._sign * price: amount for price, amount in levels if amount > 0}
        self._prices = sorted(self._amounts)
        self._worst = self._prices[-1] if len(self._prices) >= asked else None

    def set(self, price: float, amount: float) -> float:
        """Let `amount` rest at `price`, 0 for nothing; return the signed price."""
        key = self._sign * price
        if self._worst is not None and key > self._worst:
            return key
        if amount > 0:
            if key not in self._amounts:
                insort(self._prices, key)
                if len(self._prices) > MOST_LEVELS + SLACK:
                    self._trim()
            self._amounts[key] = amount
        elif self._amounts.pop(key, None) is not None:
            del self._prices[bisect_left(self._prices, key)]
        return key

    def best(self, count: int) -> tuple[Level, ...]:
        """Return the best `count` levels."""
        amounts, sign = self._amounts, self._sign
        return tuple([(sign * key, amounts[key]) for key in self._prices[:count]])

    def _trim(self) -> None:
        for key in self._prices[MOST_LEVELS:]:
            self._amounts.pop(key, None)
        del self._prices[MOST_LEVELS:]
        self._worst = self._prices[-1]


class LocalBook:
    """The book of a pair (see `shared.exchanges.interface.BookState`)."""

    __slots__ = ("_connector", "_pair", "asks", "bids", "snapshot_id", "timestamp", "update_id")

    def __init__(self, connector: str, pair: str) -> None:
        self._connector = connector
        self._pair = pair
        self.bids = Side(-1)
        self.asks = Side(1)
        self.snapshot_id = 0
        self.update_id = 0
        self.timestamp = 0.0

    @property
    def counts(self) -> tuple[int, int]:
        return len(self.bids), len(self.asks)

    def best(self, levels: int) -> LiveBook:
        return LiveBook(self._connector, self._pair, self.bids.best(levels), self.asks.best(levels), self.timestamp)

    def load(self, bids: Iterable[Level], asks: Iterable[Level], asked: int, update_id: int) -> None:
        """Begin with a snapshot that holds all updates to `update_id`."""
        self.bids.load(bids, asked)
        self.asks.load(asks, asked)
        self.snapshot_id = self.update_id = update_id

    def apply(self, bids: Iterable[Level], asks: Iterable[Level], update_id: int) -> None:
        """Take the levels that have changed with the updates to `update_id`."""
        for price, amount in bids:
            self.bids.set(price, amount)
        for price, amount in asks:
            self.asks.set(price, amount)
        self.update_id = update_id

    def lacks(self, levels: int) -> bool:
        """Return whether a side has fewer than `levels` although the exchange may have more."""
        return any(len(side) < levels and not side.is_whole for side in (self.bids, self.asks))
