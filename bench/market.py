"""How fast the simulator's synthetic market is made, in processor seconds of one core.

python -m bench.market
"""

import time
from collections.abc import Callable
from itertools import islice
from typing import TypeVar

import psutil

from services.simulator.engine.symbols import Symbol, spot_symbols, usdm_symbols
from services.simulator.market.candles import Candles
from services.simulator.market.intervals import DAY, HOUR, INTERVALS, MINUTE
from services.simulator.market.kline_text import kline_rows
from services.simulator.market.synthetic_market import SyntheticMarket

T = TypeVar("T")

#: 1 June 2025, 00:00 UTC.
END = 1_748_736_000_000
YEAR = 365 * DAY
SYMBOLS = (*spot_symbols(10), *usdm_symbols(4))
PAGE = 1000


def _timed(make: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    result = make()
    return result, time.process_time() - began


def _print(what: str, seconds: float, note: str = "") -> None:
    print(f"{what:58} {seconds * 1000:9.3f} ms  {note}")


def _text(symbol: Symbol, interval: str, candles: Candles) -> bytes:
    decimals = [-int(size.normalize().as_tuple().exponent) for size in (symbol.tick_size, symbol.step_size)]
    close_times = candles.open_time + (INTERVALS[interval].length - 1)
    return kline_rows(candles, close_times, decimals[0], decimals[1], least_decimals=8)


def _year_of_minutes(symbol: Symbol) -> None:
    market = SyntheticMarket(1, SYMBOLS)
    count, seconds = _timed(lambda: sum(len(chunk) for chunk in market.candle_chunks(symbol, "1m", END - YEAR, END)))
    _print(f"a year of 1 m candles, {symbol.market} {symbol.name}", seconds, f"{count} candles")
    size, seconds = _timed(
        lambda: sum(len(_text(symbol, "1m", part)) for part in market.candle_chunks(symbol, "1m", END - YEAR, END))
    )
    _print("  and as Binance's JSON", seconds, f"{size / 1e6:.0f} MB")


def _year_in_pages(symbol: Symbol) -> int:
    market = SyntheticMarket(1, SYMBOLS)
    starts = range(END - YEAR, END, PAGE * MINUTE)
    return sum(len(_text(symbol, "1m", market.candles(symbol, "1m", at, at + PAGE * MINUTE))) for at in starts)


def _history() -> None:
    for symbol in (SYMBOLS[0], SYMBOLS[1], SYMBOLS[3], SYMBOLS[-1]):
        _year_of_minutes(symbol)
    _, seconds = _timed(lambda: _year_in_pages(SYMBOLS[0]))
    _print("  and in pages of 1,000", seconds)
    for interval, span in (("1s", DAY), ("1h", 30 * DAY), ("1d", YEAR), ("1M", 7 * YEAR)):
        market = SyntheticMarket(1, SYMBOLS)
        candles, seconds = _timed(lambda m=market, i=interval, s=span: m.candles(SYMBOLS[0], i, END - s, END))  # type: ignore[misc]
        _print(f"{span // DAY} days of {interval}", seconds, f"{len(candles)} candles")
        _, seconds = _timed(lambda m=market, i=interval, s=span: m.candles(SYMBOLS[0], i, END - s, END))  # type: ignore[misc]
        _print("  again", seconds)
    market = SyntheticMarket(1, SYMBOLS)
    trades, seconds = _timed(lambda: sum(1 for _ in market.trades(SYMBOLS[0], END - HOUR, END)))
    _print("an hour of trades", seconds, f"{trades} trades")
    first = market.trades_before(SYMBOLS[0], END - 30 * DAY)
    _, seconds = _timed(lambda: list(islice(market.trades_from(SYMBOLS[0], first), PAGE)))
    _print("1,000 trades from an id", seconds)
    _, seconds = _timed(lambda: market.day_ticker(SYMBOLS[1], END - 1234))
    _print("the first 24 h ticker of a symbol", seconds)


def _live() -> None:
    market = SyntheticMarket(1, SYMBOLS)
    _, seconds = _timed(lambda: [market.price(SYMBOLS[0], END + at) for at in range(0, 10 * MINUTE, 10)])
    _print("a price", seconds / 60_000)
    _, seconds = _timed(lambda: [market.target_book(SYMBOLS[0], END + at) for at in range(0, 10 * MINUTE, 250)])
    _print("a target book", seconds / 2_400)
    _, seconds = _timed(
        lambda: [market.taker_trades(SYMBOLS[0], END + at, END + at + 100) for at in range(0, HOUR, 100)]
    )
    _print("a second of taker trades, asked for in ten parts", seconds / 3_600)
    symbols = spot_symbols(500)
    many, seconds = _timed(lambda: SyntheticMarket(1, symbols))
    _print("a market of 500 symbols", seconds)
    _, seconds = _timed(lambda: [many.price(each, END) for each in symbols])
    _print("  its first prices", seconds)
    _, seconds = _timed(lambda: [many.price(each, END + at) for at in range(0, HOUR, MINUTE) for each in symbols])
    _print("  all of its prices for a second, as time goes by", seconds / 3600)


def main() -> None:
    """Print how long everything takes that the exchange asks of its market."""
    _history()
    _live()
    print(f"this process took {psutil.Process().memory_info().rss / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
