"""Which feeds run, on this replica and on all together. A feed runs as long as one replica was asked for it lately."""

import time
from collections.abc import Iterable, Iterator

import msgspec

from services.marketdata.candles.feeds import CandleFeeds
from services.marketdata.feeds import Feeds
from shared.contracts.marketdata.feeds import ActiveFeed, FeedKind, FeedRef


class RunningFeed(msgspec.Struct, frozen=True, array_like=True):
    """A feed of one replica. `idle`: seconds since somebody has asked that replica for it."""

    kind: FeedKind
    connector_name: str
    trading_pair: str
    interval: str | None
    idle: float


def running(feeds: Feeds, candles: CandleFeeds) -> list[RunningFeed]:
    """Return the feeds of this replica."""
    now = time.monotonic()
    return [
        RunningFeed(kind, connector, pair, interval, max(0.0, now - asked_at))
        for kind, connector, pair, interval, asked_at in _each(feeds, candles)
    ]


def _each(feeds: Feeds, candles: CandleFeeds) -> Iterator[tuple[FeedKind, str, str, str | None, float]]:
    kinds = (
        (FeedKind.BOOK, feeds.books),
        (FeedKind.TRADES, feeds.trade_feeds),
        (FeedKind.FUNDING, feeds.funding_feeds),
    )
    for kind, of_kind in kinds:
        for (connector, pair), feed in of_kind.items():
            yield kind, connector, pair, None, feed.asked_at
    for connector, board in feeds.ticker_boards.items():
        for pair, asked_at in board.active():
            yield FeedKind.TICKER, connector, pair, None, asked_at
    for one in candles.active:
        series = one.series
        yield FeedKind.CANDLES, series.connector_name, series.trading_pair, series.interval, one.asked_at


def active(feeds: Iterable[RunningFeed], timeout: float) -> dict[str, ActiveFeed]:
    """Return the feeds of all replicas by their names: each once, as it was asked for last."""
    latest: dict[str, RunningFeed] = {}
    for feed in feeds:
        name = feed_name(FeedRef(feed.kind, feed.connector_name, feed.trading_pair, feed.interval))
        known = latest.get(name)
        if known is None or feed.idle < known.idle:
            latest[name] = feed
    now = time.time()
    return {name: _active(feed, timeout, now) for name, feed in latest.items()}


def feed_name(ref: FeedRef) -> str:
    """Return what a feed is called in lists."""
    name = f"{ref.kind}_{ref.connector_name}_{ref.trading_pair}"
    return name if ref.interval is None else f"{name}_{ref.interval}"


def _active(feed: RunningFeed, timeout: float, now: float) -> ActiveFeed:
    what = f"{feed.kind} of {feed.trading_pair} on {feed.connector_name}"
    return ActiveFeed(
        feed_type=feed.kind,
        last_access_time=now - feed.idle,
        seconds_since_access=feed.idle,
        will_expire_in=max(0.0, timeout - feed.idle),
        config=what if feed.interval is None else f"{what}, {feed.interval}",
    )
