"""Where rates come from: as configured, or by the settings; the same on every replica."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec

from services.marketdata.oracle_repository import locked_config, stored_config, write_config
from services.marketdata.rate_sources import SOURCES, why_no_source
from services.marketdata.settings import MarketdataSettings
from shared.backoff import Backoff
from shared.bus.messages import Call, Reply
from shared.contracts.declaration import AnyEvent
from shared.contracts.marketdata import SERVICE
from shared.contracts.marketdata.rates import CONFIGURE_ORACLE, ORACLE_CONFIGURED, OracleChange, OracleConfig
from shared.database.failures import Connection
from shared.database.pool import Database
from shared.database.unit_of_work import UnitOfWork, Work
from shared.errors import CommandError, ErrorCode
from shared.events.followed_view import FollowedView
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: What values are given in until somebody configures another.
QUOTE_TOKEN = "USDT"  # noqa: S105 - a token to trade, not one to log in
QUOTE_SYMBOL = "$"

_log = logger("marketdata")


class Oracle:
    """The configuration in memory, kept true by own changes and by the events of all replicas."""

    def __init__(self, settings: MarketdataSettings, database: Database, unit: UnitOfWork) -> None:
        self._unit = unit
        self._default = OracleConfig(settings.rate_source, QUOTE_TOKEN, QUOTE_SYMBOL, SOURCES)
        self._view = _View(self._default)
        self._followed = FollowedView(settings, SERVICE, database, self._view, on_gap=self._missed)
        self._repairing: asyncio.Task[None] | None = None

    @property
    def config(self) -> OracleConfig:
        """Where rates come from now."""
        return self._view.config

    async def start(self) -> None:
        """Take in what is stored, and follow what changes; wait for PostgreSQL where it is not there."""
        backoff = Backoff()
        while True:
            try:
                await self._followed.start()
            except CommandError:  # logged by the pool
                await backoff.wait()
            else:
                return

    async def stop(self) -> None:
        """Stop following."""
        await end_task(self._repairing)
        await self._followed.stop()

    async def catch_up(self, call: Call) -> None:
        """Return when the configuration is that which the caller knows of."""
        if call.after:
            await self._followed.catch_up(call)

    async def change(self, request: OracleChange, call: Call) -> Reply:
        """Change what is not None in `request`, once.

        Raises:
            CommandError: REFUSED if rates cannot come from the source.
        """
        why_not = None if request.source is None else why_no_source(request.source)
        if why_not is not None:
            raise CommandError(ErrorCode.REFUSED, why_not)
        changed: list[OracleConfig] = []

        async def effect(work: Work) -> OracleConfig:
            before = usable(await locked_config(work.connection) or self._default, self._default)
            now = OracleConfig(
                source=before.source if request.source is None else request.source,
                quote_token=before.quote_token if request.quote_token is None else request.quote_token.upper(),
                quote_symbol=before.quote_symbol if request.quote_symbol is None else request.quote_symbol,
                available_sources=SOURCES,
                version=before.version + 1,
            )
            await write_config(work.connection, now)
            work.emit(ORACLE_CONFIGURED, now)
            changed[:] = [now]
            return now

        reply = await self._unit.run(CONFIGURE_ORACLE, call, effect)
        self._followed.committed([(ORACLE_CONFIGURED, config) for config in changed], reply.events)
        return reply

    def _missed(self) -> None:
        if self._repairing is None or self._repairing.done():
            self._repairing = asyncio.create_task(self._repair(), name="repair of the rate configuration")

    async def _repair(self) -> None:
        backoff = Backoff()
        while True:
            try:
                await self._followed.repair()
            except CommandError:  # logged by the pool
                await backoff.wait()
            else:
                return


class _View:
    """The configuration as `FollowedView` keeps it."""

    def __init__(self, default: OracleConfig) -> None:
        self._default = default
        self.config = default

    @property
    def events(self) -> Iterable[AnyEvent]:
        return (ORACLE_CONFIGURED,)

    async def load(self, connection: Connection) -> None:
        stored = await stored_config(connection)
        if stored is not None:
            self._take(stored)

    def apply(self, event: AnyEvent, payload: Any) -> None:
        assert isinstance(payload, OracleConfig), f"expected a configuration, was {event.kind}"
        self._take(payload)

    def _take(self, config: OracleConfig) -> None:
        if config.version > self.config.version:
            self.config = usable(config, self._default)
            if self.config.source != config.source:
                _log.warning("configured rate source left", why=why_no_source(config.source), now=self.config.source)


def usable(config: OracleConfig, default: OracleConfig) -> OracleConfig:
    """Return a configuration that another version of the service may have stored or told, as this one can follow it.

    Which sources there are is for this version to say; where the configured one is none of them, rates come from that
    of `default`, so that an upgrade leaves nobody without rates.
    """
    source = config.source if why_no_source(config.source) is None else default.source
    return msgspec.structs.replace(config, source=source, available_sources=SOURCES)
