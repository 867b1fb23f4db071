"""Trades on a market, as they are made."""

from typing import Literal

import msgspec

from shared.contracts.declaration import Live
from shared.contracts.marketdata.fields import SERVICE


class MarketTrade(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trade on the market; `side` is the taker's, `id` the exchange's, unique within a pair, where it tells one."""

    timestamp: float
    price: float
    amount: float
    side: Literal["buy", "sell"]
    id: str | None = None


class LiveTrades(msgspec.Struct, frozen=True):
    """Trades since the last message, the oldest first. `sequence` grows by one with each message of a feed's owner.

    While two replicas lead for a moment, or after one was stopped, a trade may come twice: know it by its id.
    """

    connector_name: str
    trading_pair: str
    trades: tuple[MarketTrade, ...]
    sequence: int


TRADES = Live(SERVICE, "trades", LiveTrades, "Trades were made on a market.")

LIVE = (TRADES,)
