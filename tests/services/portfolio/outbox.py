"""What the events of the service say, as they stand in its outbox."""

import msgspec

from shared.contracts.declaration import Event, P
from shared.database.pool import Database


async def told(database: Database, event: Event[P]) -> list[P]:
    """Return what the events of one kind say, in their order."""
    rows = await database.fetch("SELECT data FROM outbox WHERE kind = $1 ORDER BY id", event.kind)
    return [msgspec.json.decode(row["data"], type=event.payload) for row in rows]
