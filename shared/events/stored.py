"""Events as the outbox keeps them, for a view that knows of events which the stream has not brought yet."""

from collections.abc import Iterable

import msgspec

from shared.database.pool import Database

_MAX_ID = 2**63


class StoredEvent(msgspec.Struct, frozen=True):
    """A committed event, with its payload as JSON."""

    event_id: int
    kind: str
    data: bytes


async def stored_events(database: Database, event_ids: Iterable[int]) -> list[StoredEvent]:
    """Return those of the events that are committed and still kept, in the order of their ids.

    Raises:
        CommandError: UNAVAILABLE if the database cannot be asked.
    """
    possible = [event_id for event_id in event_ids if 0 < event_id < _MAX_ID]
    rows = await database.fetch(
        "SELECT id AS event_id, kind, data FROM outbox WHERE id = ANY($1::bigint[]) ORDER BY id", possible
    )
    return [StoredEvent(**row) for row in rows]
