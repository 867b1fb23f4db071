"""Where in the order of events a snapshot of the database stands, so that a view in memory is filled without a gap."""

from dataclasses import dataclass

from shared.database.failures import Connection
from shared.database.queries import Queries

_RECENT = 4096


@dataclass(frozen=True, slots=True)
class Position:
    """All events up to `seq` and the events `event_ids` are committed; `event_ids` are the latest, ascending."""

    seq: int
    event_ids: tuple[int, ...]


async def last_seq(queries: Queries) -> int:
    """Return the `seq` of the last event of this schema that a relay has numbered, 0 before the first."""
    seq: int = await queries.fetchval("SELECT last_seq FROM relay")
    return seq


async def current_position(connection: Connection) -> Position:
    """Return how far the events of this schema have come.

    Read it *before* the tables that a view is filled from, on the same connection or another: the tables then hold at
    least these events. Hand `event_ids` to `AppliedEvents.load` and follow the stream from `seq` on. Events between
    are seen twice, which a versioned upsert does not mind.
    """
    row = await connection.fetchrow(
        "SELECT (SELECT last_seq FROM relay) AS seq,"
        " ARRAY(SELECT id FROM (SELECT id FROM outbox ORDER BY id DESC LIMIT $1) AS recent ORDER BY id) AS ids",
        _RECENT,
    )
    assert row is not None
    return Position(row["seq"], tuple(row["ids"]))
