"""Candles: the last ones, those of the past, and how far a long download is."""

from enum import StrEnum
from typing import Annotated

import msgspec

from shared.contracts.credentials import Nothing
from shared.contracts.declaration import Command, Event, Live
from shared.contracts.marketdata.fields import OF_A_CONNECTOR, SERVICE, IntervalName, UnixSeconds
from shared.contracts.portfolio.fields import TradingPair
from shared.names import Name


class CandleInterval(StrEnum):
    """How long a candle lasts; a connector has those that its exchange has."""

    S1 = "1s"
    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"
    D3 = "3d"
    W1 = "1w"
    MO1 = "1M"


class Candle(msgspec.Struct, frozen=True):
    """What was traded from `timestamp` (the opening time) on, for one interval. What an exchange does not tell: 0."""

    timestamp: float
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_asset_volume: float
    n_trades: float
    taker_buy_base_volume: float
    taker_buy_quote_volume: float


class RecentCandles(msgspec.Struct, frozen=True):
    """The last candles of a pair, the running one included. An unknown interval is refused by the service (REFUSED)."""

    connector_name: Name
    trading_pair: TradingPair
    interval: IntervalName = "1m"
    max_records: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 500


class CandleRange(msgspec.Struct, frozen=True):
    """The candles of a pair that open from `start_time` to `end_time`, both included, in Unix seconds."""

    connector_name: Name
    trading_pair: TradingPair
    interval: IntervalName
    start_time: UnixSeconds
    end_time: UnixSeconds


class LiveCandle(msgspec.Struct, frozen=True):
    """The running candle, or one that has just ended (`closed`)."""

    connector_name: str
    trading_pair: str
    interval: str
    candle: Candle
    closed: bool


class DownloadProgress(msgspec.Struct, frozen=True):
    """How far a long download of candles is: opening times in Unix seconds, `share` from 0 to 1."""

    connector_name: str
    trading_pair: str
    interval: str
    start_time: float
    end_time: float
    share: float


RECENT_CANDLES = Command(
    SERVICE, "candle", "recent", RecentCandles, list[Candle], "Give a pair's last candles, from a live feed.",
    errors=OF_A_CONNECTOR, timeout=30.0, streams=True,
)  # fmt: skip
CANDLE_HISTORY = Command(
    SERVICE, "candle", "history", CandleRange, list[Candle], "Give the candles of a time, stored or asked for.",
    errors=OF_A_CONNECTOR, timeout=60.0, streams=True,
)  # fmt: skip
LIST_CANDLE_CONNECTORS = Command(
    SERVICE, "candle", "connectors", Nothing, list[str], "List the connectors that have candles.",
)  # fmt: skip
DOWNLOAD_PROGRESSED = Event(
    SERVICE, "download", "progressed", DownloadProgress, "A long download of candles has come further.",
    keys=("connector_name", "trading_pair", "interval"),
)  # fmt: skip
CANDLE = Live(
    SERVICE, "candle", LiveCandle, "The running candle has changed, or a candle has ended.", keys=("interval",)
)

COMMANDS = (RECENT_CANDLES, CANDLE_HISTORY, LIST_CANDLE_CONNECTORS)
EVENTS = (DOWNLOAD_PROGRESSED,)
LIVE = (CANDLE,)
