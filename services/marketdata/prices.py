"""What a ticker says the price is."""

import math
from decimal import Decimal

from shared.contracts.marketdata.tickers import LiveTicker


def price_of(ticker: LiveTicker) -> float | None:
    """Return the mid of the top of the book, or the last price where a side is empty; None if there is neither."""
    mid = mid_of(ticker)
    if mid is not None:
        return mid
    return ticker.last if 0 < ticker.last < math.inf else None


def mid_of(ticker: LiveTicker) -> float | None:
    """Return the mid of the top of the book; None where a side is empty.

    A crossed top (the two sides of a stream can come from different moments) counts as an empty one.
    """
    bid, ask = ticker.bid, ticker.ask
    if 0 < bid <= ask < math.inf:
        # As decimals, which they are on the exchange: half of two doubles' sum would end in 00000001.
        return float((Decimal(repr(bid)) + Decimal(repr(ask))) / 2)
    return None
