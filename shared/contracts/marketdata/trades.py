"""Trades on a market, as they are made."""

from typing import Literal

import msgspec

from shared.contracts.declaration import Live
from shared.contracts.marketdata.fields import SERVICE


class MarketTrade(msgspec.Struct, frozen=True):
    """A trade on the market; `side` is the taker's."""

    timestamp: float
    price: float
    amount: float
    side: Literal["buy", "sell"]


class LiveTrades(msgspec.Struct, frozen=True):
    """Trades since the last message, the oldest first. `sequence` grows by one with each message of a feed's owner."""

    connector_name: str
    trading_pair: str
    trades: tuple[MarketTrade, ...]
    sequence: int


TRADES = Live(SERVICE, "trades", LiveTrades, "Trades were made on a market.")

LIVE = (TRADES,)
