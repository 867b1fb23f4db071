"""Which candles are meant by a request for some: from a start on, or the last ones up to an end."""

from services.simulator.market.intervals import Interval
from services.simulator.market.trade_numbers import LISTED


def begins_of(kind: Interval, start_ms: int | None, last: int, limit: int) -> list[int]:
    """Return when the first and the last candle begin that are meant; nothing if there are none."""
    if start_ms is not None:
        start_ms = max(start_ms, LISTED)
        first = start_ms if kind.begin(start_ms) == start_ms else kind.end(start_ms)
        if first > last:
            return []
        if kind.length:
            return [first, min(kind.begin(last), first + (limit - 1) * kind.length)]
        final = first
        for _ in range(limit - 1):
            if kind.end(final) > last:
                break
            final = kind.end(final)
        return [first, final]
    if last < LISTED:
        return []
    final = first = kind.begin(last)
    if kind.length:
        least = LISTED if kind.begin(LISTED) == LISTED else kind.end(LISTED)
        return [max(least, final - (limit - 1) * kind.length), final]
    for _ in range(limit - 1):
        if first <= LISTED:
            break
        first = kind.begin(first - 1)
    return [first, final]
