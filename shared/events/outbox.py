"""The relay's side of the outbox: the lock that makes it the only one, and the rows it numbers, reads and deletes."""

from dataclasses import dataclass

import asyncpg
import msgspec

from shared.database.failures import OwnConnection
from shared.events.envelope import Envelope, encode
from shared.events.position import last_seq

#: Events numbered or read at a time, and so published between two answers of the server.
BATCH = 512
#: Longer than the stream keeps them, so that a lost stream is made again from here.
RETENTION = "8 days"
#: How long the first reply to an idempotency key is kept.
OUTCOME_RETENTION = "2 days"
#: Rows deleted in one statement, so that none takes long.
_PRUNED_AT_ONCE = 5_000
#: Counting stops here: more is just "far behind".
_MOST_COUNTED = 1_000_000

_LOCK = 0x48_42_52_4C
_COLUMNS = "id, seq, subject, kind, actor, account, bot, trace, data, created_at"

# One statement, so that it is one round trip. It does nothing at all unless `last_seq` is what this relay believes it
# is: a relay that has lost its lock without knowing can neither give a number twice nor leave a hole. Where nothing is
# pending it writes nothing, for it looks four times a second.
_TAKE = f"""
WITH pending AS (
    SELECT id, row_number() OVER (ORDER BY id) AS place
    FROM (SELECT id FROM outbox WHERE seq IS NULL ORDER BY id LIMIT $2) AS oldest
), state AS (
    UPDATE relay SET last_seq = last_seq + (SELECT count(*) FROM pending)
    WHERE last_seq = $1 AND EXISTS (SELECT FROM pending) RETURNING true
), taken AS (
    UPDATE outbox SET seq = $1 + pending.place FROM pending, state WHERE outbox.id = pending.id
    RETURNING {", ".join(f"outbox.{column}" for column in _COLUMNS.split(", "))}
)
SELECT * FROM taken ORDER BY seq
"""

COUNT_WAITING = f"SELECT count(*) FROM (SELECT FROM outbox WHERE seq IS NULL LIMIT {_MOST_COUNTED}) AS waiting"


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """A numbered event, ready to be published: where (`tail` of its subject) and what."""

    seq: int
    tail: str
    body: bytes


class Outbox:
    """The outbox of `service` over a connection of its own, which holds the lock.

    Every method raises the errors of asyncpg as they are: each means that the lock may be gone.
    """

    def __init__(self, connection: OwnConnection, service: str) -> None:
        self._connection = connection
        self._service = service
        #: The last number given, as far as this relay knows.
        self.last_seq = 0

    async def try_lock(self) -> bool:
        """Try to become the only relay of this schema, for as long as the connection lives."""
        locked: bool = await self._connection.fetchval(
            "SELECT pg_try_advisory_lock($1, hashtext(current_schema()))", _LOCK
        )
        return locked

    async def read_last_seq(self) -> int:
        """Read the last number given. Ask the stream for its end before, so that it cannot be ahead by chance."""
        self.last_seq = await last_seq(self._connection)
        return self.last_seq

    async def skip_to(self, seq: int) -> None:
        """Give no number up to `seq` again: the stream holds it, so the database is older than the stream."""
        await self._connection.execute("UPDATE relay SET last_seq = greatest(last_seq, $1)", seq)
        await self.read_last_seq()

    async def take(self) -> list[OutboxEvent]:
        """Number the oldest events that have none yet, up to `BATCH`, and return them."""
        rows = await self._connection.fetch(_TAKE, self.last_seq, BATCH)
        if rows:
            self.last_seq = rows[-1]["seq"]
        return [self._event(row) for row in rows]

    async def kept_after(self, seq: int) -> list[OutboxEvent]:
        """Return the first events that were numbered after `seq`, up to `BATCH`."""
        rows = await self._connection.fetch(
            f"SELECT {_COLUMNS} FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2",
            seq, BATCH,
        )  # fmt: skip
        return [self._event(row) for row in rows]

    async def count_waiting(self) -> int:
        """Return how many events have no number yet."""
        count: int = await self._connection.fetchval(COUNT_WAITING)
        return count

    async def prune(self, published: int) -> int:
        """Delete what has been kept long enough: events up to the number `published`, and outcomes. Return how many."""
        total = 0
        for sql, arguments in (
            (
                "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox"
                f" WHERE seq <= $2 AND created_at < now() - interval '{RETENTION}' LIMIT $1)",
                (_PRUNED_AT_ONCE, published),
            ),
            (
                "DELETE FROM idempotency WHERE (actor, command, key) IN (SELECT actor, command, key FROM idempotency"
                f" WHERE created_at < now() - interval '{OUTCOME_RETENTION}' LIMIT $1)",
                (_PRUNED_AT_ONCE,),
            ),
        ):
            deleted = _PRUNED_AT_ONCE
            while deleted == _PRUNED_AT_ONCE:
                deleted = int((await self._connection.execute(sql, *arguments)).split()[1])
                total += deleted
        return total

    def _event(self, row: asyncpg.Record) -> OutboxEvent:
        envelope = Envelope(
            seq=row["seq"],
            service=self._service,
            kind=row["kind"],
            time=row["created_at"],
            actor=row["actor"],
            account=row["account"],
            bot=row["bot"],
            trace=row["trace"],
            event_id=row["id"],
            data=msgspec.Raw(row["data"]),
        )
        return OutboxEvent(row["seq"], row["subject"], encode(envelope))
