"""The minutes of live candles in PostgreSQL: a table that grows, and from which old rows are taken."""

from collections.abc import Sequence

import asyncpg

from services.simulator.live_minute import SECONDS, LiveMinute
from services.simulator.market.candles import Candle
from services.simulator.venue import Venue
from shared.database.pool import Database
from shared.settings import DatabaseSettings

SCHEMA = "simulator"
_DROPPED_AT_A_TIME = 5_000


class MinuteRepository:
    """The part of `Repository` that keeps candles. Only who has the newest epoch changes anything."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._database = Database(settings, SCHEMA)
        self._epoch = 0

    async def write_minutes(self, minutes: Sequence[tuple[Venue, str, LiveMinute]]) -> None:
        """Keep minutes of live candles, in place of what there was of the same minutes."""
        # Arrays of arrays can't be unnested one level down, so a row of numbers travels as text.
        await self._database.execute(
            """
            INSERT INTO minutes (venue, symbol, open_time, count, first_id, row, seconds, by_user)
            SELECT venue, symbol, open_time, count, first_id, row::bigint[], seconds, by_user
            FROM unnest(
                $1::text[], $2::text[], $3::bigint[], $4::smallint[], $5::bigint[], $6::text[], $7::bytea[], $8::bool[]
            ) AS new (venue, symbol, open_time, count, first_id, row, seconds, by_user)
            WHERE (SELECT epoch FROM exchange) = $9
            ON CONFLICT (venue, symbol, open_time) DO UPDATE
            SET count = excluded.count, first_id = excluded.first_id, row = excluded.row, seconds = excluded.seconds,
                by_user = excluded.by_user
            """,
            *map(
                list,
                zip(
                    *(
                        (
                            venue,
                            symbol,
                            minute.open_time,
                            minute.count,
                            minute.first_id,
                            "{" + ",".join(map(str, minute.candle)) + "}",
                            minute.seconds,
                            minute.by_user,
                        )
                        for venue, symbol, minute in minutes
                    ),
                    strict=True,
                ),
            ),
            self._epoch,
        )

    async def recent_minutes(self, start_ms: int) -> Sequence[tuple[Venue, str, LiveMinute]]:
        """Return all minutes of live candles since `start_ms`, in order of time; seconds only of those not complete."""
        records = await self._database.fetch(
            """
            SELECT venue, symbol, row, first_id, count, by_user,
                   CASE WHEN count < $2 THEN seconds ELSE ''::bytea END AS seconds
            FROM minutes WHERE open_time >= $1 ORDER BY open_time
            """,
            start_ms,
            SECONDS,
        )
        return [(record["venue"], record["symbol"], _minute(record)) for record in records]

    async def drop_minutes(self, before_ms: int) -> int:
        """Forget the minutes before `before_ms` in which no user traded; return how many these were."""
        dropped = 0
        while True:  # a few thousand at a time, so that nobody waits for it
            some: int = await self._database.fetchval(
                """
                WITH old AS (
                    SELECT venue, symbol, open_time FROM minutes
                    WHERE open_time < $1 AND NOT by_user AND (SELECT epoch FROM exchange) = $2 LIMIT $3
                ), gone AS (
                    DELETE FROM minutes USING old
                    WHERE (minutes.venue, minutes.symbol, minutes.open_time) = (old.venue, old.symbol, old.open_time)
                    RETURNING 1
                )
                SELECT count(*) FROM gone
                """,
                before_ms,
                self._epoch,
                _DROPPED_AT_A_TIME,
            )
            dropped += some
            if some < _DROPPED_AT_A_TIME:
                return dropped

    async def minutes(
        self, venue: Venue, symbol: str, start_ms: int, end_ms: int, *, seconds: bool
    ) -> Sequence[LiveMinute]:
        """Return the minutes of live candles that begin in the range, in order; with their `seconds` if so asked."""
        records = await self._database.fetch(
            """
            SELECT row, first_id, count, by_user, CASE WHEN $5 THEN seconds ELSE ''::bytea END AS seconds
            FROM minutes WHERE venue = $1 AND symbol = $2 AND open_time >= $3 AND open_time < $4 ORDER BY open_time
            """,
            venue,
            symbol,
            start_ms,
            end_ms,
            seconds,
        )
        return [_minute(record) for record in records]


def _minute(record: asyncpg.Record) -> LiveMinute:
    return LiveMinute(Candle(*record["row"]), record["first_id"], record["count"], record["seconds"], record["by_user"])
