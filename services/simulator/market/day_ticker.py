"""The 24 h ticker: what the last 24 hours of candles add up to."""

from dataclasses import dataclass

from services.simulator.market.candle_history import CandleHistory
from services.simulator.market.intervals import DAY, SECOND
from services.simulator.market.listing import Listing
from services.simulator.market.trade_history import TradeHistory


@dataclass(frozen=True, slots=True)
class DayTicker:
    """A symbol's last 24 hours: from `open_time` to before `close_time`, in ms; prices in ticks, volumes in steps.

    The change of the price is `last - open`, the weighted average price `quote_volume / volume`; `previous_close` is
    the last price before. The trades are those from `first_id` on, `trades` of them.
    """

    open_time: int
    close_time: int
    previous_close: int
    open: int
    high: int
    low: int
    last: int
    volume: int
    quote_volume: int
    first_id: int
    trades: int


def day_ticker(candles: CandleHistory, trades: TradeHistory, listing: Listing, t_ms: int) -> DayTicker:
    """Return the ticker of the 24 hours of full seconds before `t_ms`, a day or more after listing."""
    end = t_ms // SECOND * SECOND
    begin = end - DAY
    day = candles.span(listing, begin, end).row(0)
    return DayTicker(
        open_time=begin,
        close_time=end,
        previous_close=day.open,
        open=day.open,
        high=day.high,
        low=day.low,
        last=day.close,
        volume=day.volume,
        quote_volume=day.quote_volume,
        first_id=trades.first_id(listing, begin),
        trades=day.trades,
    )
