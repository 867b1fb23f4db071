"""Aggregate trades: the fills of one taker at one price, as one trade.

An aggregate's id is never greater than that of its first trade, as both are counted from the same number.
"""

from collections.abc import Iterable, Sequence

import msgspec

from services.simulator.engine.events import Trade
from services.simulator.engine.symbol import Symbol
from services.simulator.rest.ports import LiveMarket


class Aggregate(msgspec.Struct):
    """Some trades in a row with the same `aggregate_id`; `time` is that of the last."""

    aggregate_id: int
    price: int
    quantity: int
    first_id: int
    last_id: int
    time: int
    buyer_is_maker: bool


def aggregated(trades: Iterable[Trade]) -> list[Aggregate]:
    """Return the aggregates of trades in order."""
    found: list[Aggregate] = []
    for trade in trades:
        if found and found[-1].aggregate_id == trade.aggregate_id:
            last = found[-1]
            last.quantity += trade.quantity
            last.last_id, last.time = trade.trade_id, trade.time
        else:
            found.append(
                Aggregate(
                    trade.aggregate_id,
                    trade.price,
                    trade.quantity,
                    trade.trade_id,
                    trade.trade_id,
                    trade.time,
                    trade.buyer_is_maker,
                )
            )
    return found


async def aggregates(
    live: LiveMarket,
    symbol: Symbol,
    *,
    from_id: int | None,
    start_ms: int | None,
    end_ms: int | None,
    limit: int,
) -> Sequence[Aggregate]:
    """Return aggregates in order: with a start the first `limit` from there on, else the last up to `end_ms`."""
    if from_id is None and start_ms is None:
        return await _last(live, symbol, end_ms, limit)
    trades: list[Trade] = []
    least = from_id or 0
    page, found = limit + 1, 0
    while found <= limit:  # one more than wanted, so that the last one that is wanted is whole
        more = await live.trades(symbol, from_id=from_id, start_ms=start_ms, end_ms=end_ms, limit=page)
        trades += (trade for trade in more if trade.aggregate_id >= least)
        found = len({trade.aggregate_id for trade in trades})
        if len(more) < page:
            break
        from_id, start_ms = more[-1].trade_id + 1, None
    return aggregated(trades)[:limit]


async def _last(live: LiveMarket, symbol: Symbol, end_ms: int | None, limit: int) -> Sequence[Aggregate]:
    page = limit + 1
    while True:
        trades = await live.trades(symbol, from_id=None, start_ms=None, end_ms=end_ms, limit=page)
        found = aggregated(trades)
        if len(found) > limit or len(trades) < page:
            return found[-limit:]
        page *= 2
