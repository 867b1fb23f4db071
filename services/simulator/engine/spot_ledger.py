"""The money of the spot exchange: free and locked balances, what fills move in them, and who must be told."""

from collections.abc import Iterable, Mapping, Set

import msgspec

from services.simulator.engine.engine import Engine
from services.simulator.engine.events import AccountChange, BalanceRow, Outcome, Reason, Trade
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.order import Account, Order
from services.simulator.engine.records import State
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import OrderTerms
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


class SpotLedger(Engine[SpotOrder, SpotAccount]):
    """The part of the spot exchange that books. See `SpotEngine`."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        super().__init__(symbols)
        self._touched: dict[Balance, None] = {}
        self._reason = Reason.ORDER

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

    def _need(self, instrument: Instrument[SpotOrder], order: SpotOrder) -> tuple[Balance, int]:
        """Return what `order` locks while it waits or rests."""
        if order.is_buy:
            return order.quote, (order.price or order.stop_price) * order.remaining * instrument.quote_unit
        return order.base, order.remaining * instrument.base_unit

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
        accounts = self._accounts.values()
        balances = [account.balances[asset] for account in accounts for asset in sorted(account.balances)]
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
        """Return, by asset, all balances and the fees."""
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
