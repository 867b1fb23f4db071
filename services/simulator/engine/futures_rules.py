"""The rules of a new futures order that need nothing but the symbol and a reference price: fields, precision, filters.

Sources: "New Order" and the error codes of Binance's USD-M futures documentation. The order of the checks is ours:
fields, client order id, precision, PRICE_FILTER, LOT_SIZE, PERCENT_PRICE, MIN_NOTIONAL.
"""

from decimal import Decimal

from services.simulator.engine import client_order_ids, refusal
from services.simulator.engine.limits import Limits
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import (
    DEFAULT_SELF_TRADE,
    OrderTerms,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    WorkingType,
)
from services.simulator.engine.units import DECIMALS, exact_units, to_decimal

_LIMIT_TYPES = frozenset({OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT})
_STOP_MARKET_TYPES = frozenset({OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET})
_CONDITIONAL = frozenset({OrderType.STOP, OrderType.TAKE_PROFIT}) | _STOP_MARKET_TYPES

#: The type that a conditional order has once it is triggered.
TRIGGERED_TYPE = {
    OrderType.STOP: OrderType.LIMIT,
    OrderType.TAKE_PROFIT: OrderType.LIMIT,
    OrderType.STOP_MARKET: OrderType.MARKET,
    OrderType.TAKE_PROFIT_MARKET: OrderType.MARKET,
}


def futures_terms(symbol: Symbol, limits: Limits, request: NewOrder, mark: int, *, hedge: bool) -> OrderTerms:
    """Return the terms of `request`; `mark` is the mark price in ticks, 0 if there is none yet.

    `reduce_only` is set as well for an order that closes in hedge mode, and for one that closes the position.

    Raises:
        Refusal: with the code and text of the first rule that is broken.
    """
    _check_fields(request, hedge=hedge)
    client_order_id = request.client_order_id
    if client_order_id is not None and not client_order_ids.is_legal(client_order_id):
        if len(client_order_id) > client_order_ids.MAX_LENGTH:
            raise refusal.client_order_id_too_long()
        raise refusal.illegal_client_order_id(client_order_ids.PARAMETER, client_order_ids.LEGAL)
    position_side = request.position_side or PositionSide.BOTH
    closes = hedge and (request.side is Side.SELL) == (position_side is PositionSide.LONG)
    terms = OrderTerms(
        side=request.side,
        type=request.type,
        time_in_force=request.time_in_force or TimeInForce.GTC,
        price=_price(symbol, limits, request.price),
        quantity=_quantity(symbol, limits, request),
        stop_price=_stop_price(symbol, limits, request.stop_price),
        client_order_id=client_order_id,
        self_trade=request.self_trade or DEFAULT_SELF_TRADE,
        position_side=position_side,
        reduce_only=bool(request.reduce_only) or request.close_position or closes,
        close_position=request.close_position,
        working_type=request.working_type or WorkingType.CONTRACT_PRICE,
    )
    if mark:
        _check_percent(symbol, limits, terms, mark)
        _check_notional(symbol, limits, terms, mark)
    return terms


def _check_fields(request: NewOrder, *, hedge: bool) -> None:
    kind = request.type
    if kind not in _LIMIT_TYPES and kind not in _STOP_MARKET_TYPES and kind is not OrderType.MARKET:
        raise refusal.invalid_order_type()
    if request.quote_quantity is not None:
        raise refusal.not_required("quoteOrderQty")
    if kind is OrderType.LIMIT and request.time_in_force is None:
        raise refusal.missing("timeInForce")
    if kind is OrderType.MARKET and request.time_in_force is not None:
        raise refusal.not_required("timeInForce")
    _check_close_position(request)
    if request.quantity is None and not request.close_position:
        raise refusal.missing("quantity")
    _check_presence("price", request.price, needed=kind in _LIMIT_TYPES)
    _check_presence("stopPrice", request.stop_price, needed=kind in _CONDITIONAL)
    if hedge != (request.position_side in {PositionSide.LONG, PositionSide.SHORT}):
        raise refusal.position_side_mismatch()
    if request.reduce_only is not None and (hedge or request.close_position):
        raise refusal.not_required("reduceonly")


