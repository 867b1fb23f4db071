"""A matching engine that is too simple to be wrong: a list of orders, sorted anew for every fill."""

from dataclasses import dataclass


@dataclass
class Resting:
    """An order of the naive book; `sequence` is its place in time."""

    order_id: int
    is_buy: bool
    price: int
    steps: int
    sequence: int


class NaiveBook:
    """Price-time priority by definition."""

    def __init__(self) -> None:
        self.orders: list[Resting] = []
        self.sequence = 0

    def place(
        self, order_id: int, is_buy: bool, price: int, steps: int, *, rests: bool = True
    ) -> list[tuple[int, int, int]]:
        """Return the fills as (maker's id, price, steps); a market order has the price 0."""
        fills = []
        while steps:
            others = [other for other in self.orders if other.is_buy != is_buy]
            others = [
                other for other in others if not price or (other.price <= price if is_buy else other.price >= price)
            ]
            if not others:
                break
            best = min(others, key=lambda other: (other.price if is_buy else -other.price, other.sequence))
            filled = min(best.steps, steps)
            fills.append((best.order_id, best.price, filled))
            best.steps -= filled
            steps -= filled
            if not best.steps:
                self.orders.remove(best)
        if steps and rests:
            self.sequence += 1
            self.orders.append(Resting(order_id, is_buy, price, steps, self.sequence))
        return fills

    def cancel(self, order_id: int) -> None:
        self.orders = [order for order in self.orders if order.order_id != order_id]

    def resize(self, order_id: int, steps: int) -> None:
        """Change an order in its place."""
        for order in self.orders:
            if order.order_id == order_id:
                order.steps = steps

    def levels(self, *, is_buy: bool) -> tuple[tuple[int, int], ...]:
        """Return (price, steps), best first."""
        totals: dict[int, int] = {}
        for order in self.orders:
            if order.is_buy == is_buy:
                totals[order.price] = totals.get(order.price, 0) + order.steps
        return tuple(sorted(totals.items(), reverse=is_buy))
