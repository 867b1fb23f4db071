"""Storing an engine's state as rows, and building it again from them."""

from abc import abstractmethod
from collections.abc import Set
from typing import Generic

from services.simulator.engine.book import O
from services.simulator.engine.events import OrderRow
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.order import restore_progress, terms_of
from services.simulator.engine.records import Counters, InstrumentRow, State
from services.simulator.engine.registry import A, Registry


class StoredRegistry(Registry[O, A], Generic[O, A]):
    """A registry whose state can be exported and restored."""

    @abstractmethod
    def _export_holdings(self, state: State) -> State:
        """Return `state` with all balances, positions and fees."""

    @abstractmethod
    def _restore_holdings(self, state: State) -> None:
        """Take over balances, positions and fees, before the orders."""

    @abstractmethod
    def _restore_hold(self, instrument: Instrument[O], order: O) -> None:
        """Count an order that was restored; what it locks is in the balances already."""

    @abstractmethod
    def _check_holdings(self, freed: Set[str]) -> None:
        """Raise ValueError if what is set aside is not what the restored orders need; free it for accounts in
        `freed`."""

    def counters(self) -> Counters:
        """Return the last ids that were given."""
        return Counters(self._last_order_id, self._last_execution_id, self._last_priority, self._last_tran_id)

    def instrument_row(self, symbol: str) -> InstrumentRow:
        """Return the last ids and prices of a symbol."""
        one = self._instruments[symbol]
        return InstrumentRow(
            symbol,
            one.last_trade_id,
            one.last_aggregate_id,
            one.book.update_id,
            one.last_price,
            one.mark,
            one.funding_time,
        )

    def export(self) -> State:
        """Return the state as rows. Orders come in their order of arrival."""
        rows = [order.row for order in self._orders.values() if order.row is not None]
        state = State(
            now=self.now,
            counters=self.counters(),
            instruments=tuple(self.instrument_row(symbol) for symbol in self._instruments),
            accounts=tuple(self._settings(name) for name in self._accounts),
            orders=tuple(sorted(rows, key=lambda row: (row.priority, row.order_id))),
        )
        return self._export_holdings(state)

    def restore(self, state: State) -> tuple[OrderRow, ...]:
        """Build the state again, in an engine that was just made.

        Orders and positions of symbols that are not offered are left out; what such orders locked is free again.
        Returns those orders.

        Raises:
            ValueError: if an account is used already, or the locked balances are not what the orders need.
        """
        self.advance(state.now)
        for settings in state.accounts:
            self.open_account(settings.account, unbounded=settings.unbounded)
        for row in state.instruments:
            if row.symbol in self._instruments:
                self._restore_instrument(row)
        self._restore_holdings(state)
        left_out = tuple(row for row in state.orders if row.symbol not in self._instruments)
        for order_row in sorted(state.orders, key=lambda row: (row.priority, row.order_id)):
            if order_row.symbol in self._instruments:
                self._restore_order(order_row)
        self._check_holdings({row.account for row in left_out})
        for instrument in self._instruments.values():
            update_id = instrument.book.update_id
            instrument.book.take_change(self.now)
            instrument.book.update_id = update_id
        counters = state.counters
        self._last_order_id, self._last_execution_id = counters.order_id, counters.execution_id
        self._last_priority, self._last_tran_id = counters.priority, counters.tran_id
        return left_out

    def skip_ids(self, symbol: str, *, order_id: int = 0, trade_id: int = 0, update_id: int = 0) -> None:
        """Never give ids up to these again, e.g. after a restart from a store that did not see every synthetic trade.

        `trade_id` holds for aggregate ids as well.
        """
        one = self._instruments[symbol]
        self._last_order_id = max(self._last_order_id, order_id)
        one.last_trade_id = max(one.last_trade_id, trade_id)
        one.last_aggregate_id = max(one.last_aggregate_id, trade_id)
        one.book.update_id = max(one.book.update_id, update_id)

    def _restore_instrument(self, row: InstrumentRow) -> None:
        one = self._instruments[row.symbol]
        one.last_trade_id, one.last_aggregate_id = row.trade_id, row.aggregate_id
        one.book.update_id = row.update_id
        one.last_price = one.low = one.high = row.last_price
        one.mark, one.funding_time = row.mark, row.funding_time

    def _restore_order(self, row: OrderRow) -> None:
        account, instrument = self._accounts[row.account], self._instruments[row.symbol]
        terms = terms_of(row)
        self._last_order_id = row.order_id - 1
        order = self._new_order(account, instrument, terms)
        restore_progress(order, row)
        self._register(order)
        if order.working:
            instrument.book.side(order.is_buy).add(order)
        else:
            instrument.wait(order)
        self._restore_hold(instrument, order)
