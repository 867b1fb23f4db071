"""Trades as ccxt brings them."""

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from shared.contracts.marketdata.trades import MarketTrade
from shared.exchanges.errors import Unsupported
from shared.exchanges.merging import broken
from shared.exchanges.shared_clients import SharedClients
from shared.seen_ids import SeenIds

#: Trades by whose ids those that come twice are known.
_REMEMBERED = 2000


class TradeSource(Protocol):
    """What has the connections that streams run on."""

    @property
    def connector(self) -> str: ...

    @property
    def shared_clients(self) -> SharedClients: ...


async def watched_trades(
    source: TradeSource, symbol: str, size: Decimal
) -> AsyncGenerator[tuple[MarketTrade, ...], None]:
    """Follow the trades of a market; nothing at first, then those since the last time.

    Raises:
        Unsupported: if the exchange does not stream them.
        ExchangeError: when the stream breaks.
    """
    seen = SeenIds(_REMEMBERED)
    async with source.shared_clients.client() as client:
        if not client.has.get("watchTrades"):
            raise Unsupported(f"{source.connector} has no stream of trades")
        # How many came since the last time: ccxt otherwise gives its whole table again.
        client.newUpdates = True
        yield ()
        while True:
            try:
                told = list(await client.watch_trades(symbol))
            except Exception as error:  # translated, nothing of it swallowed
                raise broken(source.connector, error) from None
            new = [one for one in told if _is_new(one, seen)]
            if new:
                yield trades_of(new, size)


def trades_of(told: Sequence[Mapping[str, Any]], size: Decimal) -> tuple[MarketTrade, ...]:
    """Return trades of ccxt's, their amounts in base units."""
    unit = float(size)
    return tuple(
        [
            MarketTrade(
                timestamp=one["timestamp"] / 1000 if one.get("timestamp") else time.time(),
                price=float(one["price"]),
                amount=float(one["amount"]) * unit,
                side="sell" if one.get("side") == "sell" else "buy",
                id=None if one.get("id") is None else str(one["id"]),
            )
            for one in told
        ]
    )


def _is_new(trade: Mapping[str, Any], seen: SeenIds) -> bool:
    """Return whether a trade was not seen before, and remember it; one without an id is taken as it comes."""
    key = trade.get("id")
    return key is None or seen.add(str(key))
