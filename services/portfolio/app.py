"""The portfolio service: its parts, put together."""

import asyncio
import secrets
from collections.abc import Mapping
from functools import partial

from services.portfolio.commits import Commits
from services.portfolio.followed import PortfolioViews
from services.portfolio.handlers import Handlers
from services.portfolio.keys import KeyTrials
from services.portfolio.readiness import PortfolioReadiness
from services.portfolio.reading import Reads
from services.portfolio.repository import Repository
from services.portfolio.sessions.accounts_feed import AccountsFeed
from services.portfolio.sessions.desired import Desired
from services.portfolio.sessions.known_accounts import KnownAccounts
from services.portfolio.sessions.secrets import released, secret_asker
from services.portfolio.sessions.session import Tools
from services.portfolio.sessions.sessions import Sessions
from services.portfolio.settings import PortfolioSettings
from shared.bus.client import Bus
from shared.bus.dispatcher import Dispatcher
from shared.contracts.portfolio import SERVICE
from shared.contracts.portfolio.keys import CHECK_KEY
from shared.database.migrate import ensure_migrated
from shared.database.pool import Database
from shared.database.unit_of_work import UnitOfWork
from shared.events.relay import Relay
from shared.exchanges.registry import Exchanges
from shared.service import Health, Service
from shared.settings import load

#: A replica that is stopped in the middle of a transaction holds the lease of its session so long (milliseconds). It
#: must be shorter than what is left of the ten seconds that a takeover may take.
_IDLE_IN_TRANSACTION = 3_000


class PortfolioService:
    """Sessions, orders, trades and balances: the only one that trades on an exchange."""

    def __init__(self, settings: PortfolioSettings) -> None:
        self._settings = settings
        # One process and not one name of a service: the next one must not take itself for this one.
        self._owner = f"portfolio-{secrets.token_hex(6)}"
        self._database = Database(settings, SERVICE, idle_in_transaction=_IDLE_IN_TRANSACTION)
        self._relay = Relay(settings, SERVICE, self._database)
        self._bus = Bus(settings, SERVICE)
        self._exchanges = Exchanges(settings.endpoints())
        self._dispatcher = Dispatcher(settings, SERVICE, concurrency=256)
        attention = asyncio.Event()
        self._views = PortfolioViews(settings, self._database, attention)
        desired = Desired()
        self._accounts = KnownAccounts(self._bus, desired)
        self._reads = Reads(self._database, self._bus, self._views, desired, self._accounts)
        self._repository = Repository(self._database)
        tools = Tools(
            settings,
            self._repository,
            Commits(UnitOfWork(self._database, self._relay), self._views),
            dispatcher=self._dispatcher,
            exchanges=self._exchanges,
            secret_of=partial(released, self._bus),
        )
        self._sessions = Sessions(tools, self._database, self._owner, desired)
        self._readiness = PortfolioReadiness(self._database, self._relay, self._views, self._sessions, attention)
        self._accounts.watch(self._sessions.look)
        self._feed = AccountsFeed(settings, self._accounts)

    @property
    def name(self) -> str:
        return SERVICE

    async def start(self) -> None:
        """Start serving; wait for PostgreSQL and NATS where they are not there yet, but for no other service."""
        await ensure_migrated(self._settings, SERVICE)
        await self._database.start()
        await self._relay.start()
        await self._views.start()
        await self._bus.start()
        await self._reads.start()
        await self._readiness.start()

        trials = KeyTrials(self._owner, self._exchanges, partial(secret_asker, self._bus))
        Handlers(self._sessions, self._accounts, trials, self._repository).register(self._dispatcher)
        self._reads.register(self._dispatcher)
        await self._dispatcher.start(self.health)
        await self._dispatcher.own((CHECK_KEY,), (self._owner,))
        await self._sessions.start()
        await self._feed.start()

    async def drain(self) -> None:
        """Answer what has arrived, give the sessions up to other replicas, then stop."""
        await self._feed.stop()
        await self._dispatcher.drain()
        await self._sessions.stop()
        await self._exchanges.close()
        await self._readiness.stop()
        await self._reads.stop()
        await self._bus.stop()
        await self._views.stop()
        await self._relay.stop()
        await self._database.stop()

    def health(self) -> Health:
        """Return whether this replica can do its work."""
        return self._readiness.health()


def create(overrides: Mapping[str, str]) -> Service:
    """Return the service with the settings of the environment, under `overrides`.

    Raises:
        pydantic.ValidationError: if a setting does not fit.
    """
    return PortfolioService(load(PortfolioSettings, overrides))
