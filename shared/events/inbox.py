"""Which events a consumer has taken in, so that each takes effect once however often it is delivered.

An event is claimed in the transaction of its effect. What is taken in up to a floor without holes is one number; only
what lies above it has rows. Whoever claims holds the floor still, because a claim that looks at the floor before it is
raised and at the rows after they went would take an event in twice.
"""

from collections.abc import Sequence

import asyncpg

from shared.database.failures import Connection
from shared.events.envelope import Envelope

#: An event that did not come in so long will not come any more: no outbox keeps it. See `outbox.RETENTION`.
_HOLE_RETENTION = "9 days"

_RAISE = f"""
WITH numbered AS (
    SELECT seq, taken_at, seq - row_number() OVER (ORDER BY seq) AS island
    FROM inbox WHERE consumer = $1 AND service = $2 AND seq > $3
)
SELECT max(seq) FROM numbered WHERE island = $3 OR taken_at < now() - interval '{_HOLE_RETENTION}'
"""


class Inbox:
    """The inbox of `consumer` for the events of `service`; every method works on the connection of a transaction."""

    def __init__(self, consumer: str, service: str) -> None:
        self._consumer = consumer
        self._service = service

    async def open(self, connection: Connection, floor: int) -> None:
        """Make the inbox if it does not exist, as if all events up to `floor` were taken in."""
        await connection.execute(
            "INSERT INTO inbox_floor (consumer, service, seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            self._consumer, self._service, floor,
        )  # fmt: skip

    async def floor(self, connection: Connection) -> int:
        """Return the `seq` up to which all events are taken in. The inbox must have been opened."""
        floor: int = await connection.fetchval(
            "SELECT seq FROM inbox_floor WHERE consumer = $1 AND service = $2", self._consumer, self._service
        )
        return floor

    async def claim(self, connection: Connection, seqs: Sequence[int]) -> set[int]:
        """Take `seqs` in with this transaction; return those that were not taken in yet.

        Where another transaction has claimed one of them, this waits for its end.
        """
        floor: int = await connection.fetchval(
            "SELECT seq FROM inbox_floor WHERE consumer = $1 AND service = $2 FOR SHARE", self._consumer, self._service
        )
        # In ascending order, so that two replicas with the same events wait for each other in one direction only.
        above = sorted({seq for seq in seqs if seq > floor})
        rows = await connection.fetch(
            "INSERT INTO inbox (consumer, service, seq) SELECT $1, $2, unnest($3::bigint[])"
            " ON CONFLICT DO NOTHING RETURNING seq",
            self._consumer, self._service, above,
        )  # fmt: skip
        return {row["seq"] for row in rows}

    async def park(self, connection: Connection, event: Envelope, body: bytes, error: str) -> None:
        """Keep an event that could not be taken in, with the reason; it counts as taken in."""
        if await self.claim(connection, [event.seq]):
            await connection.execute(
                "INSERT INTO parked (consumer, service, seq, kind, envelope, error) VALUES ($1, $2, $3, $4, $5, $6)",
                self._consumer, self._service, event.seq, event.kind, body, error,
            )  # fmt: skip

    async def compact(self, connection: Connection) -> None:
        """Raise the floor as far as it goes and delete the rows below; leave it where others keep it busy."""
        try:
            await connection.execute("SET LOCAL lock_timeout = '1s'")
            floor = await connection.fetchval(
                "SELECT seq FROM inbox_floor WHERE consumer = $1 AND service = $2 FOR UPDATE",
                self._consumer, self._service,
            )  # fmt: skip
        except asyncpg.LockNotAvailableError:
            return
        raised = await connection.fetchval(_RAISE, self._consumer, self._service, floor)
        if raised is None:
            return
        await connection.execute(
            "UPDATE inbox_floor SET seq = $3 WHERE consumer = $1 AND service = $2",
            self._consumer, self._service, raised,
        )  # fmt: skip
        await connection.execute(
            "DELETE FROM inbox WHERE consumer = $1 AND service = $2 AND seq <= $3",
            self._consumer, self._service, raised,
        )  # fmt: skip
