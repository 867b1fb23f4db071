"""The funding of perpetuals, as exchanges tell it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

from shared.contracts.marketdata.funding import LiveFunding

#: Seconds between two questions where an exchange has no stream of it. Rates move slowly.
POLL = 5.0


def funding_of(connector: str, pair: str, told: Mapping[str, Any]) -> LiveFunding:
    """Return ccxt's structure of a funding rate as ours. What the exchange does not tell is 0."""
    now = time.time()
    times = [value / 1000 for name in ("fundingTimestamp", "nextFundingTimestamp") if (value := told.get(name))]
    # Exchanges differ in whether the first is the payment that comes or the one that was.
    coming = [at for at in times if at > now]
    at = told.get("timestamp")
    return LiveFunding(
        connector_name=connector,
        trading_pair=pair,
        funding_rate=_number(told, "fundingRate"),
        next_funding_time=min(coming) if coming else max(times, default=0.0),
        mark_price=_number(told, "markPrice"),
        index_price=_number(told, "indexPrice"),
        timestamp=at / 1000 if at else now,
    )


async def polled(ask: Callable[[], Awaitable[LiveFunding]]) -> AsyncGenerator[LiveFunding, None]:
    """Yield what `ask` gives, again and again."""
    while True:
        yield await ask()
        await asyncio.sleep(POLL)


def _number(told: Mapping[str, Any], field: str) -> float:
    value = told.get(field)
    return 0.0 if value is None else float(value)
