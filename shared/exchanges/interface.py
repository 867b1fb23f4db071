"""The exchanges as the services see them: our names, our structs, no trace of the library beneath.

Connectors and pairs have the names of the catalogue (`binance_perpetual`, `BTC-USDT`). Prices and amounts of orders and
balances are decimals; those of books and tickers are doubles, observations. Amounts are in base units, also where the
exchange counts contracts. Times are Unix seconds where they are doubles, else Unix milliseconds (`…_ms`).
Every method may raise `shared.exchanges.errors.ExchangeError`.
"""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

from shared.contracts.marketdata.books import LiveBook
from shared.contracts.marketdata.candles import Candle
from shared.contracts.marketdata.funding import LiveFunding
from shared.contracts.marketdata.rules import TradingRule
from shared.contracts.marketdata.tickers import LiveTicker
from shared.contracts.marketdata.trades import MarketTrade
from shared.contracts.portfolio.orders import OrderType, PositionAction, TradeType
from shared.exchanges.traffic import QUESTION, Patience


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
    """One fill. `trade_id` is the exchange's, unique within a pair of an account.

    `further_fees` are in other assets than `fee`: some exchanges take a part in tokens or points of their own.
    """

    trade_id: str
    trading_pair: str
    exchange_order_id: str
    client_order_id: str | None
    trade_type: TradeType
    price: Decimal
    amount: Decimal
    fee: Fee | None
    at_ms: int
    further_fees: tuple[Fee, ...] = ()


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


class CandleOffer(msgspec.Struct, frozen=True):
    """Which candles an exchange has: none without intervals.

    Attributes:
        intervals: by their names, the shortest first.
        page: how many it gives at most in one answer.
        finds_next: whether a question from a time on finds the first candles after it, however far they are.
    """

    intervals: tuple[str, ...] = ()
    page: int = 0
    finds_next: bool = False


class CandleUpdate(msgspec.Struct, frozen=True):
    """The running candle as it is, or one that has ended (`closed`); not every exchange tells which."""

    candle: Candle
    closed: bool


class DayTicker(msgspec.Struct, frozen=True):
    """A ticker with what was traded in 24 h, in base and quote units; None where the exchange does not tell."""

    ticker: LiveTicker
    base_volume: float | None
    quote_volume: float | None


class BookState(Protocol):
    """A book that is followed. It is the same object after each change, and always holds the latest state."""

    @property
    def counts(self) -> tuple[int, int]:
        """How many bids and asks are held."""
        ...

    @property
    def update_id(self) -> int:
        """The exchange's number of the last update; 0 where it has none."""
        ...

    @property
    def snapshot_id(self) -> int:
        """The number of the last update in the snapshot that the book began with; 0 where there is none."""
        ...

    def best(self, levels: int) -> LiveBook:
        """Return the best levels of each side as they are now."""
        ...

    def json(self, levels: int) -> bytes:
        """Return what `best` does as JSON, which costs less than to write it each time anew."""
        ...


def few_levels() -> int:
    """Return that nobody wants more levels than a stream has anyway."""
    return 0


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

    async def fetch_day_tickers(self) -> dict[str, DayTicker]:
        """Ask for the tickers of all pairs, with their volumes."""
        ...

    async def fetch_funding(self, trading_pair: str) -> LiveFunding:
        """Ask for the next funding of a perpetual.

        Raises:
            Unsupported: if the connector has no perpetuals.
        """
        ...

    def watch_book(self, trading_pair: str, wanted: Callable[[], int] = few_levels) -> AsyncIterator[BookState]:
        """Follow a book: its state after each update, complete as far as the exchange streams it.

        `wanted` says how many levels are wanted at the moment, where the exchange lets one choose. The books of many
        pairs share their connections.

        Ends with an ExchangeError when the stream breaks; the caller starts it again with a back-off.
        """
        ...

    def watch_tickers(self, trading_pairs: tuple[str, ...]) -> AsyncIterator[LiveTicker]:
        """Follow the tops of books; ends like `watch_book`."""
        ...

    def watch_trades(self, trading_pair: str) -> AsyncIterator[tuple[MarketTrade, ...]]:
        """Follow the trades of a pair: an empty tuple when the stream stands, then those since the last time.

        Ends like `watch_book`.
        """
        ...

    async def fetch_trades(self, trading_pair: str, patience: Patience = QUESTION) -> tuple[MarketTrade, ...]:
        """Ask for the last trades of a pair, oldest first, as many as one answer has.

        Raises:
            Unsupported: if the exchange does not tell them.
        """
        ...

    def watch_funding(self, trading_pair: str) -> AsyncIterator[LiveFunding]:
        """Follow the funding of a perpetual; it is asked for every few seconds where there is no stream of it."""
        ...

    def candles(self) -> CandleOffer:
        """Return which candles there are."""
        ...

    async def fetch_candles(
        self, trading_pair: str, interval: str, since_ms: int, limit: int, patience: Patience = QUESTION
    ) -> tuple[Candle, ...]:
        """Ask for up to `limit` candles that open at `since_ms` or later, oldest first, the running one included.

        Some exchanges may give fewer although there are more: ask again from the last one.
        """
        ...

    def watch_candles(self, trading_pair: str, interval: str) -> AsyncIterator[CandleUpdate]:
        """Follow the running candle; ends like `watch_book`. Some exchanges do not tell when one is closed."""
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
