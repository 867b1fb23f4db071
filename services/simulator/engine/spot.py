"""The spot exchange: free and locked balances, fees from what is received.

Where Binance leaves room, or we are simpler:

* Fees are `symbol.maker_fee` and `taker_fee` of what a side receives, cut to 10^-8, for everybody (no BNB, no tiers).
* A limit order locks price times quantity (buy) or its quantity (sell). A market order locks nothing: its cost is found
  by walking the book, and it is refused if that is more than is free. A STOP_LOSS or TAKE_PROFIT buy locks stop price
  times quantity until it triggers, and is REJECTED then if its cost is more than is free.
* A market order by `quote_quantity` trades as many steps as the amount pays for at each price; it ends FILLED, or
  EXPIRED when the book was too small.
* Self-trade prevention is EXPIRE_MAKER unless the order says otherwise.
* Iceberg, trailing and list (OCO) orders are not offered.
"""

from services.simulator.engine import refusal
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.order import NO_LIMIT
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.spot_amendment import SpotAmendment
from services.simulator.engine.spot_ledger import Balance, SpotAccount, SpotOrder
from services.simulator.engine.spot_rules import spot_terms, with_quantity
from services.simulator.engine.terms import OrderTerms, Side
from services.simulator.engine.triggers import is_due


class SpotEngine(SpotAmendment):
    """A spot exchange of several pairs with common balances.

    Attributes:
        fees: what the exchange has earned, by asset.
        deposited: what came in from outside and has not left again, by asset. `imbalance` compares it with all
            balances, those of unbounded accounts included, and the fees.
    """

    # Admission.

    def _new_account(self, name: str, unbounded: bool) -> SpotAccount:
        return SpotAccount(name, unbounded)

    def _new_order(self, account: SpotAccount, instrument: Instrument[SpotOrder], terms: OrderTerms) -> SpotOrder:
        return SpotOrder(account, instrument, self._next_order_id(), terms, self.now)

    def _admit(self, account: SpotAccount, instrument: Instrument[SpotOrder], request: NewOrder) -> SpotOrder:
        symbol = instrument.symbol
        terms = spot_terms(symbol, self._limits[symbol.name], request, instrument.average_ratio(self.now))
        open_orders = account.open.get(symbol.name, {})
        if len(open_orders) >= symbol.max_num_orders:
            raise refusal.filter_failure("MAX_NUM_ORDERS")
        if terms.stop_price and sum(not order.working for order in open_orders.values()) >= symbol.max_num_algo_orders:
            raise refusal.filter_failure("MAX_NUM_ALGO_ORDERS")
        if terms.quote_quantity:
            terms = self._with_steps(account, instrument, terms)
        order = SpotOrder(account, instrument, self._last_order_id + 1, terms, self.now)
        if order.client_order_id in open_orders:
            raise refusal.duplicate_order()
        if order.stop_price and instrument.last_price and is_due(order, instrument.last_price):
            raise refusal.would_trigger()
        if order.post_only and instrument.book.crosses(order):
            raise refusal.would_take()
        if not account.unbounded:
            waits_or_rests = order.price or order.stop_price
            balance, amount = (self._need if waits_or_rests else self._cost)(instrument, order)
            if amount > balance.free:
                raise refusal.insufficient_balance()
        self._last_order_id = order.id
        return order

    def _with_steps(self, account: SpotAccount, instrument: Instrument[SpotOrder], terms: OrderTerms) -> OrderTerms:
        """Return the terms of a market order by quote quantity, with the steps that this makes of the book as it is.

        One step more than the book holds stands for "more than there is", so that the order ends as EXPIRED.
        """
        left, total, step_quote = terms.quote_quantity, 0, 0
        min_steps = self._limits[instrument.symbol.name].min_steps
        for price, steps in instrument.book.matches(terms.side is Side.BUY, -NO_LIMIT, account, terms.self_trade):
            step_quote = price * instrument.quote_unit
            taken = min(left // step_quote, steps)
            total += taken
            left -= taken * step_quote
            if taken < steps:
                break
        if not step_quote:
            raise refusal.order_rejected("Order book liquidity is less than symbol minimum quantity.")
        if total < min_steps and left >= step_quote:
            raise refusal.order_rejected("Order book liquidity is less than `LOT_SIZE` filter minimum quantity.")
        if total < min_steps:
            raise refusal.filter_failure("LOT_SIZE")
        return with_quantity(terms, total + 1 if left >= step_quote else total)

    def _cost(self, instrument: Instrument[SpotOrder], order: SpotOrder) -> tuple[Balance, int]:
        """Return what a market `order` will pay, as the book is."""
        if order.is_buy and order.quote_quantity:
            return order.quote, order.quote_quantity
        if not order.is_buy and not order.quote_quantity:
            return order.base, order.remaining * instrument.base_unit
        left, quote = order.remaining, 0
        for price, steps in instrument.book.matches(order.is_buy, order.limit_key, order.account, order.self_trade):
            taken = min(steps, left)
            quote += price * taken * instrument.quote_unit
            left -= taken
            if not left:
                break
        if order.is_buy:
            return order.quote, quote
        return order.base, (order.remaining - left) * instrument.base_unit

    def _can_execute(self, instrument: Instrument[SpotOrder], order: SpotOrder) -> str | None:
        if order.price:
            return None  # what was locked for it suffices
        balance, amount = self._cost(instrument, order)
        return "insufficient balance" if amount > balance.free else None
