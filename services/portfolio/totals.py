"""How many rows a search finds: counted up to a bound, as counting all takes as long as reading them."""

from typing import Any

import msgspec

from shared.database.failures import Connection

#: Up to so many rows the count is exact; of more, it is the planner's estimate, at least one more than this.
EXACT_UP_TO = 5_000


class _Plan(msgspec.Struct, frozen=True, rename={"rows": "Plan Rows"}):
    rows: float


class _Explained(msgspec.Struct, frozen=True, rename={"plan": "Plan"}):
    plan: _Plan


_decode = msgspec.json.Decoder(tuple[_Explained]).decode


async def total_of(connection: Connection, selection: str, arguments: tuple[Any, ...]) -> int:
    """Return how many rows `selection` has, a table with its conditions."""
    counted = int(
        await connection.fetchval(
            f"SELECT count(*) FROM (SELECT FROM {selection} LIMIT {EXACT_UP_TO + 1}) AS found", *arguments
        )
    )
    if counted <= EXACT_UP_TO:
        return counted
    explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) SELECT FROM {selection}", *arguments)
    (estimate,) = _decode(explained)
    return max(counted, int(estimate.plan.rows))
