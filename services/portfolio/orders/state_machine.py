"""How an order changes by what is learnt about it: pure, and the same whatever comes late, twice or out of order.

Each function returns the order it was given, the same object, where nothing is new; else the next version of it.

- What is known of an order only grows: its fills never shrink, an order that the exchange has seen is never unseen.
- The fill is the larger of two: what the exchange says of the order, and the sum of the recorded trades. They come by
  different messages and agree in the end; until then the order lacks trades, and these are asked for.
- An order that closes more of a position than there is, the exchange cuts to the position: its amount then is the
  exchange's, so that it is FILLED when it has closed all.
- A final status stays, though a late fill is still counted. There is one exception: what was inferred from the exchange
  not knowing an order, or from its refusal, is proved wrong when it shows that very order.
"""

from datetime import datetime
from decimal import Decimal, localcontext

from msgspec.structs import replace

from services.portfolio.rows import Phase, StoredOrder, TradeTotals
from shared.contracts.portfolio.orders import Order, OrderStatus, PositionAction
from shared.exchanges.interface import VenueOrder, VenueStatus

#: An average price is rounded to so many places: division rarely ends.
_PRICE_PLACES = 12
_ZERO = Decimal(0)


def reported(stored: StoredOrder, venue: VenueOrder, at: datetime) -> StoredOrder:
    """Return the order after the exchange has told its state."""
    more = venue.filled > stored.reported_amount
    # An answer that leaves the average out must not make us forget one that had it.
    price = venue.average_price if more or stored.reported_price is None else stored.reported_price
    seen = _seen(stored, venue.exchange_order_id)
    seen = replace(
        seen,
        reported_amount=max(stored.reported_amount, venue.filled),
        reported_price=price,
        order=replace(seen.order, amount=_cut(seen.order, venue.amount)),
    )
    match venue.status:
        case VenueStatus.CANCELLED:
            return _next(stored, seen, OrderStatus.CANCELLED, at)
        case VenueStatus.REJECTED:
            reason = stored.order.error_message or "The exchange has rejected the order"
            return _next(stored, seen, OrderStatus.FAILED, at, reason)
        case VenueStatus.FILLED:
            return _next(stored, seen, OrderStatus.FILLED, at)
        case VenueStatus.OPEN:
            return _next(stored, seen, OrderStatus.OPEN, at)


def traded(stored: StoredOrder, totals: TradeTotals, exchange_order_id: str, at: datetime) -> StoredOrder:
    """Return the order after its recorded trades have come to `totals`."""
    fee_paid, fee_currency = (totals.fees[0].amount, totals.fees[0].currency) if len(totals.fees) == 1 else (None, None)
    seen = _seen(stored, exchange_order_id)
    seen = replace(
        seen,
        traded_amount=totals.amount,
        traded_value=totals.value,
        order=replace(seen.order, fee_paid=fee_paid, fee_currency=fee_currency),
    )
    return _next(stored, seen, OrderStatus.OPEN, at)


def refused(stored: StoredOrder, reason: str, at: datetime) -> StoredOrder:
    """Return the order after it became certain that the exchange has not taken it and will not.

    An order that the exchange has been seen to have is left as it is. That it will not is what we read in its answer:
    should it show the order after all, we read wrongly.
    """
    if stored.phase is not Phase.UNCONFIRMED:
        return stored
    return _next(stored, replace(stored, phase=Phase.PRESUMED), OrderStatus.FAILED, at, reason)


def absent(stored: StoredOrder, at: datetime) -> StoredOrder:
    """Return the order after the exchange has said that it knows none such, at a time when that is final.

    One that it never had cannot have arrived, one that it had cannot be open any more.
    """
    presumed = replace(stored, phase=Phase.PRESUMED)
    match stored.phase:
        case Phase.UNCONFIRMED:
            return _next(stored, presumed, OrderStatus.FAILED, at, "The order did not reach the exchange")
        case Phase.CONFIRMED:
            return _next(stored, presumed, OrderStatus.CANCELLED, at, "The exchange does not know the order any more")
        case _:
            return stored


def cancelling(stored: StoredOrder, at: datetime) -> StoredOrder:
    """Return the order after somebody has asked for its end; a final one is left as it is."""
    return _next(stored, stored, OrderStatus.PENDING_CANCEL, at)


def _seen(stored: StoredOrder, exchange_order_id: str) -> StoredOrder:
    """Return an order that the exchange has shown, under its id there."""
    order = stored.order
    phase = Phase.CONFIRMED if stored.phase is Phase.UNCONFIRMED else stored.phase
    if stored.phase is Phase.PRESUMED:
        phase, order = Phase.CONFIRMED, replace(order, status=OrderStatus.SUBMITTED, error_message=None)
    if order.exchange_order_id is None:
        order = replace(order, exchange_order_id=exchange_order_id)
    return replace(stored, order=order, phase=phase)


def _cut(order: Order, venue_amount: Decimal) -> Decimal:
    """Return the amount of an order that the exchange may have cut to the position which it closes; it only shrinks."""
    closes = order.position_action is PositionAction.CLOSE
    return venue_amount if closes and _ZERO < venue_amount < order.amount else order.amount


def _next(
    before: StoredOrder, now: StoredOrder, told: OrderStatus, at: datetime, message: str | None = None
) -> StoredOrder:
    order = now.order
    filled = max(now.reported_amount, now.traded_amount)
    status = _status(order.status, told, filled, order.amount)
    if status is not order.status:
        order = replace(order, error_message=message if status in _EXPLAINED else order.error_message)
    order = replace(order, status=status, filled_amount=filled, average_fill_price=_average(now, order))
    ended = status.is_final and now.phase is not Phase.PRESUMED
    after = replace(now, order=order, phase=Phase.ENDED if ended else now.phase)
    if after == before:
        return before
    return replace(after, order=replace(order, version=order.version + 1, updated_at=at))


_EXPLAINED = frozenset({OrderStatus.FAILED, OrderStatus.CANCELLED})


def _status(current: OrderStatus, told: OrderStatus, filled: Decimal, amount: Decimal) -> OrderStatus:
    if current.is_final:
        return current
    if filled >= amount:
        return OrderStatus.FILLED
    if told.is_final:
        return told
    if OrderStatus.PENDING_CANCEL in (current, told):
        return OrderStatus.PENDING_CANCEL
    return OrderStatus.PARTIALLY_FILLED if filled else told


def _average(stored: StoredOrder, order: Order) -> Decimal | None:
    """Return the average price of the larger fill: of the trades where they have it all, for they are exact."""
    traded = stored.traded_amount
    if traded > _ZERO and (not stored.lacks_trades or stored.reported_price is None):
        with localcontext() as context:
            context.prec = 50
            return _rounded(stored.traded_value / traded)
    return stored.reported_price if stored.reported_amount > _ZERO else order.average_fill_price


def _rounded(price: Decimal) -> Decimal:
    """Return `price` with at most `_PRICE_PLACES` places and no zeros at their end, never with an exponent."""
    text = f"{price:.{_PRICE_PLACES}f}".rstrip("0").rstrip(".")
    return Decimal(text)
