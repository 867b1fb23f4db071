"""The money of the futures exchange: what fills and funding move in wallets and positions, and who must be told."""

from collections.abc import Iterable, Mapping, Set
from decimal import Decimal

import msgspec

from services.simulator.engine.engine import Engine
from services.simulator.engine.events import (
    AccountChange,
    BalanceRow,
    Income,
    IncomeKind,
    Outcome,
    PositionRow,
    Reason,
    Trade,
)
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.order import Account
from services.simulator.engine.positions import Exposure, FuturesAccount, FuturesOrder, Position, Wallet
from services.simulator.engine.records import State
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import Execution, OrderStatus
from services.simulator.engine.units import RATE_ONE, to_units, toward_zero


class FuturesLedger(Engine[FuturesOrder, FuturesAccount]):
    """The part of the futures exchange that books. See `FuturesEngine`."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        super().__init__(symbols)
        self._touched_wallets: dict[Wallet, None] = {}
        self._touched_positions: dict[Position, None] = {}
        self._reason = Reason.ORDER
        self.abandoned: dict[str, tuple[int, int]] = {}

    def balances(self, account: str) -> tuple[BalanceRow, ...]:
        """Return all wallet balances of an account."""
        return tuple(_balance_row(wallet) for wallet in self._account(account).wallets.values())

    def set_balances(self, account: str, totals: Mapping[str, int]) -> Outcome:
        """Transfer in or out until the wallets hold `totals` (asset to units), whatever margin that leaves."""
        owner = self._account(account)
        self._reason = Reason.DEPOSIT
        for asset, total in totals.items():
            wallet = owner.wallet(asset)
            change = total - wallet.balance
            wallet.balance = total
            self.deposited[asset] = self.deposited.get(asset, 0) + change
            if not owner.unbounded:
                wallet.change = change
                self._touched_wallets[wallet] = None
                self._tell_income(owner, "", IncomeKind.TRANSFER, asset, amount=change)
        return self._finish()

    def apply_funding(self, symbol: str, rate: Decimal, funding_time: int, mark: int = 0) -> Outcome:
        """Let longs pay shorts `rate` of their notional value, or the reverse if it is negative.

        The mark price is `mark` in ticks, the present one if that is 0. Each payment is rounded toward zero; the
        difference is the exchange's. Does nothing for a `funding_time` (milliseconds) that is not after the last one of
        this symbol, so that it may safely be repeated after a restart.
        """
        instrument = self._instrument(symbol)
        if funding_time <= instrument.funding_time:
            return self._finish()
        instrument.funding_time = funding_time
        self._reason = Reason.FUNDING_FEE
        units = to_units(rate)
        for account in self._accounts.values():
            exposure = account.exposures.get(symbol)
            if exposure is not None:
                mark_quote = mark * instrument.quote_unit or exposure.mark_quote
                self._fund(account, exposure, rate=units, mark_quote=mark_quote, time=funding_time)
        return self._finish()

    def _fund(self, account: FuturesAccount, exposure: Exposure, *, rate: int, mark_quote: int, time: int) -> None:
        asset = exposure.instrument.symbol.quote
        for position in exposure.positions.values():
            payment = toward_zero(-position.quantity * mark_quote * rate, RATE_ONE)
            if not payment:
                continue
            wallet = account.wallet(asset)
            wallet.balance += payment
            self._earn(asset, -payment)
            if not account.unbounded:
                wallet.change += payment
                self._touched_wallets[wallet] = None
                self._tell_income(account, position.symbol, IncomeKind.FUNDING_FEE, asset, amount=payment, time=time)

    def _earn(self, asset: str, amount: int) -> None:
        self.fees[asset] = self.fees.get(asset, 0) + amount

    def _hold(self, instrument: Instrument[FuturesOrder], order: FuturesOrder) -> None:
        self._count(order, 1)

    def _release(self, instrument: Instrument[FuturesOrder], order: FuturesOrder) -> None:
        self._count(order, -1)

    def _count(self, order: FuturesOrder, sign: int) -> None:
        """Count an order that comes onto the book (1) or leaves it (-1). Waiting ones need no margin."""
        if order.account.unbounded or not order.working:
            return
        if not order.reduce_only:
            self._count_notional(order, sign * order.notional)
        elif sign > 0:
            order.position.reducers[order.id] = order
        else:
            order.position.reducers.pop(order.id, None)

    def _count_notional(self, order: FuturesOrder, notional: int) -> None:
        if order.is_buy:
            order.exposure.bids += notional
        else:
            order.exposure.asks += notional

    def _settle(
        self, instrument: Instrument[FuturesOrder], taker: FuturesOrder, maker: FuturesOrder, trade: Trade
    ) -> None:
        step_quote = trade.price * instrument.quote_unit
        asset = instrument.symbol.quote
        for order, rate, is_maker in ((maker, instrument.maker_rate, True), (taker, instrument.taker_rate, False)):
            position = order.position
            profit = position.apply(trade.quantity if order.is_buy else -trade.quantity, step_quote)
            fee = trade.quote * rate // RATE_ONE
            order.wallet.balance += profit - fee
            self._earn(asset, fee)
            if order.account.unbounded:
                continue
            position.updated = self.now
            self._touched_wallets[order.wallet] = None
            self._touched_positions[position] = None
            if is_maker and not order.reduce_only:
                self._count_notional(order, -trade.quote)
            elif is_maker and not order.remaining:
                position.reducers.pop(order.id, None)
            self._tell_fill(order, trade, commission=fee, asset=asset, is_maker=is_maker, realized=profit)
            self._tell_incomes(order, trade, profit=profit, fee=fee)
            if position.reducers:
                self._shrink_reducers(instrument, position)

    def _shrink_reducers(self, instrument: Instrument[FuturesOrder], position: Position) -> None:
        """Cut the reduce-only orders that have become greater than what they may close."""
        for order in list(position.reducers.values()):
            excess = order.remaining - position.closable(order.is_buy)
            if excess <= 0:
                continue
            if excess == order.remaining:
                self._withdraw(instrument, order)
                order.status = OrderStatus.EXPIRED
                self._tell(order, Execution.EXPIRED, reason="no position left to reduce")
            else:
                instrument.book.side(order.is_buy).reduce(order, excess)
                order.quantity -= excess
                self._tell(order, Execution.AMENDMENT, reason="reduced with the position")

    def _drop(self, account: FuturesAccount) -> None:
        for wallet in account.wallets.values():
            self.deposited[wallet.asset] = self.deposited.get(wallet.asset, 0) - wallet.balance
            self._touched_wallets.pop(wallet, None)
        for exposure in account.exposures.values():
            for position in exposure.positions.values():
                quantity, cost = self.abandoned.get(position.symbol, (0, 0))
                self.abandoned[position.symbol] = (quantity + position.quantity, cost + position.cost)
                self._touched_positions.pop(position, None)

    def _tell_incomes(self, order: FuturesOrder, trade: Trade, *, profit: int, fee: int) -> None:
        for kind, amount in ((IncomeKind.REALIZED_PNL, profit), (IncomeKind.COMMISSION, -fee)):
            if amount:
                self._tell_income(
                    order.account, order.symbol, kind, order.wallet.asset, amount=amount, trade_id=trade.trade_id
                )

    def _tell_income(
        self,
        account: Account,
        symbol: str,
        kind: IncomeKind,
        asset: str,
        *,
        amount: int,
        trade_id: int = -1,
        time: int | None = None,
    ) -> None:
        self._last_tran_id += 1
        moment = self.now if time is None else time
        self._events.append(Income(account.name, symbol, kind, asset, amount, moment, self._last_tran_id, trade_id))

    # Storing and restoring.

    def _export_holdings(self, state: State) -> State:
        accounts = self._accounts.values()
        wallets = [account.wallets[asset] for account in accounts for asset in sorted(account.wallets)]
        exposures = [account.exposures[symbol] for account in accounts for symbol in sorted(account.exposures)]
        positions = [position for exposure in exposures for position in exposure.positions.values()]
        return msgspec.structs.replace(
            state,
            balances=tuple(_balance_row(wallet) for wallet in wallets),
            positions=tuple(self._position_row(p) for p in positions if p.quantity or p.realized),
            fees=dict(self.fees),
            abandoned=dict(self.abandoned),
        )

    def _restore_holdings(self, state: State) -> None:
        self.fees, self.abandoned = dict(state.fees), dict(state.abandoned)
        for settings in state.accounts:
            account = self._accounts[settings.account]
            account.hedge = settings.hedge
            for symbol, leverage in settings.leverages.items():
                if symbol in self._instruments:
                    account.exposure(self._instruments[symbol]).leverage = leverage
        for balance in state.balances:
            self._accounts[balance.account].wallet(balance.asset).balance = balance.free
        for row in state.positions:
            if row.symbol in self._instruments:
                exposure = self._accounts[row.account].exposure(self._instruments[row.symbol])
                position = exposure.positions[row.position_side]
                position.quantity, position.cost = row.quantity, row.cost
                position.realized, position.updated = row.realized, row.updated
        self.deposited = self.held()

    def _restore_hold(self, instrument: Instrument[FuturesOrder], order: FuturesOrder) -> None:
        self._hold(instrument, order)

    def _check_holdings(self, freed: Set[str]) -> None:
        """Wallets lock nothing."""

    def held(self) -> dict[str, int]:
        """Return, by asset, all wallets less the cost of all positions, and the fees."""
        total = dict(self.fees)
        for account in self._accounts.values():
            for wallet in account.wallets.values():
                total[wallet.asset] = total.get(wallet.asset, 0) + wallet.balance
            for exposure in account.exposures.values():
                asset = exposure.instrument.symbol.quote
                total[asset] = total.get(asset, 0) - sum(p.cost for p in exposure.positions.values())
        for symbol, (_, cost) in self.abandoned.items():
            if symbol in self._instruments:
                asset = self._instruments[symbol].symbol.quote
                total[asset] = total.get(asset, 0) - cost
        return total

    def _position_row(self, position: Position) -> PositionRow:
        instrument = self._instruments[position.symbol]
        return position.row((instrument.mark or instrument.last_price) * instrument.quote_unit)

    def _account_changes(self) -> list[AccountChange]:
        balances: dict[str, list[BalanceRow]] = {}
        positions: dict[str, list[PositionRow]] = {}
        for wallet in self._touched_wallets:
            balances.setdefault(wallet.account, []).append(_balance_row(wallet))
            wallet.change = 0
        for position in self._touched_positions:
            positions.setdefault(position.account, []).append(self._position_row(position))
        self._touched_wallets.clear()
        self._touched_positions.clear()
        reason, self._reason = self._reason, Reason.ORDER
        return [
            AccountChange(account, self.now, reason, tuple(rows), tuple(positions.get(account, ())))
            for account, rows in balances.items()
        ]


def _balance_row(wallet: Wallet) -> BalanceRow:
    return BalanceRow(wallet.account, wallet.asset, wallet.balance, 0, wallet.change)
