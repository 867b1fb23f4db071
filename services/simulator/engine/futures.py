"""The futures exchange: USD-M perpetual contracts in one-way or hedge mode, with cross margin.

Not offered now: liquidation and isolated margin. A loss greater than the wallet makes its balance negative, and orders
that need margin are refused then.

Where Binance leaves room, or we are simpler:

* Fees are a rate of the notional value, in the quote asset, cut to 10^-8, for everybody.
* An order is refused for lack of margin if the initial margin that it adds (see `positions`) and what it would lose at
  the mark price at once are more than is available. A conditional order is checked when it triggers; it is REJECTED
  then.
* A reduce-only order that is greater than the position is placed with the position's quantity; in hedge mode it is
  refused. One that rests shrinks with the position (AMENDMENT) and expires when there is none.
* IOC and market orders end EXPIRED with what they could not fill. FOK and GTX orders that can't be met are refused.
* Self-trade prevention is EXPIRE_MAKER unless the order says otherwise.
* GTD, trailing stops, price match, price protection and order modification are not offered.
"""

from collections.abc import Iterable

from services.simulator.engine import refusal
from services.simulator.engine.events import AccountRow, Outcome, SettingsChange
from services.simulator.engine.futures_ledger import FuturesLedger
from services.simulator.engine.futures_rules import TRIGGERED_TYPE, futures_terms, within_percent
from services.simulator.engine.futures_views import AssetView, PositionView, asset_view, position_view
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.limits import Limits
from services.simulator.engine.positions import FuturesAccount, FuturesOrder
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import OrderTerms, TimeInForce, waits_for_rise
from services.simulator.engine.triggers import is_due


class FuturesEngine(FuturesLedger):
    """A futures exchange of several perpetual contracts with common wallets.

    Attributes:
        fees: what the exchange has earned, by asset, less what the rounding of funding cost it.
        deposited: what came in from outside and has not left again, by asset. `imbalance` compares it with all wallets
            less the cost of all positions, those of unbounded and closed accounts included, and the fees.
        abandoned: (quantity, cost) that closed accounts have left open, by symbol; the exchange's own.
    """

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        super().__init__(symbols)
        self._limits = {name: Limits(instrument.symbol) for name, instrument in self._instruments.items()}

    # Settings.

    def set_leverage(self, account: str, symbol: str, leverage: int) -> Outcome:
        """Set the leverage of a symbol, 1 to its maximum.

        Raises:
            Refusal: -4028 for a leverage out of range, -2028 if the margin it needs is not there.
        """
        owner, instrument = self._account(account), self._instrument(symbol)
        if not 1 <= leverage <= instrument.symbol.max_leverage:
            raise refusal.invalid_leverage(leverage)
        exposure = owner.exposure(instrument)
        margin, before = exposure.initial_margin(), exposure.leverage
        exposure.leverage = leverage
        if exposure.initial_margin() > margin and owner.available(instrument.symbol.quote) < 0:
            exposure.leverage = before
            raise refusal.leverage_too_small()
        self._events.append(SettingsChange(self._settings(account), self.now, symbol))
        return self._finish()

    def set_position_mode(self, account: str, *, hedge: bool) -> Outcome:
        """Switch between one-way and hedge mode.

        Raises:
            Refusal: -4059 if it is so already, -4067 or -4068 if there are open orders or positions.
        """
        owner = self._account(account)
        if owner.hedge == hedge:
            raise refusal.no_need_to_change_position_side()
        if any(owner.open.values()):
            raise refusal.open_orders_forbid_position_side()
        if any(exposure.has_position() for exposure in owner.exposures.values()):
            raise refusal.position_forbids_position_side()
        owner.hedge = hedge
        self._events.append(SettingsChange(self._settings(account), self.now))
        return self._finish()

    def set_margin_type(self, account: str, symbol: str, *, isolated: bool) -> Outcome:
        """Refuse: cross margin is what everybody has, and isolated margin is not offered.

        Raises:
            Refusal: -4046 for cross, -1020 for isolated.
        """
        self._account(account)
        self._instrument(symbol)
        raise refusal.unsupported_operation() if isolated else refusal.no_need_to_change_margin_type()

    def is_hedge(self, account: str) -> bool:
        """Return whether the account is in hedge mode."""
        return self._account(account).hedge

    def leverage(self, account: str, symbol: str) -> int:
        """Return the leverage of an account on a symbol."""
        return self._account(account).exposure(self._instrument(symbol)).leverage

    def _settings(self, name: str) -> AccountRow:
        account = self._accounts[name]
        leverages = {
            symbol: exposure.leverage
            for symbol, exposure in account.exposures.items()
            if exposure.leverage != exposure.default_leverage
        }
        return AccountRow(name, account.unbounded, account.hedge, leverages)

    # Mark price.

    def set_mark_price(self, symbol: str, mark: int) -> Outcome:
        """Set the mark price in ticks, and execute the conditional orders that this triggers.

        Raises:
            ValueError: if it is not positive.
        """
        if mark <= 0:
            raise ValueError(f"expected a positive mark price, was {mark}")
        instrument = self._instrument(symbol)
        instrument.mark = mark
        while (order := instrument.mark_triggers.pop_due(mark, mark)) is not None:
            self._activate(instrument, order)
        self._fire(instrument)
        return self._finish()

    def mark_price(self, symbol: str) -> int:
        """Return the mark price in ticks, the last price while there is none."""
        instrument = self._instrument(symbol)
        return instrument.mark or instrument.last_price

    # What an account has.

    def positions(self, account: str, symbol: str | None = None) -> tuple[PositionView, ...]:
        """Return the risk of the positions of an account, on one symbol or on all that it ever touched.

        In one-way mode that is BOTH, in hedge mode LONG and SHORT; empty positions are included.

        Raises:
            Refusal: -1121 for an unknown symbol.
        """
        owner = self._account(account)
        chosen = [owner.exposure(self._instrument(symbol))] if symbol else list(owner.exposures.values())
        return tuple(position_view(exposure, side) for exposure in chosen for side in owner.position_sides)

    def assets(self, account: str) -> tuple[AssetView, ...]:
        """Return the margin of an account by asset."""
        owner = self._account(account)
        return tuple(asset_view(owner, asset) for asset in owner.wallets)

    # Admission.

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
