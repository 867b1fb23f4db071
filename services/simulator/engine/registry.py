"""The symbols and accounts of an engine: what is there, looked up and told; the commands are `engine.Engine`'s."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

import msgspec

from services.simulator.engine import refusal
from services.simulator.engine.book import O
from services.simulator.engine.events import AccountChange, AccountRow, Event, OrderRow, Outcome, SettingsChange
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.matching import Matching
from services.simulator.engine.order import Account
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import OrderTerms
from services.simulator.engine.units import ONE

A = TypeVar("A", bound=Account)


class Depth(msgspec.Struct, frozen=True):
    """A book as it stands: (price, quantity) best first, and the id of its last change."""

    last_update_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


class Registry(Matching[O], Generic[O, A]):
    """The symbols that are traded and the accounts that trade them.

    Attributes:
        fees: what the exchange has earned, by asset.
        deposited: what came in from outside and has not left again, by asset.
    """

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        super().__init__()
        self._instruments: dict[str, Instrument[O]] = {symbol.name: Instrument(symbol) for symbol in symbols}
        self._accounts: dict[str, A] = {}
        self._last_order_id = 0
        self._last_tran_id = 0
        self.fees: dict[str, int] = {}
        self.deposited: dict[str, int] = {}

    # What spot and futures do in their own way.

    @abstractmethod
    def _new_account(self, name: str, unbounded: bool) -> A: ...

    @abstractmethod
    def _new_order(self, account: A, instrument: Instrument[O], terms: OrderTerms) -> O: ...

    @abstractmethod
    def _drop(self, account: A) -> None:
        """Take everything out of an account that has no open orders, before it is forgotten."""

    @abstractmethod
    def _account_changes(self) -> Iterable[AccountChange]:
        """Return what changed of the accounts since the last call."""

    # Time and accounts.

    def advance(self, now: int) -> None:
        """Set the time, in milliseconds since the epoch; it never goes back."""
        self.now = max(self.now, now)

    def open_account(self, name: str, *, unbounded: bool = False) -> Outcome:
        """Open an account; `unbounded` is for synthetic participants.

        Raises:
            ValueError: if there is one of this name.
        """
        if name in self._accounts:
            raise ValueError(f"expected a new account name, was {name!r}")
        self._accounts[name] = self._new_account(name, unbounded)
        if not unbounded:
            self._events.append(SettingsChange(self._settings(name), self.now))
        return self._finish()

    def accounts(self) -> tuple[str, ...]:
        """Return the names of all accounts."""
        return tuple(self._accounts)

    def _settings(self, name: str) -> AccountRow:
        return AccountRow(name, self._accounts[name].unbounded)

    # Looking up.

    def order(
        self, account: str, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> OrderRow:
        """Return an open order; ended ones are the caller's to keep.

        Raises:
            Refusal: -2013 if there is no such open order.
        """
        self._instrument(symbol)
        order = self._find(account, symbol, order_id, client_order_id)
        if order is None or order.row is None:
            raise refusal.no_such_order()
        return order.row

    def open_orders(self, account: str, symbol: str | None = None) -> tuple[OrderRow, ...]:
        """Return the open orders of an account, on one symbol or on all, oldest first.

        Raises:
            Refusal: -1121 for an unknown symbol.
        """
        if symbol is not None:
            self._instrument(symbol)
        by_symbol = self._account(account).open
        chosen = by_symbol.values() if symbol is None else [by_symbol.get(symbol, {})]
        rows = [order.row for orders in chosen for order in orders.values() if order.row is not None]
        return tuple(sorted(rows, key=lambda row: row.order_id))

    def depth(self, symbol: str, limit: int) -> Depth:
        """Return the best `limit` levels of each side.

        Raises:
            Refusal: -1121 for an unknown symbol.
        """
        book = self._instrument(symbol).book
        return Depth(book.update_id, *book.depth(limit))

    def last_price(self, symbol: str) -> int:
        """Return the last price in ticks, 0 before the first trade."""
        return self._instrument(symbol).last_price

    def set_last_price(self, symbol: str, ticks: int) -> None:
        """Note the price of a trade that was made elsewhere; what it triggers is executed with the next command."""
        instrument = self._instrument(symbol)
        instrument.last_price = ticks
        instrument.low, instrument.high = min(instrument.low or ticks, ticks), max(instrument.high, ticks)

    def average_price(self, symbol: str) -> int:
        """Return the average price of the last minutes in units of the quote asset, the last price when none traded."""
        ratio = self._instrument(symbol).average_ratio(self.now)
        return ratio[0] * ONE // ratio[1] if ratio else 0

    @property
    def symbols(self) -> Mapping[str, Symbol]:
        """The symbols by name."""
        return {name: instrument.symbol for name, instrument in self._instruments.items()}

    # Adding up.

    @abstractmethod
    def held(self) -> dict[str, int]:
        """Return, by asset, what all accounts and the exchange have."""

    def imbalance(self) -> dict[str, int]:
        """Return, by asset, how much more there is than was deposited: nothing, if nothing was ever lost or made."""
        held = self.held()
        gaps = {asset: held.get(asset, 0) - self.deposited.get(asset, 0) for asset in held | self.deposited}
        return {asset: gap for asset, gap in gaps.items() if gap}

    # Within.

    def _account(self, name: str) -> A:
        account = self._accounts.get(name)
        if account is None:
            raise Refusal(-2015, "Invalid API-key, IP, or permissions for action.")
        return account

    def _unbounded(self, name: str) -> A:
        account = self._accounts[name]
        if not account.unbounded:
            raise ValueError(f"expected an unbounded account, was {name!r}")
        return account

    def _instrument(self, symbol: str) -> Instrument[O]:
        instrument = self._instruments.get(symbol)
        if instrument is None:
            raise refusal.invalid_symbol()
        return instrument

    def _find(self, account: str, symbol: str, order_id: int | None, client_order_id: str | None) -> O | None:
        owner = self._account(account)
        if order_id is None:
            if client_order_id is None:
                raise Refusal(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
            named = owner.open.get(symbol, {}).get(client_order_id)
            order_id = named.id if named else 0
        order = self._orders.get(order_id)
        if order is None or order.account is not owner or order.symbol != symbol:
            return None
        return order if client_order_id in {None, order.client_order_id} else None

    def _next_order_id(self) -> int:
        self._last_order_id += 1
        return self._last_order_id

    def _finish(self, order: O | None = None) -> Outcome:
        events = self._events
        events.extend(self._account_changes())
        for instrument in self._touched_books:
            change = instrument.book.take_change(self.now)
            if change is not None:
                events.append(change)
        self._touched_books.clear()
        told: tuple[Event, ...] = tuple(events)
        events.clear()
        return Outcome(told, order.row if order is not None else None)
