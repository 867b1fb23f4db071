"""The one unit scheme of the engine, and the way between it and decimals.

Inside the engine there are only ints:

* an *amount* of any asset is counted in units of 10^-8 of the asset (`ONE` units are one BTC, one USDT, …), as Binance
  prints balances, quote amounts and commissions with eight decimals;
* a *price* is counted in the symbol's ticks, a *quantity* in the symbol's steps;
* a *rate* (fee, funding) is counted in units of 10^-8 as well (`RATE_ONE` is 100 %).

`Symbol` refuses a tick and step whose product is not a whole number of units, so `ticks * steps * symbol.quote_unit` is
the exact quote amount. Only fees, funding and average entry prices are rounded: always toward zero, in the place that
computes them, and what is cut off stays with the exchange or with the position, so that nothing is lost or made.
"""

from decimal import Decimal

#: Decimals of an amount and of a rate.
DECIMALS = 8
#: Units of one whole asset.
ONE: int = 10**DECIMALS
#: Units of a rate of 100 %.
RATE_ONE: int = ONE

#: A decimal of a greater magnitude is refused before it becomes an int of a million digits.
MAX_EXPONENT = 20


def exact_units(value: Decimal) -> int | None:
    """Return `value` in units of 10^-8, None if it is not finite, too large (10^21 or more) or has more decimals."""
    if not value.is_finite() or value.adjusted() > MAX_EXPONENT:
        return None
    numerator, denominator = value.as_integer_ratio()
    units, rest = divmod(numerator * ONE, denominator)
    return None if rest else units


def to_units(value: Decimal) -> int:
    """Return `value` in units of 10^-8.

    Raises:
        ValueError: if `value` is not a finite number below 10^21 with at most eight decimals.
    """
    units = exact_units(value)
    if units is None:
        raise ValueError(f"expected a number below 10^21 with at most {DECIMALS} decimals, was {value}")
    return units


def to_decimal(units: int) -> Decimal:
    """Return the number that `units` of 10^-8 stand for, exactly, without trailing zeros cut."""
    sign, digits = (1, -units) if units < 0 else (0, units)
    return Decimal((sign, tuple(map(int, str(digits))), -DECIMALS))


def toward_zero(numerator: int, denominator: int) -> int:
    """Return numerator / denominator (> 0) rounded toward zero."""
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)
