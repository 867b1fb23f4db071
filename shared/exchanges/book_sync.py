"""When a difference of an order book may be applied: Binance's rules, apart from where books come from.

Source: "How to manage a local order book correctly" of Binance's spot and of its USD-M futures documentation.
"""

from typing import Literal

import msgspec

from shared.exchanges.local_book import Level, LocalBook

#: Binance's venues count in two ways: on futures each difference names the last update of the one before.
Kind = Literal["spot", "swap"]


class Snapshot(msgspec.Struct, frozen=True):
    """A book of which `asked` levels a side were asked for, with all updates to `update_id`."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    update_id: int
    asked: int


class Difference(msgspec.Struct, frozen=True):
    """`depthUpdate`: the levels that changed with the updates `first` to `last`, as text; `event_ms` is when."""

    event_ms: int = msgspec.field(name="E")
    first: int = msgspec.field(name="U")
    last: int = msgspec.field(name="u")
    bids: list[tuple[str, str]] = msgspec.field(name="b")
    asks: list[tuple[str, str]] = msgspec.field(name="a")
    previous: int | None = msgspec.field(name="pu", default=None)


class BookSync:
    """Keeps `book` true: what follows on what it holds is applied, what it holds already is left out."""

    def __init__(self, book: LocalBook, kind: Kind) -> None:
        self.book = book
        self._kind = kind
        self._synced = False
        self._first = True

    @property
    def is_synced(self) -> bool:
        """Whether the book is true as far as is known; if not, it needs a snapshot."""
        return self._synced

    def load(self, snapshot: Snapshot) -> None:
        """Begin with a snapshot; what comes next has to reach over it."""
        self.book.load(snapshot.bids, snapshot.asks, snapshot.asked, snapshot.update_id)
        self._synced = self._first = True

    def take(self, difference: Difference) -> bool:
        """Apply a difference; return whether the book has changed. One that leaves a gap ends being in step."""
        last = self.book.update_id
        if not self._synced or difference.last < last or (difference.last == last and not self._may_touch()):
            return False
        if not self._follows(difference, last):
            self._synced = False
            return False
        self.book.apply(
            [(float(price), float(amount)) for price, amount in difference.bids],
            [(float(price), float(amount)) for price, amount in difference.asks],
            difference.last,
        )
        self.book.timestamp = difference.event_ms / 1000
        self._first = False
        return True

    def _may_touch(self) -> bool:
        return self._first and self._kind == "swap"

    def _follows(self, difference: Difference, last: int) -> bool:
        if self._kind == "swap":
            # The first one reaches over the snapshot's last update, the others name the one before them.
            return difference.first <= last if self._first else difference.previous == last
        return difference.first <= last + 1 if self._first else difference.first == last + 1
