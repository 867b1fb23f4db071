"""Trades: the fills of orders."""

from datetime import datetime
from decimal import Decimal

import msgspec

from shared.contracts.declaration import Command, Event
from shared.contracts.portfolio.fields import SERVICE, SESSION_KEYS, Cursor, Limit, TradingPair
from shared.contracts.portfolio.orders import TradeType
from shared.names import Name


class TradeFee(msgspec.Struct, frozen=True):
    """What a fill has cost in one asset."""

    amount: Decimal
    currency: str


class Trade(msgspec.Struct, frozen=True):
    """One fill of an order. `trade_id` is unique over all accounts; `order_id` is the client order id.

    `further_fees` are those beyond `fee_paid`, where an exchange takes several: one for each asset.
    """

    trade_id: str
    order_id: str
    account_name: str
    connector_name: str
    trading_pair: str
    trade_type: TradeType
    amount: Decimal
    price: Decimal
    fee_paid: Decimal
    fee_currency: str | None
    timestamp: datetime
    further_fees: tuple[TradeFee, ...] = ()


class TradeSearch(msgspec.Struct, frozen=True):
    """Which trades, newest first. `start_time` is included, `end_time` too."""

    account_names: tuple[Name, ...] | None = None
    connector_names: tuple[Name, ...] | None = None
    trading_pairs: tuple[TradingPair, ...] | None = None
    trade_types: tuple[TradeType, ...] | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


class TradePage(msgspec.Struct, frozen=True):
    """A page of trades; `next_cursor` is None on the last page.

    `total` counts all that match; of stored ones beyond 5,000 it is an estimate.
    """

    trades: tuple[Trade, ...]
    total: int
    next_cursor: str | None = None


SEARCH_TRADES = Command(SERVICE, "trade", "search", TradeSearch, TradePage, "Search the stored trades.")
TRADE_RECORDED = Event(
    SERVICE, "trade", "recorded", Trade, "An order was filled, wholly or in part.",
    keys=SESSION_KEYS, account="account_name",
)  # fmt: skip

COMMANDS = (SEARCH_TRADES,)
EVENTS = (TRADE_RECORDED,)
