"""Prices and tickers: doubles, observations and not money."""

from typing import Annotated

import msgspec

from shared.contracts.declaration import Command, Live
from shared.contracts.marketdata.fields import MAX_PAIRS, OF_A_CONNECTOR, SERVICE
from shared.contracts.portfolio.fields import TradingPair
from shared.names import Name


class PricesFilter(msgspec.Struct, frozen=True):
    """The prices of these pairs."""

    connector_name: Name
    trading_pairs: Annotated[tuple[TradingPair, ...], msgspec.Meta(min_length=1, max_length=MAX_PAIRS)]


class Prices(msgspec.Struct, frozen=True):
    """Mid prices, or last ones where a side of the book is empty; a pair that is unknown is left out.

    `timestamp` is that of the oldest of them.
    """

    connector: str
    prices: dict[str, float]
    timestamp: float


class TickersFilter(msgspec.Struct, frozen=True):
    """The tickers of these connectors (None: of the rate sources). `max_age`: seconds that they may be old."""

    connector_names: tuple[Name, ...] | None = None
    refresh: bool = False
    max_age: Annotated[float, msgspec.Meta(ge=0)] | None = None


class TickerRow(msgspec.Struct, frozen=True):
    """A pair's price with what was traded in 24 h, where the exchange tells it."""

    price: float
    base_volume: float | None
    quote_volume: float | None
    timestamp: float


class Tickers(msgspec.Struct, frozen=True):
    """Tickers by connector and pair; connectors that failed stand in `errors` with the reason."""

    tickers: dict[str, dict[str, TickerRow]]
    counts: dict[str, int]
    updated_at: dict[str, float]
    errors: dict[str, str]


class LiveTicker(msgspec.Struct, frozen=True):
    """The top of a book and the last trade. Zero where a side is empty or nothing was traded."""

    connector_name: str
    trading_pair: str
    bid: float
    bid_amount: float
    ask: float
    ask_amount: float
    last: float
    timestamp: float


GET_PRICES = Command(
    SERVICE, "price", "get", PricesFilter, Prices, "Give the prices of pairs.", errors=OF_A_CONNECTOR, timeout=10.0,
)  # fmt: skip
LIST_TICKERS = Command(
    SERVICE, "ticker", "list", TickersFilter, Tickers, "Give the tickers of connectors.",
    errors=OF_A_CONNECTOR, timeout=15.0, streams=True,
)  # fmt: skip
TICKER = Live(SERVICE, "ticker", LiveTicker, "The top of a book has moved, or a trade was made.")

COMMANDS = (GET_PRICES, LIST_TICKERS)
LIVE = (TICKER,)
