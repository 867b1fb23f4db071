"""Candles as both venues answer with them."""

import numpy as np

from services.simulator.engine.symbol import Symbol
from services.simulator.market.candles import Candles, Ints
from services.simulator.market.intervals import INTERVALS
from services.simulator.market.kline_text import kline_rows
from services.simulator.rest import refusals
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.ports import Exchange


def interval_name(parameters: Parameters, *, seconds: bool) -> str:
    """Return the interval that is asked for; `seconds` says whether 1s is one.

    Raises:
        Refusal: -1102 without one, -1120 for an unknown one.
    """
    name = parameters.needed("interval")
    if name not in INTERVALS or (name == "1s" and not seconds):
        raise refusals.invalid_interval()
    return name


def close_times(candles: Candles, interval: str) -> Ints:
    """Return the last millisecond of each candle."""
    span = INTERVALS[interval]
    if span.length:
        return candles.open_time + np.int64(span.length - 1)
    return np.array([span.end(int(begin)) - 1 for begin in candles.open_time], dtype=np.int64)


async def klines(exchange: Exchange, symbol: Symbol, interval: str, parameters: Parameters, limit: int) -> bytes:
    """Return the candles of the span that is asked for, as JSON."""
    start, end = parameters.span()
    candles = await exchange.live.candles(symbol, interval, start_ms=start, end_ms=end, limit=limit)
    rows = kline_rows(
        candles,
        close_times(candles, interval),
        decimals(symbol.tick_size.as_tuple().exponent),
        decimals(symbol.step_size.as_tuple().exponent),
        least_decimals=8 if symbol.market == "spot" else 0,
    )
    return b"[" + rows + b"]"


def decimals(exponent: int | str) -> int:
    """Return how many decimals a finite number with that exponent has."""
    assert isinstance(exponent, int), "expected a finite tick and step"
    return -exponent
