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
from services.gateway_api.sockets.app import SocketApp
from services.gateway_api.sockets.channels import Channels
from services.gateway_api.sockets.live_feeds import LiveFeeds
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
from shared.http.protocols import Protocols
from shared.http.server import HttpServer
from shared.http.websocket import LineProtocol
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
        self._live_feeds = LiveFeeds(settings, self._bus)
        self._sockets = SocketApp(
            self._authenticator,
            rates,
            Channels(self._live_feeds),
            settings.pace,
            most=settings.sockets,
            origins=settings.cors_origins,
        )
        self._server = HttpServer(
            Protocols(Cors(gate, settings.cors_origins) if settings.cors_origins else gate, self._sockets),
            settings.listen,
            websockets=LineProtocol,
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
        await self._live_feeds.start()
        await self._bus.start()
        await self._discovery.start(self.health)

    async def drain(self) -> None:
        """Accept no more connections, end the event streams, finish the requests under way, let go of the bus."""
        self._feed.close()
        self._sockets.close()
        await self._server.drain()
        await self._live_feeds.stop()
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
        figures = (
            ("event_readers", float(self._feed.readers)),
            ("sockets", float(len(self._sockets))),
            ("live_feeds", float(len(self._live_feeds))),
        )
        return Health(not reasons, tuple(reasons), figures)

    async def _verify(self, check: PasswordCheck | KeyCheck) -> Identity:
        if isinstance(check, KeyCheck):
            return await self._bus.request(VERIFY_KEY, check, actor=EDGE, timeout=_VERIFY_TIMEOUT)
        return await self._bus.request(VERIFY_PASSWORD, check, actor=EDGE, timeout=_VERIFY_TIMEOUT)

    def _on_event(self, event: Envelope) -> None:
        if event.kind == API_KEY_REVOKED.kind:
            key_id = msgspec.json.decode(event.data, type=ApiKeyChanged).key_id
            self._authenticator.forget_key(key_id)
            self._sockets.end(lambda caller: caller.key_id == key_id)
        elif event.kind == USER_CHANGED.kind:
            username = msgspec.json.decode(event.data, type=UserChanged).username
            self._authenticator.forget_user(username)
            self._sockets.end(lambda caller: caller.username == username)

    def _on_gap(self, gap: Gap) -> None:
        if gap.service == VERIFY_KEY.service:
            self._authenticator.forget_all()
            self._sockets.close()  # those who may still come in do so at once


def create(overrides: Mapping[str, str]) -> GatewayApi:
    """Return the service with settings from the environment, `overrides` before it.

    Raises:
        pydantic.ValidationError: if a setting does not fit.
    """
    return GatewayApi(load(EdgeSettings, overrides))
