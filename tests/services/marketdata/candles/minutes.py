"""Candles of a minute that are told apart by their numbers."""

from shared.contracts.marketdata.candles import Candle
from shared.exchanges.interface import CandleUpdate

MINUTE = 60_000


def candle(number: int, volume: float = 10.0, close: float | None = None) -> Candle:
    """Return the candle of minute `number` since the epoch."""
    price = 100.0 + number % 50
    last = price if close is None else close
    return Candle(
        number * 60.0, price, max(price, last), min(price, last), last, volume, volume * price, volume, volume / 2, 1.0
    )


def update(number: int, volume: float = 10.0, *, closed: bool = False) -> CandleUpdate:
    """Return what a stream says of it."""
    return CandleUpdate(candle(number, volume), closed)


def numbers(candles: list[Candle] | tuple[Candle, ...]) -> list[int]:
    """Return which minutes they are of."""
    return [round(one.timestamp / 60) for one in candles]
