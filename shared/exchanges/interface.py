"""The exchanges as the services see them: our names, our structs, no trace of the library beneath.

Connectors and pairs have the names of the catalogue (`binance_perpetual`, `BTC-USDT`). Prices and amounts of orders and
balances are decimals; those of books and tickers are doubles, observations. Amounts are in base units, also where the
exchange counts contracts. Times are Unix seconds where they are doubles, else Unix milliseconds (`…_ms`).
Every method may raise `shared.exchanges.errors.ExchangeError`.
"""

from collections.abc import AsyncIterator
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

from shared.contracts.marketdata import LiveBook, LiveTicker, TradingRule
from shared.contracts.portfolio import OrderType, PositionAction, TradeType


class VenueStatus(StrEnum):
    """An order's state as the exchange tells it."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"  # by its user, or ended by the exchange (expired, IOC rest)
    REJECTED = "rejected"


class AssetBalance(msgspec.Struct, frozen=True):
    """What an account has of an asset: all of it, and what is not locked."""

    token: str
    total: Decimal
    available: Decimal


class OrderRequest(msgspec.Struct, frozen=True):
    """An order to send, in amounts that keep to the rules.

    `sent_ms` signs the request, by our clock: the exchange refuses it when it arrives `receive_window_ms` later than
    that. Exchanges without such a window ignore it (see `TradingAccount.has_receive_window`).
    """

    client_order_id: str
    trading_pair: str
    trade_type: TradeType
    order_type: OrderType
    amount: Decimal
    price: Decimal | None
    position_action: PositionAction
    sent_ms: int
    receive_window_ms: int


class Fee(msgspec.Struct, frozen=True):
    """A fee: how much of what."""

    amount: Decimal
    currency: str


class VenueTrade(msgspec.Struct, frozen=True):
    """One fill. `trade_id` is the exchange's, unique within a pair of an account."""

    trade_id: str
    trading_pair: str
    exchange_order_id: str
    client_order_id: str | None
    trade_type: TradeType
    price: Decimal
    amount: Decimal
    fee: Fee | None
    at_ms: int


class VenueOrder(msgspec.Struct, frozen=True):
    """An order as the exchange has it. `average_price` is None before the first fill."""

    exchange_order_id: str
    client_order_id: str | None
    trading_pair: str
    trade_type: TradeType
    order_type: OrderType | None
    status: VenueStatus
    amount: Decimal
    price: Decimal | None
    filled: Decimal
    average_price: Decimal | None
    updated_ms: int


class KeyRights(msgspec.Struct, frozen=True):
    """What keys may do; None where the exchange does not say."""

    can_trade: bool | None
    can_withdraw: bool | None


class AccountUpdate(msgspec.Struct, frozen=True):
    """What a user stream has brought.

    `balances` are the ones named, not all. `resync` says that the stream was interrupted: what happened meanwhile has
    to be asked for.
    """

    orders: tuple[VenueOrder, ...] = ()
    trades: tuple[VenueTrade, ...] = ()
    balances: tuple[AssetBalance, ...] = ()
    resync: bool = False


class Market(Protocol):
    """One exchange without keys; one of each connector in a process, shared by all."""

    @property
    def connector(self) -> str: ...

    async def rules(self) -> dict[str, TradingRule]:
        """Return the trading rules of every active pair; loaded once, off the loop, and renewed now and then."""
        ...

    def order_types(self) -> tuple[OrderType, ...]:
        """Return the order types that the exchange takes."""
        ...

    async def fetch_book(self, trading_pair: str, depth: int) -> LiveBook:
        """Ask for a book of at least `depth` levels a side, where the exchange has them."""
        ...

    async def fetch_tickers(self, trading_pairs: tuple[str, ...] | None = None) -> dict[str, LiveTicker]:
        """Ask for the tickers of pairs, or of all."""
        ...

    def watch_book(self, trading_pair: str) -> AsyncIterator[LiveBook]:
        """Follow a book: its state after each update, complete as far as the exchange streams it.

        Ends with an ExchangeError when the stream breaks; the caller starts it again with a back-off.
        """
        ...

    def watch_tickers(self, trading_pairs: tuple[str, ...]) -> AsyncIterator[LiveTicker]:
        """Follow the tops of books; ends like `watch_book`."""
        ...

    async def server_ms(self) -> int:
        """Return the exchange's clock."""
        ...

    async def close(self) -> None:
        """End all connections."""
        ...


class TradingAccount(Protocol):
    """One account on one exchange, with its keys; made by `shared.exchanges.registry.Exchanges`."""

    @property
    def connector(self) -> str: ...

    @property
    def has_receive_window(self) -> bool:
        """Whether the exchange refuses a request that arrives later than `receive_window_ms` after `sent_ms`."""
        ...

    @property
    def market(self) -> Market: ...

    async def check(self) -> KeyRights:
        """Ask the exchange something that only right keys may; return what they may do.

        Raises:
            KeysRefused: if the exchange says that the keys are wrong.
        """
        ...

    async def balances(self) -> tuple[AssetBalance, ...]:
        """Ask for all balances that are not zero."""
        ...

    async def place(self, order: OrderRequest) -> VenueOrder:
        """Send an order, once.

        Raises:
            NotDone: if it is certain that the order does not exist (`Refused` with the reason).
            OutcomeUnknown: if it may exist.
        """
        ...

    async def cancel(self, trading_pair: str, client_order_id: str, exchange_order_id: str | None) -> None:
        """Ask for an order's end.

        Raises:
            OrderNotKnown: if it is not open.
            OutcomeUnknown: if it may have been cancelled.
        """
        ...

    async def order(self, trading_pair: str, client_order_id: str, exchange_order_id: str | None) -> VenueOrder:
        """Ask for an order by its client order id (or the exchange's, where it cannot be asked otherwise).

        Raises:
            OrderNotKnown: if the exchange has none such.
        """
        ...

    async def open_orders(self, trading_pair: str | None = None) -> tuple[VenueOrder, ...]:
        """Ask for all open orders."""
        ...

    async def trades(self, trading_pair: str, since_ms: int) -> tuple[VenueTrade, ...]:
        """Ask for the fills of a pair since a time, all pages, oldest first."""
        ...

    def updates(self) -> AsyncIterator[AccountUpdate]:
        """Follow the account's user stream.

        The first update comes when the subscription stands (it has `resync` set), so that what is asked for after it
        misses nothing. Ends with an ExchangeError when the stream breaks; the caller starts it again with a back-off
        and asks for what it missed. Where the exchange has no user stream: Unsupported at once; the caller polls.
        """
        ...

    async def close(self) -> None:
        """End all connections of this account; the market stays."""
        ...
