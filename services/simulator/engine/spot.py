"""The spot exchange: free and locked balances, fees from what is received.

Where Binance leaves room, or we are simpler:

* Fees are `symbol.maker_fee` and `taker_fee` of what a side receives, cut to 10^-8, for everybody (no BNB, no tiers).
* A limit order locks price times quantity (buy) or its quantity (sell). A market order locks nothing: its cost is found
  by walking the book, and it is refused if that is more than is free. A STOP_LOSS or TAKE_PROFIT buy locks stop price
  times quantity until it triggers, and is REJECTED then if its cost is more than is free.
* A market order by `quote_quantity` trades as many steps as the amount pays for at each price; it ends FILLED, or
EXPIRED   when the book was too small.
* Self-trade prevention is EXPIRE_MAKER unless the order says otherwise.
* Iceberg, trailing and list (OCO) orders and amendments are not offered.
"""

from collections.abc import Iterable, Mapping, Set

import msgspec

from services.simulator.engine import refusal
from services.simulator.engine.engine import Engine
from services.simulator.engine.events import AccountChange, BalanceRow, Outcome, Reason, Trade
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.limits import Limits
from services.simulator.engine.order import NO_LIMIT, Account, Order
from services.simulator.engine.records import State
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.spot_rules import spot_terms, with_quantity
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import OrderTerms, SelfTrade, Side
from services.simulator.engine.triggers import is_due
from services.simulator.engine.units import RATE_ONE


class Balance:
    """What an account has of an asset, in units."""

    __slots__ = ("account", "asset", "change", "free", "locked")

    def __init__(self, account: str, asset: str) -> None:
        self.account = account
        self.asset = asset
        self.free = 0
        self.locked = 0
        self.change = 0  # of the command under way, by deposits alone

    def row(self) -> BalanceRow:
        return BalanceRow(self.account, self.asset, self.free, self.locked, self.change)


class SpotAccount(Account):
    """An account with its balances by asset."""

    __slots__ = ("balances",)

    def __init__(self, name: str, unbounded: bool) -> None:
        super().__init__(name, unbounded)
        self.balances: dict[str, Balance] = {}

    def balance(self, asset: str) -> Balance:
        """Return the balance of `asset`, zero if there was none."""
        balance = self.balances.get(asset)
        if balance is None:
            balance = self.balances[asset] = Balance(self.name, asset)
        return balance


class SpotOrder(Order):
    """An order with the two balances that it moves."""

    __slots__ = ("base", "quote")

    def __init__(
        self, account: SpotAccount, instrument: Instrument["SpotOrder"], order_id: int, terms: OrderTerms, now: int
    ) -> None:
        super().__init__(account, instrument.symbol.name, order_id, terms, now)
        self.base = account.balance(instrument.symbol.base)
        self.quote = account.balance(instrument.symbol.quote)


