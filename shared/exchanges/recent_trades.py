"""The last trades of a market, by REST. Their ids are those of its stream, where the exchange tells ids at all."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared.contracts.marketdata.trades import MarketTrade
from shared.exchanges.errors import Unsupported
from shared.exchanges.live_trades import trades_of

#: Trades of one answer at most.
MOST = 1000


async def recent_trades(client: Any, market: Mapping[str, Any], size: Decimal) -> tuple[MarketTrade, ...]:
    """Return the last trades of a market, oldest first, as many as one answer of the exchange has.

    Args:
        client: an object of ccxt's, without keys.
        market: ccxt's of the pair.
        size: base units of the exchange's unit of amounts.

    Raises:
        Unsupported: if the exchange does not tell them.
        Exception: whatever ccxt raises.
    """
    if client.id == "binance" and (market["spot"] or market["linear"]):
        # ccxt asks for aggregate trades, which have other ids than the streams' trades.
        ask = client.publicGetTrades if market["spot"] else client.fapiPublicGetTrades
        told = await ask({"symbol": market["id"], "limit": MOST})
        return tuple([_of_binance(row) for row in told])
    if not client.has.get("fetchTrades"):
        raise Unsupported(f"{client.id} does not tell its last trades")
    told = await client.fetch_trades(market["symbol"])
    return trades_of(sorted(told, key=lambda one: one.get("timestamp") or 0), size)


def _of_binance(row: Mapping[str, Any]) -> MarketTrade:
    return MarketTrade(
        timestamp=int(row["time"]) / 1000,
        price=float(row["price"]),
        amount=float(row["qty"]),
        side="sell" if row["isBuyerMaker"] else "buy",
        id=str(row["id"]),
    )
