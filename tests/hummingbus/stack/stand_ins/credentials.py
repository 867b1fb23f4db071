"""A service that uses both servers: it notes its starts in PostgreSQL, and that both are there when it is drained."""

from collections.abc import Mapping
from pathlib import Path

import asyncpg
import nats
from nats.aio.client import Client

from shared.service import Health
from shared.settings import EXIT_CONFIG, DatabaseSettings, load, read_environment
from shared.telemetry.logs import logger


class Control:
    """Connects as its user; a password of `wrong` is a fault that a restart does not mend."""

    name = "credentials"

    def __init__(self, overrides: Mapping[str, str]) -> None:
        self._settings = load(DatabaseSettings, overrides)
        environment = read_environment()
        self._trace = Path(environment["STAND_IN_TRACE"])
        self._password = environment["CONFIG_PASSWORD"]
        self._client: Client | None = None

    async def start(self) -> None:
        if self._password == "wrong":
            logger(self.name).error("CONFIG_PASSWORD does not open the stored secrets")
            raise SystemExit(EXIT_CONFIG)
        self._client = await nats.connect(self._settings.nats_url, nkeys_seed_str=self._settings.seed())
        connection = await asyncpg.connect(self._settings.database_url.get_secret_value())
        await connection.execute("CREATE TABLE IF NOT EXISTS starts (password text)")
        await connection.execute("INSERT INTO starts VALUES ($1)", self._password)
        await connection.close()

    async def drain(self) -> None:
        if self._client is None:
            return
        await self._client.flush(timeout=2)
        await self._client.close()
        connection = await asyncpg.connect(self._settings.database_url.get_secret_value())
        starts = await connection.fetchval("SELECT count(*) FROM starts")
        await connection.close()
        with self._trace.open("a") as trace:
            trace.write(f"control drained after {starts} starts\n")

    def health(self) -> Health:
        return Health(True)


def create(overrides: Mapping[str, str]) -> Control:
    """Return the service."""
    return Control(overrides)
