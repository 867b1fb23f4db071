"""Feeds of whichever kind: which run, and for how long."""

from enum import StrEnum

import msgspec

from shared.contracts.credentials import Nothing
from shared.contracts.declaration import Command
from shared.contracts.marketdata.fields import OF_A_CONNECTOR, SERVICE, IntervalName
from shared.contracts.portfolio.fields import TradingPair
from shared.names import Name


class FeedKind(StrEnum):
    """What a feed follows."""

    BOOK = "order_book"
    TRADES = "trades"
    CANDLES = "candles"
    TICKER = "ticker"
    FUNDING = "funding"


class FeedRef(msgspec.Struct, frozen=True):
    """A feed. `interval` is needed for candles, and for nothing else."""

    kind: FeedKind
    connector_name: Name
    trading_pair: TradingPair
    interval: IntervalName | None = None


class FeedFollowed(msgspec.Struct, frozen=True):
    """A feed that runs and has its first state. It ends when nobody asks for it within `seconds`."""

    feed: str
    seconds: float


class ActiveFeed(msgspec.Struct, frozen=True):
    """A feed as it runs: asked for when, in Unix seconds, and ending when. `config` says in words what it follows."""

    feed_type: FeedKind
    last_access_time: float
    seconds_since_access: float
    will_expire_in: float
    config: str


class FeedSettings(msgspec.Struct, frozen=True):
    """How long a feed lives without anybody who asks, and how often that is looked at; in seconds."""

    cleanup_interval: int
    feed_timeout: int
    description: str


FOLLOW_FEED = Command(
    SERVICE, "feed", "follow", FeedRef, FeedFollowed, "Have a feed run, and its first state there.",
    errors=OF_A_CONNECTOR, timeout=30.0,
)  # fmt: skip
LIST_FEEDS = Command(
    SERVICE, "feed", "list", Nothing, dict[str, ActiveFeed], "List the feeds that run, on whichever replica.",
    streams=True,
)  # fmt: skip
FEED_SETTINGS = Command(
    SERVICE, "feed", "settings", Nothing, FeedSettings, "Say how long feeds live without anybody who asks.",
)  # fmt: skip

COMMANDS = (FOLLOW_FEED, LIST_FEEDS, FEED_SETTINGS)
