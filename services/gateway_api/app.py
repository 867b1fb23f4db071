"""The HTTP edge as a service: what it is made of, and its life."""

from collections.abc import Mapping

import msgspec

from services.gateway_api.application import application
from services.gateway_api.authentication import Authenticator
from services.gateway_api.commands import Commands
from services.gateway_api.cors import Cors
from services.gateway_api.documents.routes import document_routes
from services.gateway_api.gate import Gate
from services.gateway_api.guesses import Guesses
from services.gateway_api.rates import Rates
from services.gateway_api.readiness import ReadinessCheck
from services.gateway_api.routes.accounts import account_routes
from services.gateway_api.routes.books import book_routes
from services.gateway_api.routes.candles import candle_routes
from services.gateway_api.routes.connectors import connector_routes
from services.gateway_api.routes.events import event_routes
from services.gateway_api.routes.market_data import market_data_routes
from services.gateway_api.routes.meta import meta_routes
from services.gateway_api.routes.portfolio import portfolio_routes
from services.gateway_api.routes.rate_oracle import rate_oracle_routes
from services.gateway_api.routes.tickers import ticker_routes
from services.gateway_api.routes.trading import trading_routes
from services.gateway_api.settings import EdgeSettings
from services.gateway_api.stream.feed import EventFeed
from services.gateway_api.stream.ring import EventRing
from services.gateway_api.stream.sources import EventSources
from shared.bus.client import Bus
from shared.bus.dispatcher import Dispatcher
from shared.contracts.catalogue import EVENT_SERVICES, commands_for
from shared.contracts.credentials import (
    API_KEY_REVOKED,
    USER_CHANGED,
    VERIFY_KEY,
    VERIFY_PASSWORD,
    ApiKeyChanged,
    Identity,
    KeyCheck,
    PasswordCheck,
    UserChanged,
)
from shared.contracts.declaration import EDGE
from shared.events.envelope import Envelope
from shared.events.reader import Gap
from shared.http.server import HttpServer
from shared.service import Health
from shared.settings import load

#: Services that answer the edge's commands: without one of each, it is of little use.
_SERVICES = tuple(dict.fromkeys(command.service for command in commands_for(EDGE)))
#: Seconds that a caller who is not remembered waits for their identity.
_VERIFY_TIMEOUT = 3.0


class GatewayApi:
    """The edge. It serves from the first moment on, with 503 for what is not there yet."""

    name = EDGE

    def __init__(self, settings: EdgeSettings) -> None:
        self._bus = Bus(settings, EDGE)
        self._discovery = Dispatcher(settings, EDGE)
        guesses = Guesses(settings.failure_limit, settings.failure_window)
        self._authenticator = Authenticator(
            self._verify, guesses, ttl=settings.identity_ttl, grace=settings.identity_grace
        )
        ring = EventRing(settings.events_kept)
        self._sources = EventSources(settings, EVENT_SERVICES, ring, self._on_event, self._on_gap)
        self._feed = EventFeed(
            ring, self._sources.kept, self._sources.missing, settings.events_keep_alive, settings.events_readers
        )
        readiness = ReadinessCheck(self._bus, _SERVICES, EDGE, self.health)
        commands = Commands(self._bus)
        app = application(
            [
                meta_routes(readiness),
                account_routes(commands),
                connector_routes(commands),
                portfolio_routes(commands),
                trading_routes(commands),
                market_data_routes(commands),
                candle_routes(commands),
                book_routes(commands),
                ticker_routes(commands),
                rate_oracle_routes(commands),
                event_routes(self._feed),
                *document_routes(settings.namespace),
            ],
            settings.body_limit,
        )
        rates = Rates(settings.rate_limit, settings.rate_burst)
        gate = Gate(app, self._authenticator, rates, settings.body_limit, settings.cors_origins)
        self._server = HttpServer(
            Cors(gate, settings.cors_origins) if settings.cors_origins else gate,
            settings.listen,
            trusted_proxies=settings.trusted_proxies,
            drain_timeout=settings.drain_timeout,
        )

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._server.port

    async def start(self) -> None:
        """Listen, then connect to the bus; returns when requests can be answered.

        Raises:
            PortError: if the port is taken.
        """
        await self._server.start()
        await self._sources.start()
        await self._bus.start()
        await self._discovery.start(self.health)

    async def drain(self) -> None:
        """Accept no more connections, end the event streams, finish the requests under way, let go of the bus."""
        self._feed.close()
        await self._server.drain()
        await self._sources.stop()
        await self._discovery.drain()
        await self._bus.stop()

    def health(self) -> Health:
        """Return whether requests can be answered."""
        reasons = []
        if not self._server.serving:
            reasons.append("no connections are accepted")
        if not self._bus.connected:
            reasons.append("the message bus is not reachable")
        return Health(not reasons, tuple(reasons), (("event_readers", float(self._feed.readers)),))

    async def _verify(self, check: PasswordCheck | KeyCheck) -> Identity:
        if isinstance(check, KeyCheck):
            return await self._bus.request(VERIFY_KEY, check, actor=EDGE, timeout=_VERIFY_TIMEOUT)
        return await self._bus.request(VERIFY_PASSWORD, check, actor=EDGE, timeout=_VERIFY_TIMEOUT)

    def _on_event(self, event: Envelope) -> None:
        if event.kind == API_KEY_REVOKED.kind:
            self._authenticator.forget_key(msgspec.json.decode(event.data, type=ApiKeyChanged).key_id)
        elif event.kind == USER_CHANGED.kind:
            self._authenticator.forget_user(msgspec.json.decode(event.data, type=UserChanged).username)

    def _on_gap(self, gap: Gap) -> None:
        if gap.service == VERIFY_KEY.service:
            self._authenticator.forget_all()


def create(overrides: Mapping[str, str]) -> GatewayApi:
    """Return the service with settings from the environment, `overrides` before it.

    Raises:
        pydantic.ValidationError: if a setting does not fit.
    """
    return GatewayApi(load(EdgeSettings, overrides))
