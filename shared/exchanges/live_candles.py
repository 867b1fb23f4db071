"""Candles as they run, of exchanges that are followed through ccxt."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from shared.exchanges.candles import candle_of
from shared.exchanges.interface import CandleUpdate
from shared.exchanges.live_prices import StreamSource, streamed
from shared.exchanges.merging import broken


async def watched_candles(source: StreamSource, symbol: str, interval: str) -> AsyncGenerator[CandleUpdate, None]:
    """Follow the candles of a symbol; none is told to be closed, as ccxt keeps silent about it.

    Raises:
        Unsupported: if the exchange has no such stream.
        ExchangeError: when it breaks, or brings what is no candle.
    """
    watching = streamed(source, lambda client: client.watch_ohlcv(symbol, interval), "watchOHLCV")
    async with aclosing(watching) as brought:
        async for rows in brought:
            try:
                candles = [candle_of(row) for row in rows]
            except Exception as error:  # whatever rubbish does to what reads it
                raise broken(source.connector, error) from None
            for candle in candles:
                yield CandleUpdate(candle, closed=False)
