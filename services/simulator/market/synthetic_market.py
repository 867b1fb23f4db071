"""The way into the synthetic market: everything that the exchange asks, by symbol and time."""

from collections.abc import Iterator, Sequence

from services.simulator.market.candle_history import CandleHistory
from services.simulator.market.candles import Candle, Candles, join
from services.simulator.market.day_ticker import DayTicker, day_ticker
from services.simulator.market.factors import Factors
from services.simulator.market.intervals import DAY, INTERVALS
from services.simulator.market.listing import Listing, Symbol, list_symbol
from services.simulator.market.live_path import LivePath
from services.simulator.market.makers import Level, Makers, TargetBook
from services.simulator.market.perpetual import ONE, Premiums, funding_rate, index_price, open_interest
from services.simulator.market.takers import TakerTrade, taker_trades
from services.simulator.market.trade_history import TradeHistory, trades_of
from services.simulator.market.trade_numbers import LISTED
from services.simulator.market.trades import Trade


class SyntheticMarket:
    """The market of `seed` with `symbols`, spot pairs and perpetuals. It keeps nothing but what saves time.

    Every symbol is listed since `LISTED` (1 January 2018); there is nothing before. A range is from its start to
    before its end. A symbol that is not one of `symbols` raises `KeyError`.
    """

    def __init__(self, seed: int, symbols: Sequence[Symbol]) -> None:
        self._listings = {(symbol.market, symbol.name): list_symbol(seed, symbol) for symbol in symbols}
        count = max(1, len(symbols))
        self._factors = Factors(seed)
        self._candles = CandleHistory(seed, self._factors)
        self._trades = TradeHistory(self._candles)
        self._live = LivePath(seed, self._factors, count)
        self._makers = Makers(self._live, count)
        self._premiums = Premiums(self._factors, count)

    def candle_chunks(self, symbol: Symbol, interval: str, start_ms: int, end_ms: int) -> Iterator[Candles]:
        """Yield the candles of one of `INTERVALS` that begin in the range, in order, at most some 15,000 at a time.

        Candles are whole: the last may end after the range. What is so far of one that is not over, `span` gives.
        """
        return self._candles.chunks(self._listing(symbol), INTERVALS[interval], start_ms, end_ms)

    def candles(self, symbol: Symbol, interval: str, start_ms: int, end_ms: int) -> Candles:
        """Return the candles of one of `INTERVALS` that begin in the range. A year of minutes takes 42 MB."""
        return join(list(self.candle_chunks(symbol, interval, start_ms, end_ms)))

    def span(self, symbol: Symbol, start_ms: int, end_ms: int) -> Candle:
        """Return one candle of a range of one or more full seconds, such as the one that is not over yet.

        Raises:
            ValueError: if the range is empty, not of full seconds, or begins before `LISTED`.
        """
        if start_ms % 1000 or end_ms % 1000 or not LISTED <= start_ms < end_ms:
            raise ValueError(f"expected full seconds from {LISTED} on, was {start_ms} to {end_ms}")
        return self._candles.span(self._listing(symbol), start_ms, end_ms).row(0)

    def whole_days(self, symbol: Symbol, first_day: int, days: int) -> Candles:
        """Return the minutes of `days` (> 0) whole days from `first_day` (counted from the epoch) on, made anew."""
        return self._candles.whole_days(self._listing(symbol), first_day, days)

    def seconds_of(self, symbol: Symbol, minutes: Candles) -> Candles:
        """Return the seconds of one or more one-minute candles in a row, made anew."""
        return self._candles.seconds_of(self._listing(symbol), minutes)

    def day_ticker(self, symbol: Symbol, t_ms: int) -> DayTicker:
        """Return the figures of the 24 hours before `t_ms`, which is a day or more after `LISTED`."""
        return day_ticker(self._candles, self._trades, self._listing(symbol), t_ms)

    def trades(self, symbol: Symbol, start_ms: int, end_ms: int) -> Iterator[Trade]:
        """Yield the trades of the range in order, made as they are asked for."""
        return self._trades.between(self._listing(symbol), start_ms, end_ms)

    def trades_from(self, symbol: Symbol, trade_id: int) -> Iterator[Trade]:
        """Yield the trades from that with `trade_id` (>= 0) on, without end."""
        return self._trades.from_id(self._listing(symbol), trade_id)

    def trades_of(self, symbol: Symbol, second: Candle, first_id: int) -> list[Trade]:
        """Return the trades of a one-second candle, of which the first has `first_id`."""
        return trades_of(self._listing(symbol), second, first_id)

    def trades_before(self, symbol: Symbol, t_ms: int) -> int:
        """Return how many trades there were before the second of `t_ms`: the id of the first trade in it."""
        return self._trades.first_id(self._listing(symbol), t_ms // 1000 * 1000)

    def price(self, symbol: Symbol, t_ms: int) -> int:
        """Return the price in ticks that makers quote around at `t_ms`; candles open and close at it."""
        return self._live.price(self._listing(symbol), t_ms)

    def target_book(self, symbol: Symbol, t_ms: int) -> TargetBook:
        """Return the levels that makers want at `t_ms`; some 20 a second change, at multiples of 250 ms."""
        return self._makers.target_book(self._listing(symbol), t_ms)

    def touch(self, symbol: Symbol, t_ms: int) -> tuple[Level, Level]:
        """Return the best bid and ask of `target_book`."""
        return self._makers.touch(self._listing(symbol), t_ms)

    def taker_trades(self, symbol: Symbol, from_ms: int, to_ms: int) -> list[TakerTrade]:
        """Return the market orders that takers send in the range, in order; two to four in each second."""
        return taker_trades(self._live, self._listing(symbol), from_ms, to_ms)

    def mark_price(self, symbol: Symbol, t_ms: int) -> int:
        """Return a perpetual's mark price in 10^-8 of the quote asset: the price at the full second."""
        return self.price(symbol, t_ms // 1000 * 1000) * int(symbol.tick_size * ONE)

    def index_price(self, symbol: Symbol, t_ms: int) -> int:
        """Return a perpetual's index price in 10^-8 of the quote asset: the price on the spot market."""
        premium = self._premiums.premium(symbol, t_ms // 1000 * 1000)
        return index_price(self.mark_price(symbol, t_ms), premium)

    def funding_rate(self, symbol: Symbol, start_ms: int, end_ms: int, interval_hours: int = 8) -> int:
        """Return a perpetual's funding rate in 10^-8, from the premiums of the range.

        The rate that is paid at a funding time is that of the interval before; from the last funding time to now, it is
        the rate to be expected.
        """
        return funding_rate(self._premiums.mean(symbol, start_ms, end_ms), interval_hours)

    def open_interest(self, symbol: Symbol, t_ms: int) -> int:
        """Return in steps what synthetic participants hold of a perpetual, two days or more after `LISTED`."""
        return open_interest(self.candles(symbol, "1d", t_ms // DAY * DAY - 2 * DAY, t_ms // DAY * DAY), t_ms)

    def _listing(self, symbol: Symbol) -> Listing:
        return self._listings[symbol.market, symbol.name]
