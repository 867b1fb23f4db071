"""Making a spot order smaller, which keeps its place in the book.

Source: "Order Amend Keep Priority" of Binance's spot `rest-api.md` and its FAQ, `errors.md`. Where that leaves room: an
order that was filled up to its new quantity, or beyond it, expires.
"""

from collections.abc import Iterable
from decimal import Decimal

from services.simulator.engine import client_order_ids, refusal
from services.simulator.engine.events import Outcome
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.limits import Limits
from services.simulator.engine.spot_ledger import SpotLedger, SpotOrder
from services.simulator.engine.spot_rules import amended_quantity
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import Execution, OrderStatus

#: How often one order may be amended (filter MAX_NUM_ORDER_AMENDS).
MOST_AMENDMENTS = 10


class SpotAmendment(SpotLedger):
    """The part of the spot exchange that amends orders. See `SpotEngine`."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        super().__init__(symbols)
        self._limits = {name: Limits(instrument.symbol) for name, instrument in self._instruments.items()}

    def amend(
        self,
        account: str,
        symbol: str,
        quantity: Decimal,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        new_client_order_id: str | None = None,
    ) -> Outcome:
        """Give an open order a smaller quantity, and another client order id (made up if there is none).

        Raises:
            Refusal: -2038 if there is no such open order, its quantity would not become smaller, the client order id is
                another open order's or it was amended too often; -1013 as for a new order.
        """
        instrument = self._instrument(symbol)
        if new_client_order_id is not None and not client_order_ids.is_legal(new_client_order_id):
            raise refusal.illegal_client_order_id(client_order_ids.PARAMETER, client_order_ids.LEGAL)
        order = self._find(account, symbol, order_id, client_order_id)
        if order is None:
            raise refusal.amendment_rejected(refusal.unknown_order().message)
        steps = amended_quantity(instrument.symbol, self._limits[symbol], quantity, order.price or order.stop_price)
        if steps == order.quantity:
            raise refusal.amendment_rejected("The requested action would change no state; rejecting.")
        if steps > order.quantity:
            raise refusal.amendment_rejected("Order amend (quantity increase) is not supported.")
        if order.amendments >= MOST_AMENDMENTS:
            raise refusal.amendment_rejected(refusal.filter_failure("MAX_NUM_ORDER_AMENDS").message)
        before = order.client_order_id
        name = new_client_order_id or f"simulator{order.id:013d}.{order.amendments + 1}"
        if name != before and name in order.account.open[symbol]:
            raise refusal.amendment_rejected(refusal.duplicate_order().message)
        order.amendments += 1
        self._shrink(instrument, order, steps)
        if order.status is OrderStatus.EXPIRED:
            self._tell(order, Execution.EXPIRED, reason="amended to what was filled")
        else:
            self._rename(order, name)
            self._tell(order, Execution.AMENDMENT, request_id=before)
        return self._finish(order)

    def _shrink(self, instrument: Instrument[SpotOrder], order: SpotOrder, steps: int) -> None:
        if steps <= order.executed + order.prevented:
            self._withdraw(instrument, order)
            order.status = OrderStatus.EXPIRED
            return
        self._release(instrument, order)
        cut = order.quantity - steps
        if order.working:
            self._touched_books[instrument] = None
            instrument.book.side(order.is_buy).reduce(order, cut)
        else:
            order.remaining -= cut
        order.quantity = steps
        self._hold(instrument, order)

    def _rename(self, order: SpotOrder, name: str) -> None:
        named = order.account.open[order.symbol]
        del named[order.client_order_id]
        order.client_order_id = name
        named[name] = order
