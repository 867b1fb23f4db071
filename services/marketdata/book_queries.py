"""What taking from an order book gives and costs. Pure; amounts in base units, prices and costs in quote units.

A side is its levels `(price, amount)` from the best: asks for a buyer, bids for a seller. Levels are doubles that stand
for the decimals an exchange writes, so the sums are made of these decimals: three levels of 0.1 hold 0.3. Where
the side does not hold what is asked for, the answer says how much it does hold.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Context, Decimal

Level = tuple[float, float]

#: More digits than any sum of products of doubles' decimals needs to be exact in practice (17 + 17 + levels).
_EXACT = Context(prec=60)
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken from a side: base units, their cost in quote units, and the worst price (None: nothing)."""

    volume: float
    quote_volume: float
    worst_price: float | None
    average_price: float | None


def take_volume(side: Iterable[Level], volume: float) -> Taken:
    """Take `volume` base units, or all there is."""
    wanted = _decimal(volume)
    base = quote = _NOTHING
    worst: float | None = None
    for level, price, amount in _levels(side):
        if base >= wanted:
            break
        part = min(amount, _EXACT.subtract(wanted, base))
        base, quote, worst = _EXACT.add(base, part), _EXACT.fma(part, price, quote), level
    return _taken(base, quote, worst)


def take_quote_volume(side: Iterable[Level], quote_volume: float) -> Taken:
    """Take what `quote_volume` quote units pay for, or all there is."""
    wanted = _decimal(quote_volume)
    base = quote = _NOTHING
    worst: float | None = None
    for level, price, amount in _levels(side):
        if quote >= wanted:
            break
        missing, cost = _EXACT.subtract(wanted, quote), _EXACT.multiply(amount, price)
        worst = level
        if cost >= missing:
            base, quote = _EXACT.add(base, _EXACT.divide(missing, price)), wanted
        else:
            base, quote = _EXACT.add(base, amount), _EXACT.add(quote, cost)
    return _taken(base, quote, worst)


def take_to_price(side: Iterable[Level], limit: float, *, is_buy: bool) -> Taken:
    """Take everything at `limit` or better: not above it for a buyer, not below it for a seller."""
    base = quote = _NOTHING
    worst: float | None = None
    for level, price, amount in _levels(side):
        if (level > limit) if is_buy else (level < limit):
            break
        base, quote, worst = _EXACT.add(base, amount), _EXACT.fma(amount, price, quote), level
    return _taken(base, quote, worst)


def _levels(side: Iterable[Level]) -> Iterator[tuple[float, Decimal, Decimal]]:
    """Give each level that holds something, as it is needed: making decimals is what costs."""
    for price, amount in side:
        if amount > 0:
            yield price, _decimal(price), _decimal(amount)


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def _taken(base: Decimal, quote: Decimal, worst: float | None) -> Taken:
    average = float(_EXACT.divide(quote, base)) if base else None
    return Taken(float(base), float(quote), worst, average)
