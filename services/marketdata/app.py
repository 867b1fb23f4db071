"""The marketdata service: its parts, put together."""

from collections.abc import Mapping, Sequence

import msgspec

from services.marketdata.book_diagnosis import reports
from services.marketdata.book_handlers import BookHandlers
from services.marketdata.candle_handlers import CandleHandlers
from services.marketdata.candles.feeds import CandleFeeds
from services.marketdata.feed_handlers import FeedHandlers
from services.marketdata.feeds import Feeds
from services.marketdata.funding_handlers import FundingHandlers
from services.marketdata.handlers import Handlers
from services.marketdata.live_intake import LiveIntake
from services.marketdata.live_outlet import LiveOutlet
from services.marketdata.neighbours import Call, Deed, Done, Neighbours
from services.marketdata.oracle import Oracle
from services.marketdata.ownership import FeedLeases
from services.marketdata.places import Places
from services.marketdata.rate_handlers import RateHandlers
from services.marketdata.readiness import Readiness
from services.marketdata.repository import Repository
from services.marketdata.running_feeds import running
from services.marketdata.settings import MarketdataSettings
from services.marketdata.venue import MarketSource, Venues
from services.marketdata.waiting import Waiting
from shared.bus.dispatcher import Dispatcher
from shared.contracts.marketdata import SERVICE
from shared.database.migrate import ensure_migrated
from shared.database.pool import Database
from shared.database.unit_of_work import UnitOfWork
from shared.events.relay import Relay
from shared.exchanges.registry import Exchanges
from shared.service import Health, Service
from shared.settings import load

#: Handlers that may wait at a time. They wait for exchanges and cost nothing meanwhile: one that is slow must not take
#: the places of the others.
CONCURRENCY = 1000


class MarketdataService:
    """Prices, books, candles and trading rules: one feed for everybody."""

    def __init__(self, settings: MarketdataSettings, source: MarketSource) -> None:
        self._settings = settings
        self._database = Database(settings, SERVICE)
        self._repository = Repository(self._database)
        self._relay = Relay(settings, SERVICE, self._database)
        self._unit = UnitOfWork(self._database, self._relay)
        self._readiness = Readiness(self._database, self._relay)
        self._venues = Venues(source)
        self._outlet = LiveOutlet(settings, SERVICE)
        self._intake = LiveIntake(settings, SERVICE)
        self._leases = FeedLeases(self._database)
        places = Places(settings.max_feeds)
        self._feeds = Feeds(settings, self._outlet, self._intake, self._leases, places)
        self._candles = CandleFeeds(settings, self._outlet, self._intake, self._leases, self._repository, places=places)
        self._dispatcher = Dispatcher(settings, SERVICE, concurrency=CONCURRENCY)
        self._oracle = Oracle(settings, self._database, self._unit)
        waiting = Waiting()
        self._neighbours = Neighbours(settings, SERVICE, self._heard)
        Handlers(settings, self._venues, self._feeds, self._oracle, waiting).register(self._dispatcher)
        BookHandlers(self._venues, self._feeds, self._neighbours, waiting).register(self._dispatcher)
        FeedHandlers(self._venues, self._feeds, self._candles, self._neighbours, waiting).register(self._dispatcher)
        FundingHandlers(self._venues, self._feeds, waiting).register(self._dispatcher)
        RateHandlers(settings, self._venues, self._feeds, self._oracle, waiting).register(self._dispatcher)
        CandleHandlers(self._venues, self._candles, self._unit, waiting).register(self._dispatcher)

    @property
    def name(self) -> str:
        return SERVICE

    async def start(self) -> None:
        """Start serving; wait for PostgreSQL and NATS where they are not there yet.

        Exchanges are first asked when somebody asks us.
        """
        await ensure_migrated(self._settings, SERVICE)
        await self._database.start()
        await self._relay.start()
        await self._readiness.start()
        await self._oracle.start()
        await self._outlet.start()
        await self._intake.start()
        await self._neighbours.start()
        self._leases.start()
        self._feeds.start()
        self._candles.start()
        await self._dispatcher.start(self.health)

    async def drain(self) -> None:
        """Answer what has arrived, then stop."""
        await self._dispatcher.drain()
        await self._feeds.stop()
        await self._candles.stop()
        await self._leases.stop()
        await self._venues.stop()
        await self._neighbours.stop()
        await self._intake.stop()
        await self._outlet.stop()
        await self._oracle.stop()
        await self._readiness.stop()
        await self._relay.stop()
        await self._database.stop()

    def _heard(self, call: Call) -> Sequence[msgspec.Struct]:
        """Do what another replica calls for, and return what there is to tell of it."""
        name, pair = call.connector_name, call.trading_pair
        match call.deed:
            case Deed.FORGET_BOOK:
                return [Done(pair)] if self._feeds.forget_book(name, pair) else []
            case Deed.RESTART_BOOKS:
                return [Done(restarted) for restarted in self._feeds.restart_books(name)]
            case Deed.REPORT_BOOKS:
                return reports(self._feeds, name)
            case Deed.LIST_FEEDS:
                return running(self._feeds, self._candles)

    def health(self) -> Health:
        """Return whether this replica can do its work. An exchange that is away is no fault of it."""
        reasons = (*self._readiness.reasons, *(() if self._outlet.connected else ("live data do not reach the bus",)))
        figures = (
            *self._feeds.figures(),
            *self._candles.figures(),
            ("feeds_owned", float(self._leases.owned)),
            ("feeds_elsewhere", float(self._leases.elsewhere)),
            *self._readiness.figures(),
            ("live_sent", float(self._outlet.sent)),
            ("live_overtaken", float(self._outlet.overtaken)),
            ("live_lost", float(self._outlet.lost)),
        )
        return Health(not reasons, reasons, figures)


def create(overrides: Mapping[str, str]) -> Service:
    """Return the service with the settings of the environment, under `overrides`.

    Raises:
        pydantic.ValidationError: if a setting does not fit.
    """
    settings = load(MarketdataSettings, overrides)
    return MarketdataService(settings, Exchanges(settings.endpoints()))
