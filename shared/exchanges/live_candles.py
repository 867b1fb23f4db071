"""Candles as they run."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from shared.exchanges.candles import candle_of, update_of_binance
from shared.exchanges.interface import CandleUpdate
from shared.exchanges.live_prices import StreamSource, streamed
from shared.exchanges.merging import broken


async def watched_candles(
    source: StreamSource, ccxt_id: str, symbol: str, interval: str
) -> AsyncGenerator[CandleUpdate, None]:
    """Follow the candles of a symbol over a connection that ends with it.

    Raises:
        Unsupported: if the exchange has no such stream.
        ExchangeError: when it breaks, or brings what is no candle.
    """
    read = _own_words if ccxt_id == "binance" else _rows
    told: list[Any] = []
    watching = streamed(source, lambda client: _watched(client, symbol, interval, told, ccxt_id), "watchOHLCV")
    async with aclosing(watching) as rows:
        async for row in rows:
            try:
                updates = read(row, told)
            except Exception as error:  # whatever rubbish does to what reads it
                raise broken(source.connector, error) from None
            for update in updates:
                yield update


async def _watched(client: Any, symbol: str, interval: str, told: list[Any], ccxt_id: str) -> Any:
    if ccxt_id == "binance" and not getattr(client, "is_tapped", False):
        _tap(client, told)
    return await client.watch_ohlcv(symbol, interval)


def _tap(client: Any, told: list[Any]) -> None:
    """Have all messages of candles put into `told`: ccxt drops columns, and whether a candle is closed."""
    handle = client.handle_ohlcv

    def tapped(socket: Any, message: Any) -> None:
        told.append(message["k"])
        handle(socket, message)

    client.handle_ohlcv = tapped
    client.is_tapped = True


def _own_words(_: object, told: list[Any]) -> list[CandleUpdate]:
    """Read all that has come: of several messages in one turn ccxt wakes us once."""
    updates = [update_of_binance(kline) for kline in told]
    told.clear()
    return updates


def _rows(rows: list[Any], _: list[Any]) -> list[CandleUpdate]:
    return [CandleUpdate(candle_of(row), closed=False) for row in rows]
