"""What an order must keep to before it is recorded: pure. Sizes are rounded to the rules, never to a worse order.

What is no order at all (NaN, nothing, less) is INVALID; what breaks a rule of the exchange is REFUSED, and says which.
"""

from collections.abc import Collection
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal, localcontext

import msgspec

from shared.contracts.marketdata.rules import TradingRule
from shared.contracts.portfolio.orders import OrderPlace, OrderType, PositionAction, TradeType
from shared.errors import CommandError, ErrorCode, FieldError, invalid

#: Numbers beyond these powers of ten belong to no market; they would only make arithmetic long.
_LARGEST, _SMALLEST = 24, -24
_PRECISION = 80
_ZERO = Decimal(0)


class Terms(msgspec.Struct, frozen=True):
    """Amount and price of an order as they are sent; `price` is None for market orders."""

    amount: Decimal
    price: Decimal | None


def check_numbers(request: OrderPlace) -> None:
    """Check what needs no knowledge of the exchange.

    Raises:
        CommandError: INVALID with the field; REFUSED where the price that the order type needs is missing.
    """
    _check_number("amount", request.amount)
    if request.price is not None:
        _check_number("price", request.price)
    elif request.order_type is not OrderType.MARKET:
        raise _refused(f"A price is required for {request.order_type.value} orders")


def checked_terms(request: OrderPlace, rule: TradingRule, order_types: Collection[OrderType], *, linear: bool) -> Terms:
    """Return what to send for `request`, whose numbers were checked, under the rules of its pair.

    Amounts are rounded down. The price of a purchase is rounded down and that of a sale up, so that nobody pays more or
    gets less than was asked for. `linear` says that the connector trades perpetuals: there, an order that closes is
    free of the smallest value, as exchanges let every position be closed.

    Raises:
        CommandError: REFUSED with the rule that is broken.
    """
    _check_type(request.order_type, rule, order_types)
    pair = request.trading_pair
    with localcontext() as context:
        context.prec = _PRECISION
        amount = _stepped(request.amount, rule.min_base_amount_increment, ROUND_DOWN)
        if amount < rule.min_order_size or amount <= _ZERO:
            raise _refused(
                f"Amount {_text(request.amount)} is below the minimum order size of {pair}, which is"
                f" {_text(max(rule.min_order_size, rule.min_base_amount_increment))}"
            )
        if rule.max_order_size is not None and amount > rule.max_order_size:
            raise _refused(
                f"Amount {_text(request.amount)} is above the maximum order size of {pair}, which is"
                f" {_text(rule.max_order_size)}"
            )
        if request.order_type is OrderType.MARKET or request.price is None:
            return Terms(amount, None)
        price = _priced(request.price, request.trade_type, rule)
        if price <= _ZERO:
            raise _refused(
                f"Price {_text(request.price)} is below the price increment of {pair}, which is"
                f" {_text(rule.min_price_increment)}"
            )
        least = max(rule.min_notional_size, rule.min_order_value)
        closes = linear and request.position_action is PositionAction.CLOSE
        if amount * price < least and not closes:
            raise _refused(
                f"The order is worth {_text(amount * price)}, below the minimum notional size of {pair}, which is"
                f" {_text(least)}"
            )
    return Terms(amount, price)


def _check_number(field: str, value: Decimal) -> None:
    fault = None
    if not value.is_finite():
        fault = "expected a finite number"
    elif value <= _ZERO:
        fault = "expected a number above zero"
    elif not _SMALLEST <= value.adjusted() <= _LARGEST:
        fault = "expected a number of a size that a market has"
    elif len(value.as_tuple().digits) > _PRECISION // 2:
        fault = f"expected at most {_PRECISION // 2} digits"
    if fault is not None:
        raise invalid(f"{field}: {fault}", FieldError((field,), fault, "value_error"))


def _check_type(order_type: OrderType, rule: TradingRule, order_types: Collection[OrderType]) -> None:
    market = order_type is OrderType.MARKET
    if order_type not in order_types or not (rule.supports_market_orders if market else rule.supports_limit_orders):
        supported = ", ".join(sorted(kind.value for kind in order_types))
        raise _refused(f"Order type {order_type.value} is not supported here; supported: {supported}")


def _priced(price: Decimal, side: TradeType, rule: TradingRule) -> Decimal:
    rounding = ROUND_FLOOR if side is TradeType.BUY else ROUND_CEILING
    digits = int(rule.max_price_significant_digits)
    step = rule.min_price_increment
    if digits > 0:
        step = max(step, Decimal((0, (1,), price.adjusted() - digits + 1)))
    return _stepped(price, step, rounding)


def _stepped(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    """Return `value` as a multiple of `step` (none if it is zero), without an exponent."""
    if step <= _ZERO:
        return value
    steps = (value / step).to_integral_value(rounding=rounding)
    return Decimal(_text(steps * step))


def _text(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _refused(why: str) -> CommandError:
    return CommandError(ErrorCode.REFUSED, why)
