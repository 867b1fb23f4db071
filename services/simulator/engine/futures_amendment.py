"""Changing the price and the quantity of a futures order that rests.

Source: "Modify Order" and the error codes of Binance's USD-M futures documentation. A modified order goes behind the
others at its price, and trades at once if it can. Where that leaves room: one that was not admitted stays as it was, in
its place; the margin that it sets free counts for what it asks for.
"""

from decimal import Decimal

from services.simulator.engine import refusal
from services.simulator.engine.events import Outcome
from services.simulator.engine.futures_admission import FuturesAdmission
from services.simulator.engine.futures_rules import futures_terms
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.order import Size
from services.simulator.engine.positions import FuturesOrder
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.terms import Execution, OrderType, Side

#: How often one order may be modified.
MOST_MODIFICATIONS = 10_000


class FuturesAmendment(FuturesAdmission):
    """The part of the futures exchange that modifies orders. See `FuturesEngine`."""

    def modify(
        self,
        account: str,
        symbol: str,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> Outcome:
        """Give an order another quantity and price. With both ids the order id is what counts.

        It is cancelled instead if it was filled up to the new quantity, or is post-only and would trade.

        Raises:
            Refusal: -2013 if there is no such order on the book, -1117 if it is not of `side`, -5025 if it is no limit
                order, -5026, -5027 if nothing would change, and as for a new order.
        """
        instrument = self._instrument(symbol)
        order = self._find(account, symbol, order_id, None if order_id is not None else client_order_id)
        if order is None or not order.working:
            raise refusal.no_such_order()
        if order.type is not OrderType.LIMIT:
            raise refusal.limit_order_only()
        if order.side is not side:
            raise refusal.invalid_side()
        new = self._new_size(instrument, order, quantity, price)
        filled = order.executed + order.prevented
        if new.quantity <= filled or (order.post_only and self._would_take(instrument, order, new)):
            self._cancel(instrument, order, "")
            return self._finish(order)
        self._withdraw(instrument, order)
        order.resize(new)
        order.amendments += 1
        self._start_working(order)
        self._tell(order, Execution.AMENDMENT, reason="modified")
        self._execute(instrument, order)
        self._fire(instrument)
        return self._finish(order)

    def _new_size(
        self, instrument: Instrument[FuturesOrder], order: FuturesOrder, quantity: Decimal, price: Decimal
    ) -> Size:
        """Return the size that is asked for, if the order may have it."""
        symbol, owner = instrument.symbol, order.owner
        request = NewOrder(
            account=owner.name,
            symbol=symbol.name,
            side=order.side,
            type=order.type,
            time_in_force=order.time_in_force,
            quantity=quantity,
            price=price,
            position_side=order.position_side if owner.hedge else None,
            reduce_only=order.reduce_only if not owner.hedge else None,
        )
        mark = instrument.mark or instrument.last_price
        try:
            terms = futures_terms(symbol, self._limits[symbol.name], request, mark, hedge=owner.hedge)
        except Refusal as refused:
            raise refusal.of_modification(refused) from None
        if (terms.price, terms.quantity) == (order.price, order.quantity):
            raise refusal.same_order()
        if order.amendments >= MOST_MODIFICATIONS:
            raise refusal.too_many_modifications()
        new = Size(terms.price, terms.quantity)
        if order.reduce_only:
            new = self._reducing(order, new)
        elif new.quantity > order.executed + order.prevented and self._lacks_margin_for(instrument, order, new):
            raise refusal.margin_insufficient()
        return new

    def _reducing(self, order: FuturesOrder, new: Size) -> Size:
        filled, closable = order.executed + order.prevented, order.position.closable(order.is_buy)
        if not closable or (order.owner.hedge and closable < new.quantity - filled):
            raise refusal.reduce_only_rejected()
        return Size(new.price, min(new.quantity, filled + closable))

    def _would_take(self, instrument: Instrument[FuturesOrder], order: FuturesOrder, new: Size) -> bool:
        best = instrument.book.side(not order.is_buy).best()
        return best is not None and (best <= new.price if order.is_buy else best >= new.price)

    def _lacks_margin_for(self, instrument: Instrument[FuturesOrder], order: FuturesOrder, new: Size) -> bool:
        old = Size(order.price, order.quantity)
        self._release(instrument, order)
        order.resize(new)
        lacks = self._lacks_margin(instrument, order)
        order.resize(old)
        self._hold(instrument, order)
        return lacks
