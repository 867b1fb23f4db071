"""Public trades and aggregates of them, as far as both venues tell them in the same words."""

from collections.abc import Sequence

from services.simulator.engine import refusal
from services.simulator.engine.events import Trade
from services.simulator.engine.symbol import Symbol
from services.simulator.rest.aggregates import Aggregate, aggregates
from services.simulator.rest.figures import Figures
from services.simulator.rest.routing import Call


def trade(row: Trade, text: Figures) -> dict[str, object]:
    """Return a trade."""
    return {
        "id": row.trade_id,
        "price": text.price(row.price),
        "qty": text.quantity(row.quantity),
        "quoteQty": text.quote(row.quote),
        "time": row.time,
        "isBuyerMaker": row.buyer_is_maker,
    }


def aggregate(row: Aggregate, text: Figures) -> dict[str, object]:
    """Return an aggregate."""
    return {
        "a": row.aggregate_id,
        "p": text.price(row.price),
        "q": text.quantity(row.quantity),
        "f": row.first_id,
        "l": row.last_id,
        "T": row.time,
        "m": row.buyer_is_maker,
    }


async def asked_aggregates(call: Call, symbol: Symbol, limit: int) -> Sequence[Aggregate]:
    """Return the aggregates that are asked for: from an id on, or of a span of time.

    Raises:
        Refusal: -1128 for both at once.
    """
    from_id, (start, end) = call.parameters.integer("fromId"), call.parameters.span()
    if from_id is not None and (start is not None or end is not None):
        raise refusal.bad_combination()
    return await aggregates(call.exchange.live, symbol, from_id=from_id, start_ms=start, end_ms=end, limit=limit)
