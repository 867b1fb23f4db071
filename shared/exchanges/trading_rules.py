"""The trading rules of a market, from what ccxt tells of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import ccxt

from shared.contracts.marketdata.rules import TradingRule
from shared.contracts.portfolio.orders import OrderType

_ZERO = Decimal(0)


def exact(value: object) -> Decimal | None:
    """Return a number of ccxt's as a decimal, None where there is none.

    ccxt reads decimals as doubles; the shortest text of a double gives back every decimal of up to 15 digits.
    """
    if value is None or value == "":
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None


def increment_of(precision: object, mode: int) -> Decimal:
    """Return a step, from a precision in ccxt's `precisionMode`; zero where there is none.

    Raises:
        ValueError: for significant digits, which are no step.
    """
    number = exact(precision)
    if number is None:
        return _ZERO
    if mode == ccxt.TICK_SIZE:
        return number
    if mode == ccxt.DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(number))
    raise ValueError(f"expected a tick size or decimal places, was precision mode {mode}")


def rule_of(market: Mapping[str, Any], mode: int, order_types: tuple[OrderType, ...]) -> TradingRule:
    """Return the rule of a market; sizes in base units, also where the exchange counts contracts."""
    size = exact(market.get("contractSize")) or Decimal(1)
    limits = market.get("limits") or {}
    amounts, costs = limits.get("amount") or {}, limits.get("cost") or {}
    precision = market.get("precision") or {}
    settle = market.get("settle") or market["quote"]
    digits = _ZERO
    if mode == ccxt.SIGNIFICANT_DIGITS:
        digits, amount_step, price_step = exact(precision.get("price")) or _ZERO, _ZERO, _ZERO
    else:
        amount_step = increment_of(precision.get("amount"), mode) * size
        price_step = increment_of(precision.get("price"), mode)
    largest = exact(amounts.get("max"))
    notional = exact(costs.get("min")) or _ZERO
    return TradingRule(
        min_order_size=max((exact(amounts.get("min")) or _ZERO) * size, _ZERO),
        max_order_size=largest * size if largest else None,
        min_price_increment=price_step,
        min_base_amount_increment=amount_step,
        min_quote_amount_increment=price_step * amount_step,
        min_notional_size=notional,
        min_order_value=notional,
        max_price_significant_digits=digits,
        supports_limit_orders=OrderType.LIMIT in order_types,
        supports_market_orders=OrderType.MARKET in order_types,
        buy_order_collateral_token=settle,
        sell_order_collateral_token=settle if market.get("contract") else market["base"],
    )
