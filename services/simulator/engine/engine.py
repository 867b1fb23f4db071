"""The commands that spot and futures have in common: place, cancel, requote, take."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Generic

import msgspec

from services.simulator.engine import refusal
from services.simulator.engine.book import O
from services.simulator.engine.events import AccountClosed, Outcome
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.quotes import Quotes
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.registry import A
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.storing import StoredRegistry
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import Execution, OrderStatus, OrderTerms, OrderType, Side, TimeInForce


class Replaced(msgspec.Struct, frozen=True):
    """What came of a cancel-replace: each half's outcome or refusal; `placed` is None when it was not attempted."""

    cancelled: Outcome | Refusal
    placed: Outcome | Refusal | None


class Engine(StoredRegistry[O, A], Generic[O, A]):
    """An exchange of several symbols.

    Its time is what `advance` was last told. Every command answers with an `Outcome`, or raises `Refusal` and has
    changed nothing.
    """

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        super().__init__(symbols)
        self._quotes: dict[tuple[str, str], Quotes[O]] = {}

    @abstractmethod
    def _admit(self, account: A, instrument: Instrument[O], request: NewOrder) -> O:
        """Return the order that `request` asks for, or raise why it is refused."""

    # Orders.

    def place(self, request: NewOrder) -> Outcome:
        """Place an order, execute what can trade at once, and whatever that triggers.

        Raises:
            Refusal: as Binance refuses it.
        """
        account, instrument = self._account(request.account), self._instrument(request.symbol)
        order = self._admit(account, instrument, request)
        if order.stop_price:
            self._tell(order, Execution.NEW)
            self._await(instrument, order)
        else:
            self._start_working(order)
            self._tell(order, Execution.NEW)
            self._execute(instrument, order)
            self._fire(instrument)
        return self._finish(order)

    def cancel(
        self,
        account: str,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        request_id: str = "",
    ) -> Outcome:
        """Cancel an open order, found by `order_id`, which a `client_order_id` then must fit, or by that alone.

        Raises:
            Refusal: -2011 if there is no such open order.
        """
        instrument = self._instrument(symbol)
        order = self._find(account, symbol, order_id, client_order_id)
        if order is None:
            raise refusal.unknown_order()
        self._cancel(instrument, order, request_id)
        return self._finish(order)

    def cancel_all(self, account: str, symbol: str) -> Outcome:
        """Cancel all open orders of an account on a symbol; none is no error here."""
        self._instrument(symbol)
        self._cancel_all(self._account(account), symbol)
        return self._finish()

    def cancel_replace(
        self,
        request: NewOrder,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        go_on: bool = False,
    ) -> Replaced:
        """Cancel an order and place another; with `go_on` (ALLOW_FAILURE) also when the cancellation is refused."""
        cancelled: Outcome | Refusal
        try:
            cancelled = self.cancel(request.account, request.symbol, order_id=order_id, client_order_id=client_order_id)
        except Refusal as refused:
            cancelled = refused
            if not go_on:
                return Replaced(cancelled, None)
        try:
            return Replaced(cancelled, self.place(request))
        except Refusal as refused:
            return Replaced(cancelled, refused)

    # Synthetic participants.

    def requote(
        self, account: str, symbol: str, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]
    ) -> Outcome:
        """Make the quotes of an unbounded account exactly those levels of (price in ticks, quantity in steps).

        Only what differs is touched. A quote that shrinks keeps its place; one that grows goes behind the orders of
        others at its price. New quotes that cross others' orders trade with them first.

        Raises:
            ValueError: if the account is not unbounded, or the highest bid is not below the lowest ask.
        """
        owner, instrument = self._unbounded(account), self._instrument(symbol)
        wanted_bids, wanted_asks = dict(bids), dict(asks)
        if wanted_bids and wanted_asks and max(wanted_bids) >= min(wanted_asks):
            raise ValueError(f"expected bids below asks, was {max(wanted_bids)} against {min(wanted_asks)}")
        self._touched_books[instrument] = None
        quotes = self._quotes.setdefault((account, symbol), Quotes(instrument.book))
        missing = quotes.withdraw_all_but(wanted_bids, wanted_asks)
        for side, price, steps in missing:
            terms = OrderTerms(side, OrderType.LIMIT, TimeInForce.GTC, price, steps)
            order = self._new_order(owner, instrument, terms)
            self._start_working(order)
            if instrument.book.crosses(order):
                self._match(instrument, order)
            if order.remaining:
                instrument.book.side(order.is_buy).add(order)
                quotes.add(order)
        self._fire(instrument)
        return self._finish()

    def take(self, account: str, symbol: str, side: Side, steps: int, price: int = 0) -> Outcome:
        """Let an unbounded account buy or sell at market, or up to `price` in ticks; what does not trade is dropped.

        Raises:
            ValueError: if the account is not unbounded.
        """
        owner, instrument = self._unbounded(account), self._instrument(symbol)
        terms = OrderTerms(side, OrderType.LIMIT if price else OrderType.MARKET, TimeInForce.IOC, price, steps)
        order = self._new_order(owner, instrument, terms)
        self._start_working(order)
        self._execute(instrument, order)
        self._fire(instrument)
        return self._finish()

    # Accounts.

    def close_account(self, name: str) -> Outcome:
        """Cancel all orders of an account and forget it, with all that it has.

        Raises:
            ValueError: if it is unbounded.
        """
        account = self._account(name)
        if account.unbounded:
            raise ValueError(f"expected a user's account, was {name!r}")
        for symbol in list(account.open):
            self._cancel_all(account, symbol)
        self._drop(account)
        del self._accounts[name]
        self._events.append(AccountClosed(name, self.now))
        return self._finish()

    # Within.

    def _await(self, instrument: Instrument[O], order: O) -> None:
        self._hold(instrument, order)
        self._register(order)
        instrument.wait(order)

    def _cancel(self, instrument: Instrument[O], order: O, request_id: str) -> None:
        self._withdraw(instrument, order)
        order.status = OrderStatus.CANCELED
        self._tell(order, Execution.CANCELED, request_id=request_id)

    def _cancel_all(self, account: A, symbol: str) -> None:
        instrument = self._instruments[symbol]
        for order_id in sorted(order.id for order in account.open.get(symbol, {}).values()):
            self._cancel(instrument, self._orders[order_id], "")
