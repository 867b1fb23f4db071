"""Engine figures as Binance's decimal texts: with eight decimals on spot, with the symbol's precision on futures."""

from collections.abc import Iterable

from services.simulator.engine.symbol import Symbol
from services.simulator.engine.units import DECIMALS, ONE


def amount(units: int, decimals: int = DECIMALS) -> str:
    """Return an amount of units of 10^-8 with that many decimals (at most eight); what is beyond them is cut off."""
    sign, whole = ("-", -units) if units < 0 else ("", units)
    if decimals == DECIMALS:
        return f"{sign}{whole // ONE}.{whole % ONE:08d}"
    number = whole // 10 ** (DECIMALS - decimals)
    if not decimals:
        return f"{sign if number else ''}{number}"
    one = 10**decimals
    return f"{sign if number else ''}{number // one}.{number % one:0{decimals}d}"


class Figures:
    """The prices and quantities of one symbol."""

    __slots__ = ("_base_unit", "_price_decimals", "_quantity_decimals", "_tick_unit", "quote_decimals", "symbol")

    def __init__(self, symbol: Symbol) -> None:
        self.symbol = symbol
        self._tick_unit = symbol.tick_unit
        self._base_unit = symbol.base_unit
        self._price_decimals = min(DECIMALS, symbol.price_precision)
        self._quantity_decimals = min(DECIMALS, symbol.quantity_precision)
        self.quote_decimals = min(DECIMALS, self._price_decimals + self._quantity_decimals)

    def price(self, ticks: int) -> str:
        """Return a price of so many ticks."""
        return amount(ticks * self._tick_unit, self._price_decimals)

    def quantity(self, steps: int) -> str:
        """Return a quantity of so many steps."""
        return amount(steps * self._base_unit, self._quantity_decimals)

    def levels(self, levels: Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
        """Return levels of a book, price and quantity."""
        return [(self.price(price), self.quantity(steps)) for price, steps in levels]

    def quote(self, units: int) -> str:
        """Return an amount of the quote asset, of units of 10^-8."""
        return amount(units, self.quote_decimals)

    def quote_of(self, ticks_times_steps: int) -> str:
        """Return an amount of the quote asset, given as ticks times steps."""
        return self.quote(ticks_times_steps * self.symbol.quote_unit)

    def average(self, quote_units: int, steps: int) -> str:
        """Return the price at which `steps` are worth `quote_units`, cut off; 0 for no steps."""
        if not steps:
            return amount(0, self._price_decimals)
        return amount(quote_units * ONE // (steps * self._base_unit), self._price_decimals)


_KEPT: dict[Symbol, Figures] = {}


def figures(symbol: Symbol) -> Figures:
    """Return the figures of `symbol`."""
    kept = _KEPT.get(symbol)
    if kept is None:
        kept = _KEPT[symbol] = Figures(symbol)
    return kept
