"""Tickers as they move: the top of the book from one stream, the last trade from another."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from decimal import Decimal
from typing import Any

from shared.contracts.marketdata.tickers import LiveTicker
from shared.exchanges.errors import Unsupported
from shared.exchanges.live_prices import StreamSource, ticker_of
from shared.exchanges.merging import Watch, merged
from shared.tasks import to_its_end


class _Changes:
    """What has changed in one of ccxt's tables of tickers since it was looked at.

    A watch over several symbols wakes for one of them, and what came for others in the same turn is only in the table.
    """

    def __init__(self, watch: Callable[[], Awaitable[Mapping[str, Any]]], table: Mapping[str, Any]) -> None:
        self._watch = watch
        self._table = table
        self._seen: dict[str, Any] = {}

    async def next(self) -> dict[str, Any]:
        """Wait for a change; return copies of what has changed, by ccxt's symbols."""
        told = {**await self._watch()}
        changed = {}
        for symbol, ticker in {**self._table, **told}.items():
            if self._seen.get(symbol) is not ticker:
                self._seen[symbol] = ticker
                changed[symbol] = dict(ticker)
        return changed


async def watched_tickers(
    source: StreamSource, pairs: Mapping[str, str], sizes: Mapping[str, Decimal]
) -> AsyncGenerator[LiveTicker, None]:
    """Follow tickers over a connection that ends with it.

    Args:
        source: the exchange.
        pairs: our names of pairs by ccxt's symbols.
        sizes: base units of a contract, by our names.

    Raises:
        Unsupported: if the exchange streams neither.
        ExchangeError: when a stream breaks.
    """
    client = source.streaming_client()
    symbols = list(pairs)
    try:
        tops, days = (bool(client.has.get(ability)) for ability in ("watchBidsAsks", "watchTickers"))
        watches: dict[str, Watch] = {}
        if tops:
            watches["tops"] = _Changes(lambda: client.watch_bids_asks(symbols), client.bidsasks).next
        if days:
            watches["days"] = _Changes(lambda: client.watch_tickers(symbols), client.tickers).next
        if not watches:
            raise Unsupported(f"{source.connector} has no stream of tickers")
        known: dict[str, dict[str, Any]] = {symbol: {} for symbol in symbols}
        async with aclosing(merged(source.connector, watches)) as brought:
            async for stream, told in brought:
                for symbol, ticker in told.items():
                    if symbol not in known:
                        continue
                    # Where there is a stream of tops, those of the slower stream of days are older.
                    left_out = _SIDES if tops and stream == "days" and known[symbol].get("bid") is not None else ()
                    known[symbol] |= {k: v for k, v in ticker.items() if v is not None and k not in left_out}
                    yield ticker_of(source.connector, pairs[symbol], known[symbol], sizes[pairs[symbol]])
    finally:
        await to_its_end(client.close())


_SIDES = ("bid", "bidVolume", "ask", "askVolume")
