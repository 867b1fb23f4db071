"""The command about funding."""

import time

from services.marketdata.feeds import Feeds
from services.marketdata.venue import Venue, Venues, check_known
from services.marketdata.waiting import Later, Waiting, seconds_for
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call
from shared.connectors.catalogue import CONNECTORS, ConnectorKind
from shared.contracts.marketdata.funding import GET_FUNDING, FundingInfo, FundingRef, LiveFunding
from shared.errors import CommandError, ErrorCode


class FundingHandlers:
    """Handlers of the commands about funding."""

    def __init__(self, venues: Venues, feeds: Feeds, waiting: Waiting) -> None:
        self._venues = venues
        self._feeds = feeds
        self._waiting = waiting

    def register(self, dispatcher: Dispatcher) -> None:
        """Let `dispatcher` hand the command to this handler."""
        dispatcher.on(GET_FUNDING, self.get)

    def get(self, request: FundingRef, call: Call) -> FundingInfo | Later[FundingInfo]:
        venue = self._venues[request.connector_name]
        check_perpetual(venue)
        pair = request.trading_pair
        rules = venue.rules_now()
        if rules is not None:
            check_known(venue, rules, pair)
            funding = self._feeds.funding(venue, pair).now()
            if funding is not None:
                return _told(funding)

        async def later() -> FundingInfo:
            until = time.monotonic() + seconds_for(call)
            check_known(venue, await venue.rules(until - time.monotonic()), pair)
            return _told(await self._feeds.funding(venue, pair).get(until - time.monotonic()))

        return self._waiting.for_exchange(venue, later)


def check_perpetual(venue: Venue) -> None:
    """Check that a venue trades perpetuals.

    Raises:
        CommandError: REFUSED if it does not.
    """
    if CONNECTORS[venue.name].kind is not ConnectorKind.PERPETUAL:
        raise CommandError(ErrorCode.REFUSED, f"'{venue.name}' is not a perpetual connector: there is no funding")


def _told(funding: LiveFunding) -> FundingInfo:
    return FundingInfo(
        trading_pair=funding.trading_pair,
        funding_rate=funding.funding_rate,
        next_funding_time=funding.next_funding_time,
        mark_price=funding.mark_price,
        index_price=funding.index_price,
        timestamp=funding.timestamp,
    )
