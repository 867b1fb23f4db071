"""Which futures orders are admitted, and what is asked of conditional ones when they are triggered."""

from collections.abc import Iterable

from services.simulator.engine import refusal
from services.simulator.engine.futures_ledger import FuturesLedger
from services.simulator.engine.futures_rules import TRIGGERED_TYPE, futures_terms, within_percent
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.limits import Limits
from services.simulator.engine.positions import FuturesAccount, FuturesOrder
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import OrderTerms, TimeInForce, waits_for_rise
from services.simulator.engine.triggers import is_due


class FuturesAdmission(FuturesLedger):
    """The part of the futures exchange that says no. See `FuturesEngine`."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        super().__init__(symbols)
        self._limits = {name: Limits(instrument.symbol) for name, instrument in self._instruments.items()}

    def _new_account(self, name: str, unbounded: bool) -> FuturesAccount:
        return FuturesAccount(name, unbounded)

    def _new_order(
        self, account: FuturesAccount, instrument: Instrument[FuturesOrder], terms: OrderTerms
    ) -> FuturesOrder:
        return FuturesOrder(account, instrument, self._next_order_id(), terms, self.now)

    def _admit(self, account: FuturesAccount, instrument: Instrument[FuturesOrder], request: NewOrder) -> FuturesOrder:
        symbol = instrument.symbol
        mark = instrument.mark or instrument.last_price
        terms = futures_terms(symbol, self._limits[symbol.name], request, mark, hedge=account.hedge)
        open_orders = account.open.get(symbol.name, {})
        if len(open_orders) >= symbol.max_num_orders:
            raise refusal.too_many_orders()
        order = FuturesOrder(account, instrument, self._last_order_id + 1, terms, self.now)
        if order.client_order_id in open_orders:
            raise refusal.duplicate_client_order_id()
        if order.stop_price:
            self._check_waiting(instrument, order)
        else:
            self._check_working(instrument, order)
        self._last_order_id = order.id
        return order

    def _check_waiting(self, instrument: Instrument[FuturesOrder], order: FuturesOrder) -> None:
        waiting = [other for other in order.account.open.get(order.symbol, {}).values() if not other.working]
        if len(waiting) >= instrument.symbol.max_num_algo_orders:
            raise refusal.too_many_stop_orders()
        on_mark = order.working_type is order.working_type.MARK_PRICE
        price = (instrument.mark or instrument.last_price) if on_mark else instrument.last_price
        if price and is_due(order, price):
            raise refusal.futures_would_trigger()
        direction = waits_for_rise(order.type, order.side)
        if order.close_position and any(
            other.close_position
            and (other.side, other.position_side) == (order.side, order.position_side)
            and waits_for_rise(other.type, other.side) == direction
            for other in waiting
        ):
            raise refusal.close_position_exists()

    def _check_working(self, instrument: Instrument[FuturesOrder], order: FuturesOrder) -> None:
        if order.reduce_only:
            closable = order.position.closable(order.is_buy)
            if not closable or (order.owner.hedge and closable < order.quantity):
                raise refusal.reduce_only_rejected()
            order.quantity = order.remaining = min(order.quantity, closable)
        if order.post_only and instrument.book.crosses(order):
            raise refusal.post_only_rejected()
        if order.time_in_force is TimeInForce.FOK and not self._fills_at_once(instrument, order):
            raise refusal.fill_or_kill_rejected()
        if not order.price:
            self._check_counterparty(instrument, order)
        if self._lacks_margin(instrument, order):
            raise refusal.margin_insufficient()

    def _check_counterparty(self, instrument: Instrument[FuturesOrder], order: FuturesOrder) -> None:
        best, mark = instrument.book.side(not order.is_buy).best(), instrument.mark
        limits = self._limits[order.symbol]
        if best and mark and not within_percent(instrument.symbol, limits, best, mark, is_buy=order.is_buy):
            raise refusal.counterparty_outside_range()

    def _lacks_margin(self, instrument: Instrument[FuturesOrder], order: FuturesOrder) -> bool:
        if order.account.unbounded or order.reduce_only:
            return False
        notional = order.notional if order.price else self._market_notional(instrument, order)
        exposure = order.exposure
        more = (notional, 0) if order.is_buy else (0, notional)
        added = exposure.initial_margin(*more) - exposure.initial_margin()
        if added <= 0:
            return False
        at_mark = order.remaining * exposure.mark_quote
        loss = max(0, notional - at_mark if order.is_buy else at_mark - notional)
        return added + loss > order.owner.available(instrument.symbol.quote)

    def _market_notional(self, instrument: Instrument[FuturesOrder], order: FuturesOrder) -> int:
        left, notional = order.remaining, 0
        for price, steps in instrument.book.matches(order.is_buy, order.limit_key, order.account, order.self_trade):
            taken = min(steps, left)
            notional += price * taken * instrument.quote_unit
            left -= taken
            if not left:
                break
        return notional

    def _can_execute(self, instrument: Instrument[FuturesOrder], order: FuturesOrder) -> str | None:
        order.type = TRIGGERED_TYPE[order.type]
        if order.reduce_only:
            closable = order.position.closable(order.is_buy)
            if not closable:
                return refusal.reduce_only_rejected().message
            order.quantity = order.remaining = closable if order.close_position else min(order.quantity, closable)
        if order.post_only and instrument.book.crosses(order):
            return refusal.post_only_rejected().message
        if self._lacks_margin(instrument, order):
            return refusal.margin_insufficient().message
        return None
