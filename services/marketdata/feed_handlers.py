"""The commands about feeds of whichever kind: to have one run, and to list them."""

import time

from services.marketdata import neighbours
from services.marketdata.candles.feeds import CandleFeeds
from services.marketdata.feeds import Feeds
from services.marketdata.funding_handlers import check_perpetual
from services.marketdata.neighbours import Deed, Neighbours
from services.marketdata.pieces import in_pieces
from services.marketdata.running_feeds import RunningFeed, active, feed_name, running
from services.marketdata.venue import Venue, Venues, check_known
from services.marketdata.waiting import Later, Waiting, seconds_for
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply, Streamed
from shared.contracts.credentials import Nothing
from shared.contracts.marketdata.feeds import FOLLOW_FEED, LIST_FEEDS, FeedFollowed, FeedKind, FeedRef
from shared.errors import CommandError, ErrorCode, FieldError, invalid


class FeedHandlers:
    """Handlers of the commands about feeds."""

    def __init__(
        self, venues: Venues, feeds: Feeds, candles: CandleFeeds, others: Neighbours, waiting: Waiting
    ) -> None:
        self._timeout = feeds.timeout
        self._venues = venues
        self._feeds = feeds
        self._candles = candles
        self._neighbours = others
        self._waiting = waiting

    def register(self, dispatcher: Dispatcher) -> None:
        """Let `dispatcher` hand the commands to these handlers."""
        dispatcher.on(FOLLOW_FEED, self.follow)
        dispatcher.on(LIST_FEEDS, self.list_feeds)

    def follow(self, request: FeedRef, call: Call) -> FeedFollowed | Later[FeedFollowed]:
        venue = self._venues[request.connector_name]
        _check(request, venue)
        followed = FeedFollowed(feed_name(request), self._timeout)
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

    async def list_feeds(self, _: Nothing, __: Call) -> Reply | Streamed:
        here = running(self._feeds, self._candles)
        elsewhere = await self._neighbours.ask(neighbours.Call(Deed.LIST_FEEDS), RunningFeed)
        return in_pieces(active([*here, *elsewhere], self._timeout))

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
                board = self._feeds.tickers(venue)
                board.follow(pair)
                await board.get((pair,), left)
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