def _check_close_position(request: NewOrder) -> None:
    if not request.close_position:
        return
    if request.type not in _STOP_MARKET_TYPES:
        raise refusal.not_required("closePosition")
    if request.quantity is not None:
        raise refusal.quantity_with_close_position()


def _check_presence(parameter: str, value: Decimal | None, *, needed: bool) -> None:
    if needed and value is None:
        raise refusal.missing(parameter)
    if not needed and value is not None:
        raise refusal.not_required(parameter)


def _units(value: Decimal, precision: int) -> int:
    units = exact_units(value)
    if units is None or units % int(10 ** (DECIMALS - precision)):
        raise refusal.precision_over_maximum()
    return units


def _price(symbol: Symbol, limits: Limits, price: Decimal | None) -> int:
    if price is None:
        return 0
    units = _units(price, symbol.price_precision)
    if units <= 0:
        raise refusal.price_not_positive()
    ticks, rest = divmod(units, symbol.tick_unit)
    if units < limits.min_ticks * symbol.tick_unit:
        raise refusal.price_below_minimum()
    if ticks > limits.max_ticks:
        raise refusal.price_above_maximum()
    if rest:
        raise refusal.price_off_tick()
    return ticks


def _stop_price(symbol: Symbol, limits: Limits, price: Decimal | None) -> int:
    if price is None:
        return 0
    units = _units(price, symbol.price_precision)
    if units <= 0:
        raise refusal.stop_price_not_positive()
    ticks, rest = divmod(units, symbol.tick_unit)
    if ticks > limits.max_ticks:
        raise refusal.stop_price_above_maximum()
    if rest:
        raise refusal.price_off_tick()
    return ticks


def _quantity(symbol: Symbol, limits: Limits, request: NewOrder) -> int:
    if request.quantity is None:
        return 0
    units = _units(request.quantity, symbol.quantity_precision)
    if units <= 0:
        raise refusal.quantity_not_positive()
    steps, rest = divmod(units, symbol.base_unit)
    if units < limits.min_steps * symbol.base_unit:
        raise refusal.quantity_below_minimum()
    if steps > (limits.market_max_steps if request.price is None else limits.max_steps):
        raise refusal.quantity_above_maximum()
    if rest:
        raise refusal.quantity_off_step()
    return steps


def _check_percent(symbol: Symbol, limits: Limits, terms: OrderTerms, mark: int) -> None:
    """Refuse a buy above, or a sell below, what the multipliers make of the mark price. Conditional orders are
    exempt."""
    if not terms.price or terms.stop_price:
        return
    is_buy = terms.side is Side.BUY
    if within_percent(symbol, limits, terms.price, mark, is_buy=is_buy):
        return
    multiplier = symbol.bid_multiplier_up if is_buy else symbol.ask_multiplier_down
    bound = f"{(symbol.price(mark) * multiplier).quantize(symbol.tick_size):f}"
    raise refusal.price_above_cap(bound) if is_buy else refusal.price_below_floor(bound)


def within_percent(symbol: Symbol, limits: Limits, price: int, mark: int, *, is_buy: bool) -> bool:
    """Return whether `price` is within PERCENT_PRICE of the mark price, both in ticks."""
    return limits.within_percent(price, (mark * symbol.tick_unit, 10**DECIMALS), is_buy=is_buy)


def _check_notional(symbol: Symbol, limits: Limits, terms: OrderTerms, mark: int) -> None:
    if terms.reduce_only:
        return
    notional = (terms.price or terms.stop_price or mark) * terms.quantity * symbol.quote_unit
    if notional < limits.min_notional:
        raise refusal.notional_too_small(f"{to_decimal(limits.min_notional).normalize():f}")
