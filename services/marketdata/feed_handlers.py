"""The commands about feeds of whichever kind: to have one run, and to list them."""

import time

from services.marketdata.candles.feeds import CandleFeeds
from services.marketdata.feeds import Feeds
from services.marketdata.funding_handlers import check_perpetual
from services.marketdata.settings import MarketdataSettings
from services.marketdata.venue import Venue, Venues, check_known
from services.marketdata.waiting import Later, Waiting, seconds_for
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call
from shared.contracts.credentials import Nothing
from shared.contracts.marketdata.feeds import FOLLOW_FEED, LIST_FEEDS, ActiveFeed, FeedFollowed, FeedKind, FeedRef
from shared.errors import CommandError, ErrorCode, FieldError, invalid


class FeedHandlers:
    """Handlers of the commands about feeds."""

    def __init__(
        self, settings: MarketdataSettings, venues: Venues, feeds: Feeds, candles: CandleFeeds, waiting: Waiting
    ) -> None:
        self._timeout = float(settings.feed_timeout)
        self._venues = venues
        self._feeds = feeds
        self._candles = candles
        self._waiting = waiting

    def register(self, dispatcher: Dispatcher) -> None:
        """Let `dispatcher` hand the commands to these handlers."""
        dispatcher.on(FOLLOW_FEED, self.follow)
        dispatcher.on(LIST_FEEDS, self.list_feeds)

    def follow(self, request: FeedRef, call: Call) -> FeedFollowed | Later[FeedFollowed]:
        venue = self._venues[request.connector_name]
        _check(request, venue)
        followed = FeedFollowed(_name_of(request), self._timeout)
        rules = venue.rules_now()
        if rules is not None:
            check_known(venue, rules, request.trading_pair)
            if self._is_there(request, venue):
                return followed

        async def later() -> FeedFollowed:
            until = time.monotonic() + seconds_for(call)
            check_known(venue, await venue.rules(until - time.monotonic()), request.trading_pair)
            await self._first_state(request, venue, until)
            return followed

        return self._waiting.for_exchange(venue, later)

    def list_feeds(self, _: Nothing, __: Call) -> dict[str, ActiveFeed]:
        found = {}
        feeds = self._feeds
        kinds = (
            (FeedKind.BOOK, feeds.books),
            (FeedKind.TRADES, feeds.trade_feeds),
            (FeedKind.FUNDING, feeds.funding_feeds),
        )
        for kind, of_kind in kinds:
            for (connector, pair), feed in of_kind.items():
                found[f"{kind}_{connector}_{pair}"] = self._active(kind, connector, pair, feed.asked_at)
        for connector, board in feeds.ticker_boards.items():
            for pair, asked_at in board.active():
                found[f"{FeedKind.TICKER}_{connector}_{pair}"] = self._active(
                    FeedKind.TICKER, connector, pair, asked_at
                )
        for candles in self._candles.active:
            series = candles.series
            ref = FeedRef(FeedKind.CANDLES, series.connector_name, series.trading_pair, series.interval)
            found[_name_of(ref)] = self._active(
                FeedKind.CANDLES, series.connector_name, series.trading_pair, candles.asked_at, series.interval
            )
        return found

    def _active(
        self, kind: FeedKind, connector: str, pair: str, asked_at: float, interval: str | None = None
    ) -> ActiveFeed:
        since = max(0.0, time.monotonic() - asked_at)
        what = f"{kind} of {pair} on {connector}"
        return ActiveFeed(
            feed_type=kind,
            last_access_time=time.time() - since,
            seconds_since_access=since,
            will_expire_in=max(0.0, self._timeout - since),
            config=what if interval is None else f"{what}, {interval}",
        )

    def _is_there(self, request: FeedRef, venue: Venue) -> bool:
        """Begin the feed if need be; return whether its first state is there."""
        pair = request.trading_pair
        match request.kind:
            case FeedKind.BOOK:
                return self._feeds.book(venue, pair).now(1) is not None
            case FeedKind.TRADES:
                return self._feeds.trades(venue, pair).now()
            case FeedKind.FUNDING:
                return self._feeds.funding(venue, pair).now() is not None
            case FeedKind.TICKER:
                return self._feeds.tickers(venue).now((pair,)) is not None
            case FeedKind.CANDLES:
                return bool(self._candles.feed(venue, pair, request.interval or "").now(1))

    async def _first_state(self, request: FeedRef, venue: Venue, until: float) -> None:
        pair, left = request.trading_pair, until - time.monotonic()
        match request.kind:
            case FeedKind.BOOK:
                await self._feeds.book(venue, pair).get(1, left)
            case FeedKind.TRADES:
                await self._feeds.trades(venue, pair).get(left)
            case FeedKind.FUNDING:
                await self._feeds.funding(venue, pair).get(left)
            case FeedKind.TICKER:
                await self._feeds.tickers(venue).get((pair,), left)
            case FeedKind.CANDLES:
                await self._candles.feed(venue, pair, request.interval or "").get(1, left)


def _check(request: FeedRef, venue: Venue) -> None:
    """Check that a venue can have a feed of this kind.

    Raises:
        CommandError: INVALID for an interval where it does not belong, or none where it does; REFUSED for candles or
            funding that the venue has not.
    """
    if (request.kind is FeedKind.CANDLES) != (request.interval is not None):
        text = "expected an interval for candles, and for nothing else"
        raise invalid(f"interval: {text}", FieldError(("interval",), text, "value_error"))
    if request.kind is FeedKind.FUNDING:
        check_perpetual(venue)
    if request.kind is FeedKind.CANDLES:
        offered = venue.market.candles().intervals
        if request.interval not in offered:
            what = f"of this interval; there are {', '.join(offered)}" if offered else ""
            raise CommandError(ErrorCode.REFUSED, f"'{venue.name}' has no candles {what}".rstrip())


def _name_of(request: FeedRef) -> str:
    name = f"{request.kind}_{request.connector_name}_{request.trading_pair}"
    return name if request.interval is None else f"{name}_{request.interval}"
