"""Times that tests ask candles of, and what every list of candles has to be."""

import itertools

from shared.contracts.marketdata.candles import Candle

#: 1 February 2026, midnight UTC: its month has 28 days.
DAY = 1_769_904_000


def assert_in_steps(candles: list[Candle], seconds: int) -> None:
    """Check that none is missing, double or impossible."""
    assert all(later.timestamp - sooner.timestamp == seconds for sooner, later in itertools.pairwise(candles))
    for candle in candles:
        assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
        assert 0 <= candle.taker_buy_base_volume <= candle.volume
        assert 0 <= candle.taker_buy_quote_volume <= candle.quote_asset_volume
