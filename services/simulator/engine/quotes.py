"""The quotes of one synthetic market maker on one symbol: at most one order a price level, replaced in bulk."""

from typing import Generic

from services.simulator.engine.book import O, OrderBook
from services.simulator.engine.terms import Side


class Quotes(Generic[O]):
    """Resting orders by price. Orders that were filled since the last look are still in here, with nothing
    remaining."""

    __slots__ = ("_asks", "_bids", "_book")

    def __init__(self, book: OrderBook[O]) -> None:
        self._book = book
        self._bids: dict[int, O] = {}
        self._asks: dict[int, O] = {}

    def add(self, order: O) -> None:
        """Remember a quote that now rests on the book."""
        (self._bids if order.is_buy else self._asks)[order.price] = order

    def withdraw_all_but(self, bids: dict[int, int], asks: dict[int, int]) -> list[tuple[Side, int, int]]:
        """Make the book fit the wanted levels (price to steps) as far as that needs no new order.

        Returns what is missing, as (side, price, steps) with the best prices of each side first.
        """
        missing_bids = self._fit(self._bids, bids, is_buy=True)
        missing_asks = self._fit(self._asks, asks, is_buy=False)
        return [(Side.BUY, price, bids[price]) for price in sorted(missing_bids, reverse=True)] + [
            (Side.SELL, price, asks[price]) for price in sorted(missing_asks)
        ]

    def _fit(self, quotes: dict[int, O], wanted: dict[int, int], *, is_buy: bool) -> list[int]:
        ladder = self._book.side(is_buy)
        for price, order in list(quotes.items()):
            steps = wanted.get(price, 0)
            if steps and order.remaining >= steps:
                if order.remaining > steps:
                    order.quantity -= order.remaining - steps
                    ladder.reduce(order, order.remaining - steps)
            elif steps and order.remaining and len(ladder.levels[price].orders) == 1:
                ladder.grow(order, steps - order.remaining)
            else:
                if order.remaining:
                    ladder.reduce(order, order.remaining)
                del quotes[price]
        return [price for price, steps in wanted.items() if steps and price not in quotes]
