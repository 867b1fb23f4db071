"""All SQL about where rates come from."""

from shared.contracts.marketdata.rates import OracleConfig
from shared.database.failures import Connection

_READ = "SELECT source, quote_token, quote_symbol, version FROM rate_oracle"
_WRITE = """
INSERT INTO rate_oracle (source, quote_token, quote_symbol, version) VALUES ($1, $2, $3, $4)
ON CONFLICT (one) DO UPDATE SET source = $1, quote_token = $2, quote_symbol = $3, version = $4,
changed_at = clock_timestamp()
"""
_LOCK = "LOCK TABLE rate_oracle IN SHARE ROW EXCLUSIVE MODE"


async def stored_config(connection: Connection) -> OracleConfig | None:
    """Return what is configured; None if nobody has configured anything."""
    row = await connection.fetchrow(_READ)
    return None if row is None else OracleConfig(**row)


async def locked_config(connection: Connection) -> OracleConfig | None:
    """Return what is configured; nobody else changes it before this transaction ends."""
    # The table and not a row, which there may not be yet. Changes are rare.
    await connection.execute(_LOCK)
    return await stored_config(connection)


async def write_config(connection: Connection, config: OracleConfig) -> None:
    """Store the configuration."""
    await connection.execute(_WRITE, config.source, config.quote_token, config.quote_symbol, config.version)