class SpotEngine(Engine[SpotOrder, SpotAccount]):
    """A spot exchange of several pairs with common balances.

    Attributes:
        fees: what the exchange has earned, by asset.
        deposited: what came in from outside and has not left again, by asset. It always equals the sum of all balances,
            those of unbounded accounts included, and the fees.
    """

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        super().__init__(symbols)
        self._limits = {name: Limits(instrument.symbol) for name, instrument in self._instruments.items()}
        self._touched: dict[Balance, None] = {}
        self._reason = Reason.ORDER
        self.fees: dict[str, int] = {}
        self.deposited: dict[str, int] = {}

    # Balances.

    def balances(self, account: str) -> tuple[BalanceRow, ...]:
        """Return all balances of an account."""
        return tuple(balance.row() for balance in self._account(account).balances.values())

    def set_balances(self, account: str, totals: Mapping[str, int]) -> Outcome:
        """Deposit or withdraw until free and locked together are `totals` (asset to units).

        Raises:
            ValueError: if a total is below what is locked; nothing has changed then.
        """
        owner = self._account(account)
        for asset, total in totals.items():
            if total < owner.balance(asset).locked:
                raise ValueError(f"expected at least {owner.balance(asset).locked} of {asset}, was {total}")
        self._reason = Reason.DEPOSIT
        for asset, total in totals.items():
            balance = owner.balance(asset)
            balance.change = total - balance.free - balance.locked
            balance.free = total - balance.locked
            self.deposited[asset] = self.deposited.get(asset, 0) + balance.change
            self._touched[balance] = None
        return self._finish()

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
        if terms.client_order_id in open_orders:
            raise refusal.duplicate_order()
        if terms.quote_quantity:
            terms = self._with_steps(account, instrument, terms)
        order = SpotOrder(account, instrument, self._last_order_id + 1, terms, self.now)
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
        left, total = terms.quote_quantity, 0
        is_buy = terms.side is Side.BUY
        empty = True
        besides = None if terms.self_trade is SelfTrade.NONE else account
        for price, steps in instrument.book.matches(is_buy, -NO_LIMIT, besides):
            empty = False
            affordable = left // (price * instrument.quote_unit)
            total += min(affordable, steps)
            left -= min(affordable, steps) * price * instrument.quote_unit
            if affordable < steps:
                break
        else:
            if empty:
                raise refusal.order_rejected("Order book liquidity is less than symbol minimum quantity.")
            if total < self._limits[instrument.symbol.name].min_steps:
                raise refusal.order_rejected("Order book liquidity is less than `LOT_SIZE` filter minimum quantity.")
            total += 1
        if total < self._limits[instrument.symbol.name].min_steps:
            raise refusal.filter_failure("LOT_SIZE")
        return with_quantity(terms, total)

    # The ledger.

    def _need(self, instrument: Instrument[SpotOrder], order: SpotOrder) -> tuple[Balance, int]:
        """Return what `order` locks while it waits or rests."""
        if order.is_buy:
            return order.quote, (order.price or order.stop_price) * order.remaining * instrument.quote_unit
        return order.base, order.remaining * instrument.base_unit

    def _cost(self, instrument: Instrument[SpotOrder], order: SpotOrder) -> tuple[Balance, int]:
        """Return what a market `order` will pay, as the book is."""
        if not order.is_buy and not order.quote_quantity:
            return order.base, order.remaining * instrument.base_unit
        left, quote = order.remaining, 0
        for price, steps in instrument.book.matches(order.is_buy, order.limit_key, order.besides):
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

    def _hold(self, instrument: Instrument[SpotOrder], order: SpotOrder) -> None:
        if order.account.unbounded:
            return
        balance, amount = self._need(instrument, order)
        balance.free -= amount
        balance.locked += amount
        self._touched[balance] = None

    def _release(self, instrument: Instrument[SpotOrder], order: SpotOrder) -> None:
        if order.account.unbounded:
            return
        balance, amount = self._need(instrument, order)
        balance.locked -= amount
        balance.free += amount
        self._touched[balance] = None

    def _settle(self, instrument: Instrument[SpotOrder], taker: SpotOrder, maker: SpotOrder, trade: Trade) -> None:
        base, quote = trade.quantity * instrument.base_unit, trade.quote
        for order, rate, is_maker in ((maker, instrument.maker_rate, True), (taker, instrument.taker_rate, False)):
            if order.is_buy:
                received, paid, gain, loss = order.base, order.quote, base, quote
            else:
                received, paid, gain, loss = order.quote, order.base, quote, base
            fee = gain * rate // RATE_ONE
            received.free += gain - fee
            self.fees[received.asset] = self.fees.get(received.asset, 0) + fee
            if order.account.unbounded:
                paid.free -= loss
                continue
            if is_maker:
                paid.locked -= loss
            else:
                paid.free -= loss
            self._touched[paid] = None
            self._touched[received] = None
            self._tell_fill(order, trade, commission=fee, asset=received.asset, is_maker=is_maker)

    def _drop(self, account: SpotAccount) -> None:
        for balance in account.balances.values():
            self.deposited[balance.asset] = self.deposited.get(balance.asset, 0) - balance.free - balance.locked
            self._touched.pop(balance, None)

    # Storing and restoring.

    def _export_holdings(self, state: State) -> State:
        balances = [balance for account in self._accounts.values() for balance in account.balances.values()]
        rows = tuple(balance.row() for balance in balances if balance.free or balance.locked)
        return msgspec.structs.replace(state, balances=rows, fees=dict(self.fees))

    def _restore_holdings(self, state: State) -> None:
        self.fees = dict(state.fees)
        for row in state.balances:
            balance = self._accounts[row.account].balance(row.asset)
            balance.free, balance.locked = row.free, row.locked
        self.deposited = self.held()

    def _restore_hold(self, instrument: Instrument[SpotOrder], order: SpotOrder) -> None:
        """What it locks is in the balance, which `_check_holdings` compares."""

    def _check_holdings(self, freed: Set[str]) -> None:
        needs: dict[Balance, int] = {}
        for order in self._orders.values():
            balance, amount = self._need(self._instruments[order.symbol], order)
            needs[balance] = needs.get(balance, 0) + amount
        for account in self._accounts.values():
            for balance in account.balances.values():
                surplus = balance.locked - needs.get(balance, 0)
                if surplus > 0 and account.name in freed:
                    balance.locked -= surplus
                    balance.free += surplus
                elif surplus:
                    raise ValueError(
                        f"expected {needs.get(balance, 0)} of {balance.asset} locked for the orders of "
                        f"{account.name!r}, was {balance.locked}"
                    )

    def held(self) -> dict[str, int]:
        """Return, by asset, all balances and the fees: it must equal `deposited`."""
        total = dict(self.fees)
        for account in self._accounts.values():
            for balance in account.balances.values():
                total[balance.asset] = total.get(balance.asset, 0) + balance.free + balance.locked
        return total

    def _account_changes(self) -> list[AccountChange]:
        rows: dict[str, list[BalanceRow]] = {}
        for balance in self._touched:
            rows.setdefault(balance.account, []).append(balance.row())
            balance.change = 0
        self._touched.clear()
        reason, self._reason = self._reason, Reason.ORDER
        return [AccountChange(account, self.now, reason, tuple(changed)) for account, changed in rows.items()]
