"""The simulator as a service: an exchange, its protocols on one port, its admin API on another."""

import asyncio
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from services.simulator.admin import AdminApp
from services.simulator.exchange import Exchange
from services.simulator.handlers import Handlers
from services.simulator.memory_store import MemoryStore
from services.simulator.repository import Repository
from services.simulator.rest.app import RestApp
from services.simulator.rest.weights import BINANCE
from services.simulator.settings import SimulatorSettings
from services.simulator.streams.app import StreamsApp
from services.simulator.streams.listen_keys import ListenKeys
from services.simulator.streams.socket_limits import SocketLimits
from shared.contracts.declaration import SIMULATOR
from shared.http.protocols import Protocols
from shared.http.server import HttpServer, Listen
from shared.http.websocket import LineProtocol
from shared.service import Health, Service
from shared.settings import load
from shared.telemetry.logs import logger

if TYPE_CHECKING:
    from shared.bus.dispatcher import Dispatcher

_log = logger(SIMULATOR)


class Simulator:
    """An exchange on this machine. Without DATABASE_URL it forgets everything at its end; without NATS_URL it is on no
    bus.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        self._keeps = "database_url" in settings.model_fields_set
        self.exchange = Exchange(settings, Repository(settings) if self._keeps else MemoryStore())
        faults = self.exchange.faults
        listen_keys = ListenKeys(self.exchange.market_ms, round(settings.listen_key_seconds * 1000))
        rest = RestApp(self.exchange, faults, listen_keys, BINANCE.times(settings.limits_factor))
        limits = SocketLimits(seconds=settings.socket_seconds, ping_interval=settings.ping_seconds)
        self._streams = StreamsApp(self.exchange, faults, listen_keys, rest, limits.times(settings.limits_factor))
        self._token = settings.token()
        self._server = HttpServer(
            Protocols(rest, self._streams),
            Listen(settings.host, settings.port, "SIMULATOR_HOST", "SIMULATOR_PORT"),
            websockets=LineProtocol,
            drain_timeout=1,
        )
        self._admin = HttpServer(
            AdminApp(self.exchange, self._streams.watched, self._token),
            Listen(settings.host, settings.admin_port, "SIMULATOR_HOST", "SIMULATOR_ADMIN_PORT"),
            drain_timeout=1,
        )
        self._dispatcher = self._on_the_bus() if "nats_url" in settings.model_fields_set else None

    @property
    def name(self) -> str:
        return SIMULATOR

    @property
    def port(self) -> int:
        """The port of Binance's APIs."""
        return self._server.port

    @property
    def admin_port(self) -> int:
        """The port of the admin API."""
        return self._admin.port

    async def start(self) -> None:
        """Take over what is stored, and serve.

        Raises:
            PortError: if a port is taken.
        """
        if not self._keeps:
            _log.warning("DATABASE_URL is not set: accounts, orders and candles are forgotten when this ends")
        await self.exchange.start()
        await asyncio.gather(self._server.start(), self._admin.start())
        if self._dispatcher is not None:
            await self._dispatcher.start(self.health)
        if self._settings.admin_token is None:
            # Shown once, to whoever has started it; never logged.
            sys.stderr.write(f"X-Admin-Token of http://{self._settings.host}:{self.admin_port}: {self._token}\n")
        _log.info("exchange open", port=self.port, admin_port=self.admin_port, accounts=len(self.exchange.accounts))

    async def drain(self) -> None:
        """Take no more requests, end the streams, store what is new."""
        if self._dispatcher is not None:
            await self._dispatcher.drain()
        await asyncio.gather(self._server.drain(), self._admin.drain())
        self._streams.stop()
        await self.exchange.stop()

    def health(self) -> Health:
        """Return whether orders can be taken."""
        reasons = []
        if not self._server.serving:
            reasons.append("no connections are accepted")
        if self.exchange.stalled:
            reasons.append("what orders change can't be stored")
        reasons += self.exchange.failures
        figures = (
            ("accounts", float(len(self.exchange.accounts))),
            ("pairs_quoted", float(self.exchange.quoting.awake)),
            ("sockets", float(self._streams.sockets)),
        )
        return Health(not reasons, tuple(reasons), figures)

    def _on_the_bus(self) -> "Dispatcher":
        # The NATS library takes a quarter of a second to import, which a simulator alone need not wait for.
        from shared.bus.dispatcher import Dispatcher

        dispatcher = Dispatcher(self._settings, SIMULATOR)
        Handlers(self.exchange.accounts).register(dispatcher)
        return dispatcher


def create(overrides: Mapping[str, str]) -> Service:
    """Return the service with the settings of the environment, under `overrides`.

    Raises:
        pydantic.ValidationError: if a setting does not fit.
    """
    return Simulator(load(SimulatorSettings, overrides))
