"""What a failure of PostgreSQL means to the caller of a command: was it done, was it not, or can nobody say."""

from typing import TYPE_CHECKING, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from shared.errors import CommandError, ErrorCode

# The classes are generic in asyncpg's stubs alone.
if TYPE_CHECKING:
    OwnConnection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    PooledConnection: TypeAlias = PoolConnectionProxy[asyncpg.Record]
else:
    OwnConnection = asyncpg.Connection
    PooledConnection = PoolConnectionProxy

#: A connection, from the pool or of its own.
Connection: TypeAlias = OwnConnection | PooledConnection

#: The server is gone, starts, stops, is full or was told to break off: SQLSTATE classes 08, 53, 57 and 58.
_SERVER_FAILURES = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
)

#: The transaction lost against another one and may be run again as it is.
CONFLICTS_TO_REPEAT = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


def is_server_failure(error: BaseException, connection: Connection | None = None) -> bool:
    """Return whether `error` says that PostgreSQL could not be asked, and not that it refused.

    A `TimeoutError` counts: nothing but the database is waited for inside a transaction. `OSError` and asyncpg's
    `InterfaceError` count where there is no connection, or where it is closed: otherwise they are somebody else's.
    """
    if isinstance(error, (*_SERVER_FAILURES, TimeoutError)):
        return True
    if isinstance(error, (OSError, asyncpg.InterfaceError)):
        return connection is None or is_lost(connection)
    return False


def is_lost(connection: Connection) -> bool:
    """Return whether the connection is closed; the pool has taken it back then, and it answers nothing any more."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


def unavailable(schema: str, why: str = "is not reachable") -> CommandError:
    """Return the error for a command that was not done because the database of `schema` could not be asked."""
    return CommandError(ErrorCode.UNAVAILABLE, f"The database of {schema} {why}; nothing was changed.")


def outcome_unknown(schema: str, key: str | None = None) -> CommandError:
    """Return the error for a change that was sent to be committed, with no answer."""
    return CommandError(
        ErrorCode.OUTCOME_UNKNOWN,
        f"The database of {schema} was lost while it committed: the change may have been made.",
        key=key,
    )
