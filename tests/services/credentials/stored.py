"""What the service has stored, read past it."""

from typing import Any

import asyncpg

from services.credentials.encryption import StoredKeyring, open_keyring
from services.credentials.repository import Repository

SCHEMA = "credentials"


async def connect(database_url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Return a connection to the schema of the service; the caller closes it."""
    return await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})


async def keyring(database_url: str) -> StoredKeyring:
    """Return the stored keyring."""
    connection = await connect(database_url)
    stored = await Repository(connection).keyring()
    await connection.close()
    assert stored is not None
    return stored


async def secrets(database_url: str, password: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the values of all credentials, decrypted with `password`."""
    cipher = open_keyring(await keyring(database_url), password)
    connection = await connect(database_url)
    rows = await Repository(connection).all_credentials()
    await connection.close()
    return {
        (row.account_name, row.connector_name): cipher.decrypt(row.account_name, row.connector_name, row.secret)
        for row in rows
    }


async def everything(database_url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables of the schema."""
    connection = await connect(database_url)
    tables = await connection.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1", SCHEMA
    )
    rows = {
        table: [tuple(row) for row in await connection.fetch(f"SELECT * FROM {table} AS t ORDER BY t::text")]
        for (table,) in tables
    }
    await connection.close()
    return rows
