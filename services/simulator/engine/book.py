"""The order book of one symbol: price levels in price order, orders at a price in the order of their arrival.

A change costs a dictionary look-up and, for a new or emptied level, a binary search; the best level is at hand.
"""

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

from services.simulator.engine.events import BookChange
from services.simulator.engine.order import Account, Order
from services.simulator.engine.terms import SelfTrade

O = TypeVar("O", bound=Order)  # noqa: E741 - the order type, as in K and V for a dictionary's


class Level(Generic[O]):
    """The orders at one price, first come first; `total` is what remains of them, in steps."""

    __slots__ = ("orders", "total")

    def __init__(self) -> None:
        self.orders: OrderedDict[int, O] = OrderedDict()
        self.total = 0

    def first(self) -> O:
        """Return the order that is served next."""
        return next(iter(self.orders.values()))


class Ladder(Generic[O]):
    """One side of a book.

    A level's *key* is its price on the bid side and minus its price on the ask side: the greater key is the better
    level, and the best is the last of `keys`. `changed` holds the total that each level touched since the last change
    told had before.
    """

    __slots__ = ("changed", "keys", "levels", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.levels: dict[int, Level[O]] = {}
        self.changed: dict[int, int] = {}

    def __iter__(self) -> Iterator[tuple[int, Level[O]]]:
        """Yield (price, level), best first."""
        for key in reversed(self.keys):
            price = key * self.sign
            yield price, self.levels[price]

    def best(self) -> int | None:
        """Return the best price in ticks, None of an empty side."""
        return self.keys[-1] * self.sign if self.keys else None

    def add(self, order: O) -> None:
        """Put `order` behind the others at its price."""
        price = order.price
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level()
            insort(self.keys, price * self.sign)
        self.changed.setdefault(price, level.total)
        level.total += order.remaining
        level.orders[order.id] = order

    def reduce(self, order: O, steps: int) -> None:
        """Take `steps` off what remains of `order`, which keeps its place, or leaves when nothing remains."""
        price = order.price
        level = self.levels[price]
        self.changed.setdefault(price, level.total)
        level.total -= steps
        order.remaining -= steps
        if not order.remaining:
            del level.orders[order.id]
            if not level.orders:
                del self.levels[price]
                key = price * self.sign
                if self.keys[-1] == key:
                    self.keys.pop()
                else:
                    del self.keys[bisect_left(self.keys, key)]

    def grow(self, order: O, steps: int) -> None:
        """Add `steps` to a resting order in its place; only for one that is alone at its price."""
        level = self.levels[order.price]
        self.changed.setdefault(order.price, level.total)
        level.total += steps
        order.remaining += steps
        order.quantity += steps

    def _take_changes(self) -> tuple[tuple[int, int], ...]:
        changes = []
        for price, before in self.changed.items():
            level = self.levels.get(price)
            total = level.total if level else 0
            if total != before:
                changes.append((price, total))
        self.changed.clear()
        if len(changes) > 1:
            changes.sort(reverse=self.sign > 0)
        return tuple(changes)


class OrderBook(Generic[O]):
    """Both sides of a book, and the id of its last change."""

    __slots__ = ("asks", "bids", "symbol", "update_id")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.bids: Ladder[O] = Ladder(1)
        self.asks: Ladder[O] = Ladder(-1)
        self.update_id = 0

    def side(self, is_buy: bool) -> Ladder[O]:
        """Return the side where a resting buy or sell order stands."""
        return self.bids if is_buy else self.asks

    def take_change(self, now: int) -> BookChange | None:
        """Return what has changed since the last call, None if nothing has. Each level counts one update id."""
        bids, asks = self.bids._take_changes(), self.asks._take_changes()
        if not bids and not asks:
            return None
        first = self.update_id + 1
        self.update_id += len(bids) + len(asks)
        return BookChange(self.symbol, now, first, self.update_id, bids, asks)

    def crosses(self, order: O) -> bool:
        """Return whether `order` would trade at once."""
        opposite = self.asks if order.is_buy else self.bids
        return bool(opposite.keys) and opposite.keys[-1] >= order.limit_key

    def matches(self, is_buy: bool, limit_key: int, account: Account, mode: SelfTrade) -> Iterator[tuple[int, int]]:
        """Yield (price, steps) of what an incoming order of `account` would trade with, best first.

        Its own orders are passed over, counted like others or the end of it, as the self-trade `mode` says. Nothing may
        change the book meanwhile.
        """
        opposite = self.asks if is_buy else self.bids
        for price, level in opposite:
            if price * opposite.sign < limit_key:
                return
            for order in level.orders.values():
                if order.account is not account or mode is SelfTrade.NONE:
                    yield price, order.remaining
                elif mode is not SelfTrade.EXPIRE_MAKER:
                    return

    def depth(self, limit: int) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        """Return the best `limit` levels of bids and asks as (price, steps), best first."""
        bids, asks = self.bids, self.asks
        return (
            tuple((key, bids.levels[key].total) for key in bids.keys[: -limit - 1 : -1]),
            tuple((-key, asks.levels[-key].total) for key in asks.keys[: -limit - 1 : -1]),
        )
