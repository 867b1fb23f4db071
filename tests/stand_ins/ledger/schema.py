"""The ledger's tables, made without Alembic, which takes a second, and what a change does to them."""

import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import asyncpg
import msgspec

from shared.bus.messages import Call
from shared.database import tables
from shared.database.unit_of_work import Work
from shared.settings import DatabaseSettings
from tests.stand_ins.ledger.contract import CHANGE, CHANGED, Change, Changed

ENTRIES = "CREATE TABLE entries (name text PRIMARY KEY, amount bigint NOT NULL, version bigint NOT NULL)"
#: No key, so that an effect that happens twice is seen.
EFFECTS = "CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY, seq bigint NOT NULL, name text NOT NULL)"


async def make_tables(settings: DatabaseSettings, schema: str = "ledger") -> None:
    """Make all tables in `schema`."""
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        await connection.execute(f"CREATE SCHEMA {schema}; SET search_path = {schema}")
        for sql in (tables.outbox(), tables.idempotency(), tables.inbox(), tables.leases(), ENTRIES, EFFECTS):
            await connection.execute(sql)
    finally:
        await connection.close()


def call(request: Change, *, key: str | None = None, seconds: float = 10.0, actor: str = "alice") -> Call:
    """Return how the command `CHANGE` with `request` comes in."""
    return Call(CHANGE.key, actor, msgspec.json.encode(request), time.time() + seconds, key=key)


def change(request: Change) -> Callable[[Work], Awaitable[Changed]]:
    """Return the effect of `CHANGE`: lock the entry by writing it, then tell."""

    async def effect(work: Work) -> Changed:
        row = await work.connection.fetchrow(
            "INSERT INTO entries AS old VALUES ($1, $2, 1) ON CONFLICT (name) DO UPDATE"
            " SET amount = old.amount + excluded.amount, version = old.version + 1 RETURNING *",
            request.name,
            request.amount,
        )
        assert row is not None
        changed = Changed(**dict(row))
        work.emit(CHANGED, changed)
        return changed

    return effect


def fresh_name() -> str:
    """Return the name of an entry that nobody has used."""
    return uuid4().hex[:12]
