"""Brings a service's schema up to its code: `services/<name>/migrations/versions/NNNN_what.py`, run by Alembic.

A migration is plain SQL through `op.execute`, one statement each; its revision is its number. While a service is rolled
out, replicas with the code before it go on running, so a migration only adds; what it makes needless goes later.

`python -m shared.database.migrate <schema> [<package>]` runs the migrations. A service calls `ensure_migrated`, which
looks first and starts that as a process only where the schema is behind: SQLAlchemy and Alembic never stay in memory.
"""

import asyncio
import importlib
import os
import re
import sys
from pathlib import Path

import asyncpg

from shared.backoff import Backoff
from shared.database.failures import is_server_failure
from shared.database.pool import CONNECT_TIMEOUT, QUERY_TIMEOUT, quoted
from shared.settings import DatabaseSettings, load
from shared.telemetry.logs import configure_logs, logger
from shared.telemetry.outage import Outage

#: Any number, the same in every process: one schema is migrated at a time.
_LOCK = 0x48_42_4D_49
_MIGRATION_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.py")
_ENVIRONMENT = Path(__file__).parent / "environment"


class MigrationFailed(RuntimeError):
    """A migration that did not run; its own log lines say why. Starting again without a change does not help."""


async def ensure_migrated(settings: DatabaseSettings, schema: str, package: str | None = None) -> None:
    """Return when `schema` is as the code expects it; wait for a PostgreSQL that is not there yet.

    `package` holds the folder `versions`; by default it is `services.<schema>.migrations`. A schema that is ahead of
    the code is left as it is.

    Raises:
        MigrationFailed: if a migration fails.
    """
    package = package or f"services.{schema}.migrations"
    wanted = latest_version(package)
    log = logger("migrate")
    outage = Outage(log, "database not reachable yet, waiting for it", "database reachable", schema=schema)
    backoff = Backoff(0.1, 2.0)
    while True:
        try:
            present = await _present_version(settings, schema)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            if not is_server_failure(error) and not isinstance(error, asyncpg.InvalidCatalogNameError):
                raise
            outage.away(error=type(error).__name__)
            await backoff.wait()
            continue
        outage.back()
        if present is not None and present >= wanted:
            if present > wanted:
                log.warning("schema is newer than the code", schema=schema, version=present, expected=wanted)
            return
        await _run_in_process(settings, schema, package)


def latest_version(package: str) -> str:
    """Return the number of the last migration in `package`, as `0007`.

    Raises:
        MigrationFailed: if there is none.
    """
    numbers = [
        match[1] for file in _versions_folder(package).iterdir() if (match := _MIGRATION_FILE.fullmatch(file.name))
    ]
    if not numbers:
        raise MigrationFailed(f"expected migrations named NNNN_what.py in {package}, found none")
    return max(numbers)


def _versions_folder(package: str) -> Path:
    module = importlib.import_module(package)
    return Path(next(iter(module.__path__))) / "versions"


async def _present_version(settings: DatabaseSettings, schema: str) -> str | None:
    table = f"{quoted(schema)}.alembic_version"
    connection = await asyncpg.connect(
        settings.database_url.get_secret_value(), timeout=CONNECT_TIMEOUT, command_timeout=QUERY_TIMEOUT
    )
    try:
        version: str | None = await connection.fetchval(f"SELECT max(version_num) FROM {table}")
    except asyncpg.UndefinedTableError:
        return None
    else:
        return version
    finally:
        await connection.close(timeout=QUERY_TIMEOUT)


async def _run_in_process(settings: DatabaseSettings, schema: str, package: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shared.database.migrate", schema, package,
        # In the environment and not in the arguments, which every user of the machine can read.
        env={**os.environ, "DATABASE_URL": settings.database_url.get_secret_value(), "LOG_LEVEL": settings.log_level},
        stdin=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if code != 0:
        raise MigrationFailed(f"the migrations of {schema} failed with exit code {code}; the log lines before say why")


async def run_migrations(settings: DatabaseSettings, schema: str, package: str) -> None:
    """Run the migrations that `schema` lacks, here and now; another process that does the same is waited for."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import Connection, text
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", str(_ENVIRONMENT))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(_versions_folder(package)))

    def upgrade(connection: Connection) -> None:
        config.attributes.update(connection=connection, schema=schema)
        command.upgrade(config, "head")

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(
            settings.database_url.get_secret_value(),
            timeout=CONNECT_TIMEOUT,
            server_settings={"search_path": quoted(schema)},
        ),
        poolclass=NullPool,
    )
    async with engine.begin() as connection:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}"))
        await connection.run_sync(upgrade)
    await engine.dispose()


def main(schema: str, package: str | None = None) -> None:
    """Migrate `schema` with the settings of the environment."""
    settings = load(DatabaseSettings)
    configure_logs(settings.log_level)
    asyncio.run(run_migrations(settings, schema, package or f"services.{schema}.migrations"))
    logger("migrate").info("schema migrated", schema=schema)


if __name__ == "__main__":
    main(*sys.argv[1:])
