"""All SQL of the service."""

from collections.abc import Iterable, Sequence

import msgspec

from services.marketdata.candles.series import Series
from services.marketdata.candles.spans import Span, contains
from shared.contracts.marketdata.candles import Candle
from shared.database.pool import Database
from shared.errors import CommandError, ErrorCode

_COLUMNS = (
    "series_id", "open_time", "open", "high", "low", "close", "volume", "quote_asset_volume", "n_trades",
    "taker_buy_base_volume", "taker_buy_quote_volume",
)  # fmt: skip

_ENSURE = """
INSERT INTO candle_series (connector_name, trading_pair, candle_interval) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
_COVERED = """
SELECT lower(span) AS start, upper(span) AS "end"
FROM candle_series, unnest(covered * int8multirange(int8range($4, $5))) AS span
WHERE connector_name = $1 AND trading_pair = $2 AND candle_interval = $3
ORDER BY lower(span)
"""
_LOCK = """
SELECT id FROM candle_series WHERE connector_name = $1 AND trading_pair = $2 AND candle_interval = $3 FOR UPDATE
"""
_COVER = "UPDATE candle_series SET covered = covered + int8multirange(int8range($2, $3)) WHERE id = $1"

#: PostgreSQL writes the JSON: it is faster at the text of doubles than rows would come to us.
_JSON = """
SELECT convert_to(string_agg(concat(
    '{"timestamp":', open_time / 1000, ',"open":', open, ',"high":', high, ',"low":', low, ',"close":', close,
    ',"volume":', volume, ',"quote_asset_volume":', quote_asset_volume, ',"n_trades":', n_trades,
    ',"taker_buy_base_volume":', taker_buy_base_volume, ',"taker_buy_quote_volume":', taker_buy_quote_volume, '}'
), ',' ORDER BY open_time), 'UTF8')
FROM candles
WHERE series_id = (
    SELECT id FROM candle_series WHERE connector_name = $1 AND trading_pair = $2 AND candle_interval = $3
) AND open_time >= $4 AND open_time < $5
"""


class Repository:
    """Candles, and of which times all of them are there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def covered(self, series: Series, within: Span) -> tuple[Span, ...]:
        """Return the parts of `within` of which every candle is stored, in order."""
        rows = await self._database.fetch(_COVERED, *msgspec.structs.astuple(series), within.start, within.end)
        return tuple(Span(row["start"], row["end"]) for row in rows)

    async def candles_json(self, series: Series, span: Span) -> bytes:
        """Return the stored candles that open within `span`, oldest first, as JSON objects with commas between."""
        text: bytes | None = await self._database.fetchval(
            _JSON, *msgspec.structs.astuple(series), span.start, span.end
        )
        return text or b""

    async def add_candles(self, series: Series, covered: Span, candles: Iterable[Candle]) -> None:
        """Store all candles of `covered`; those that another replica has stored meanwhile stay as they are.

        Raises:
            CommandError: UNAVAILABLE if PostgreSQL cannot be asked; also where it may be stored all the same, as
                storing again does no harm.
        """
        try:
            await self._add(series, covered, candles)
        except CommandError as error:
            if error.code is not ErrorCode.OUTCOME_UNKNOWN:
                raise
            raise CommandError(ErrorCode.UNAVAILABLE, "The database was lost while candles were stored.") from error

    async def _add(self, series: Series, covered: Span, candles: Iterable[Candle]) -> None:
        names = msgspec.structs.astuple(series)
        async with self._database.transaction() as connection:
            # What a crash of the server takes with it is asked for again.
            await connection.execute("SET LOCAL synchronous_commit = off")
            await connection.execute(_ENSURE, *names)
            series_id = await connection.fetchval(_LOCK, *names)
            spans = await connection.fetch(_COVERED, *names, covered.start, covered.end)
            stored = tuple(Span(row["start"], row["end"]) for row in spans)
            records = [_record(series_id, candle) for candle in candles]
            fresh = _not_in(stored, records)
            if fresh:
                await connection.copy_records_to_table(
                    "candles", schema_name=self._database.schema, records=fresh, columns=_COLUMNS
                )
            await connection.execute(_COVER, series_id, covered.start, covered.end)


Record = tuple[int | float, ...]


def _record(series_id: int, candle: Candle) -> Record:
    timestamp, *values = msgspec.structs.astuple(candle)
    return (series_id, round(timestamp * 1000), *values)


def _not_in(stored: Sequence[Span], records: list[Record]) -> list[Record]:
    if not stored:
        return records
    return [record for record in records if not contains(stored, int(record[1]))]
