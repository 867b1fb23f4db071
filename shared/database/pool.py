"""One schema's connections to PostgreSQL, and what their failures mean."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from asyncpg.transaction import Transaction

from shared.backoff import Backoff
from shared.database.failures import (
    Connection,
    OwnConnection,
    PooledConnection,
    is_lost,
    is_server_failure,
    outcome_unknown,
    unavailable,
)
from shared.errors import CommandError
from shared.names import is_name
from shared.settings import DatabaseSettings
from shared.telemetry.logs import logger
from shared.telemetry.outage import Outage

#: Seconds until a connection attempt, and until a single query, is given up.
CONNECT_TIMEOUT = 5.0
QUERY_TIMEOUT = 10.0
#: A process that is stopped in the middle of a transaction lets go of its locks after this time (milliseconds).
IDLE_IN_TRANSACTION = 15_000


class Database:
    """The connections of one service to its schema.

    Session settings are never changed: connections go back to the pool without a reset, which would halve the query
    rate. Inside a transaction use `SET LOCAL` and `pg_advisory_xact_lock` only. The pool replaces connections that
    PostgreSQL has closed, so nothing needs to be done after it was restarted.

    Every method but `start` raises `CommandError` with `UNAVAILABLE` when PostgreSQL cannot be asked. The `fetch…`
    methods are for reading: where they write (`RETURNING`), the caller must not mind that it may have been done.
    """

    def __init__(
        self, settings: DatabaseSettings, schema: str, *, idle_in_transaction: int = IDLE_IN_TRANSACTION
    ) -> None:
        """`idle_in_transaction` is after how many milliseconds a transaction is rolled back whose process is silent."""
        self.schema = schema
        self._idle_in_transaction = idle_in_transaction
        self.namespace = settings.namespace
        self._settings = settings
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._log = logger("database")
        self._outage = Outage(self._log, "database not reachable", "database reachable again", schema=schema)

    async def start(self) -> None:
        """Connect; wait for a server that is not there yet, for as long as it takes."""
        backoff = Backoff(0.1, 2.0)
        # No connection is kept for its own sake: an idle service costs PostgreSQL no memory.
        self._pool = await asyncpg.create_pool(
            min_size=0, max_size=self._settings.database_connections, reset=_keep, **self._arguments()
        )
        while True:
            try:
                await self.fetchval("SELECT 1")
            except CommandError:  # logged
                await backoff.wait()
            else:
                return

    async def stop(self) -> None:
        """Close all connections, after the queries under way; at the latest after `QUERY_TIMEOUT`."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(QUERY_TIMEOUT):
                await pool.close()
        except TimeoutError:
            pool.terminate()

    async def connect(self, **server_settings: str) -> OwnConnection:
        """Return a connection beside the pool, for a session that holds something; the caller closes it.

        Raises the errors of asyncpg as they are: see `failures.is_server_failure`.
        """
        return await asyncpg.connect(**self._arguments(**server_settings))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PooledConnection]:
        """Run the body in a transaction: committed when it ends, rolled back when it raises.

        Raises:
            CommandError: `UNAVAILABLE` when the server was lost before the commit; `OUTCOME_UNKNOWN` when it was
                lost during it.
        """
        connection, transaction = await self._begin()
        try:
            try:
                yield connection
            except BaseException as error:
                await self._roll_back(connection, transaction)
                if is_server_failure(error, connection):
                    raise self._unavailable(error) from error
                raise
            await self._commit(connection, transaction)
            self._outage.back()
        finally:
            await self._release(connection)

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """Return all rows of a query that stands alone."""
        async with self._lent() as connection:
            return await connection.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        """Return the first row of a query that stands alone, or None."""
        async with self._lent() as connection:
            return await connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """Return the first column of the first row of a query that stands alone, or None."""
        async with self._lent() as connection:
            return await connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        """Run a statement that stands alone and writes; return PostgreSQL's word on it, as `INSERT 0 1`.

        Raises:
            CommandError: also `OUTCOME_UNKNOWN`, when the server was lost after the statement was sent.
        """
        connection = await self._acquire()
        try:
            status = await connection.execute(sql, *args)
        except Exception as error:
            if is_server_failure(error, connection):
                self._log.warning("database lost during a write", schema=self.schema, error=type(error).__name__)
                raise outcome_unknown(self.schema) from error
            raise
        else:
            self._outage.back()
            return status
        finally:
            await self._release(connection)

    async def clock_offset(self) -> float:
        """Return our clock minus PostgreSQL's, in seconds."""
        before = time.time()
        theirs = await self.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
        return (before + time.time()) / 2 - float(theirs)

    def _arguments(self, **server_settings: str) -> dict[str, Any]:
        return {
            "dsn": self._settings.database_url.get_secret_value(),
            "timeout": CONNECT_TIMEOUT,
            "command_timeout": QUERY_TIMEOUT,
            "server_settings": {
                "application_name": f"hummingbus {self.schema}",
                "search_path": quoted(self.schema),
                "idle_in_transaction_session_timeout": str(self._idle_in_transaction),
                # Our queries are short: compiling them costs more than it saves.
                "jit": "off",
                **server_settings,
            },
        }

    def _unavailable(self, error: BaseException) -> Exception:
        self._outage.away(error=type(error).__name__)
        if isinstance(error, TimeoutError):
            return unavailable(self.schema, "did not answer in time")
        return unavailable(self.schema)

    async def _acquire(self) -> PooledConnection:
        if self._pool is None:
            raise unavailable(self.schema)
        try:
            return await self._pool.acquire(timeout=CONNECT_TIMEOUT)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise self._unavailable(error) from error

    async def _begin(self) -> tuple[PooledConnection, Transaction]:
        # The pool may lend a connection that the server has closed a moment ago. Nothing was done on it yet, so a
        # second try is safe; a third would only hide that the server is gone.
        for last in (False, True):
            connection = await self._acquire()
            transaction = connection.transaction()
            try:
                await transaction.start()
            except BaseException as error:
                closed = is_lost(connection)
                await self._release(connection)
                if not is_server_failure(error, None if closed else connection):
                    raise
                if last or not closed:
                    raise self._unavailable(error) from error
            else:
                return connection, transaction
        raise AssertionError("unreachable")

    async def _commit(self, connection: PooledConnection, transaction: Transaction) -> None:
        try:
            await transaction.commit()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            if isinstance(error, asyncpg.PostgresError) and not is_server_failure(error):
                raise  # its own word that it did not commit: a deferred constraint, a lost race
            self._log.warning("database lost during a commit", schema=self.schema, error=type(error).__name__)
            _terminate(connection)
            raise outcome_unknown(self.schema) from error

    async def _roll_back(self, connection: PooledConnection, transaction: Transaction) -> None:
        if is_lost(connection):
            return
        try:
            await transaction.rollback()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            # PostgreSQL rolls back whatever loses its connection.
            self._log.warning("rollback left to the server", schema=self.schema, error=type(error).__name__)
            _terminate(connection)

    async def _release(self, connection: PooledConnection) -> None:
        if self._pool is None:
            _terminate(connection)
            return
        try:
            await self._pool.release(connection, timeout=QUERY_TIMEOUT)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            # The pool has closed it and opens another one when it is needed.
            self._log.warning("connection dropped", schema=self.schema, error=type(error).__name__)

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[PooledConnection]:
        connection = await self._acquire()
        try:
            try:
                yield connection
                self._outage.back()
            except BaseException as error:
                if is_server_failure(error, connection):
                    raise self._unavailable(error) from error
                raise
        finally:
            await self._release(connection)


def quoted(schema: str) -> str:
    """Return `schema` as it stands in SQL.

    Raises:
        ValueError: if it is not a name.
    """
    if not is_name(schema):
        raise ValueError(f"expected a schema of letters, digits, '-' and '_', was {schema!r}")
    return f'"{schema}"'


def _terminate(connection: PooledConnection) -> None:
    if not is_lost(connection):
        connection.terminate()


async def _keep(_: Connection) -> None:
    """Leave the session as it is; the pool itself has rolled back what was left open."""
