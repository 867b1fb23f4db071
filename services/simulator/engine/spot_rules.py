"""The rules of a new spot order that need nothing but the symbol: which fields go together, precision, filters.

Sources: "New order" in Binance's spot `rest-api.md`, `filters.md`, `errors.md`. The order of the checks is ours:
fields, client order id, precision, then the filters in the order of `exchangeInfo`.
"""

from decimal import Decimal

import msgspec

from services.simulator.engine import client_order_ids, refusal
from services.simulator.engine.limits import Limits
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import DEFAULT_SELF_TRADE, OrderTerms, OrderType, Side, TimeInForce
from services.simulator.engine.units import exact_units

#: Fields that each type must have, in the order in which a missing one is reported.
_REQUIRED: dict[OrderType, tuple[str, ...]] = {
    OrderType.LIMIT: ("time_in_force", "quantity", "price"),
    OrderType.LIMIT_MAKER: ("quantity", "price"),
    OrderType.MARKET: (),
    OrderType.STOP_LOSS: ("quantity", "stop_price"),
    OrderType.STOP_LOSS_LIMIT: ("time_in_force", "quantity", "price", "stop_price"),
    OrderType.TAKE_PROFIT: ("quantity", "stop_price"),
    OrderType.TAKE_PROFIT_LIMIT: ("time_in_force", "quantity", "price", "stop_price"),
}
_WIRE_NAMES = {
    "time_in_force": "timeInForce",
    "quantity": "quantity",
    "price": "price",
    "stop_price": "stopPrice",
    "quote_quantity": "quoteOrderQty",
}
_FUTURES_ONLY = (
    ("position_side", "positionSide"),
    ("reduce_only", "reduceOnly"),
    ("working_type", "workingType"),
)


def spot_terms(symbol: Symbol, limits: Limits, request: NewOrder, average: tuple[int, int] | None) -> OrderTerms:
    """Return the terms of `request`; `average` is the price that percentages refer to, as quote over base units.

    Raises:
        Refusal: with the code and text of the first rule that is broken.
    """
    _check_fields(request)
    if request.client_order_id is not None and not client_order_ids.is_legal(request.client_order_id):
        raise refusal.illegal_client_order_id(client_order_ids.PARAMETER, client_order_ids.LEGAL)
    terms = OrderTerms(
        side=request.side,
        type=request.type,
        time_in_force=request.time_in_force or TimeInForce.GTC,
        price=_ticks("price", request.price, limits),
        quantity=_whole("quantity", request.quantity, symbol.base_unit, "LOT_SIZE"),
        quote_quantity=_whole("quoteOrderQty", request.quote_quantity, 1, "LOT_SIZE"),
        stop_price=_ticks("stopPrice", request.stop_price, limits),
        client_order_id=request.client_order_id,
        self_trade=request.self_trade or DEFAULT_SELF_TRADE,
    )
    _check_filters(symbol, limits, terms, average)
    return terms


def _check_fields(request: NewOrder) -> None:
    required = _REQUIRED.get(request.type)
    if required is None:
        raise refusal.invalid_order_type()
    for field in required:
        if getattr(request, field) is None:
            raise refusal.missing(_WIRE_NAMES[field])
    optional = ("quantity", "quote_quantity") if request.type is OrderType.MARKET else ()
    for field, wire_name in _WIRE_NAMES.items():
        if field not in required and field not in optional and getattr(request, field) is not None:
            raise refusal.not_required(wire_name)
    for field, wire_name in _FUTURES_ONLY:
        if getattr(request, field) is not None:
            raise refusal.not_required(wire_name)
    if request.close_position:
        raise refusal.not_required("closePosition")
    if request.type is OrderType.MARKET and (request.quantity is None) == (request.quote_quantity is None):
        if request.quantity is not None:
            raise refusal.bad_combination()
        raise refusal.Refusal(-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!")
    if request.time_in_force is TimeInForce.GTX:
        raise refusal.invalid_time_in_force()


def _whole(parameter: str, value: Decimal | None, unit: int, filter_name: str) -> int:
    """Return `value` in multiples of `unit` (10^-8), 0 for None."""
    if value is None:
        return 0
    units = exact_units(value)
    if units is None:
        raise refusal.too_precise(parameter)
    if units <= 0:
        raise refusal.invalid_value(parameter)
    count, rest = divmod(units, unit)
    if rest:
        raise refusal.filter_failure(filter_name)
    return count


def _ticks(parameter: str, price: Decimal | None, limits: Limits) -> int:
    ticks = _whole(parameter, price, limits.tick_unit, "PRICE_FILTER")
    if price is not None and not limits.min_ticks <= ticks <= limits.max_ticks:
        raise refusal.filter_failure("PRICE_FILTER")
    return ticks


def _check_filters(symbol: Symbol, limits: Limits, terms: OrderTerms, average: tuple[int, int] | None) -> None:
    is_buy = terms.side is Side.BUY
    if terms.price and average and not limits.within_percent(terms.price, average, is_buy=is_buy):
        raise refusal.filter_failure("PERCENT_PRICE_BY_SIDE")
    if terms.quantity and not limits.min_steps <= terms.quantity <= limits.max_steps:
        raise refusal.filter_failure("LOT_SIZE")
    if not terms.price and terms.quantity > limits.market_max_steps:
        raise refusal.filter_failure("MARKET_LOT_SIZE")
    notional = _notional(symbol, terms, average)
    if notional is not None and (notional < limits.min_notional or (terms.price and notional > limits.max_notional)):
        raise refusal.filter_failure("NOTIONAL")


def _notional(symbol: Symbol, terms: OrderTerms, average: tuple[int, int] | None) -> int | None:
    """Return the order's value in quote units: at its price, or at the average price when it has none."""
    if terms.quote_quantity:
        return terms.quote_quantity
    price = terms.price or terms.stop_price
    if price:
        return price * terms.quantity * symbol.quote_unit
    if average is None:
        return None
    quote, base = average
    return terms.quantity * symbol.base_unit * quote // base


def amended_quantity(symbol: Symbol, limits: Limits, quantity: Decimal, price: int) -> int:
    """Return in steps what an order at `price` (ticks) is to be amended to.

    Raises:
        Refusal: as for a new order with that quantity.
    """
    steps = _whole("newQty", quantity, symbol.base_unit, "LOT_SIZE")
    if not limits.min_steps <= steps <= limits.max_steps:
        raise refusal.filter_failure("LOT_SIZE")
    if price * steps * symbol.quote_unit < limits.min_notional:
        raise refusal.filter_failure("NOTIONAL")
    return steps


def with_quantity(terms: OrderTerms, steps: int) -> OrderTerms:
    """Return `terms` with the quantity that a quote quantity turned out to buy or sell."""
    return msgspec.structs.replace(terms, quantity=steps)
