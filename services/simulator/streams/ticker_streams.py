"""The figures of the last 24 hours and of shorter windows, average prices, and futures' mark prices and funding."""

from services.simulator.engine.events import Trade
from services.simulator.engine.units import toward_zero
from services.simulator.market.candles import Candle
from services.simulator.market.intervals import DAY, HOUR, MINUTE
from services.simulator.market.perpetual import next_funding_time
from services.simulator.rest.figures import Figures, amount
from services.simulator.streams.names import MOST_WATCHED, WINDOWS, Feed, Stream
from services.simulator.streams.sources import Desk, PacedSource, Publish

_AVERAGE_MINUTES = 5
#: Symbols that a stream of very many tells of in turn, each time; one may take some ms.
_IN_TURN = 5


class Tickers(PacedSource):
    """`@ticker`, `@miniTicker`, `@ticker_<window>`, and those of all symbols, which tell what has traded meanwhile."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._traded: dict[str, set[str]] = {}
        self._turn = 0

    def start(self, stream: Stream, publish: Publish) -> None:
        """See `Source`."""
        if not stream.symbol:
            self._traded[stream.name] = set(self._desk.symbols) if len(self._desk.symbols) <= MOST_WATCHED else set()
        super().start(stream, publish)

    def stop(self, stream: Stream) -> None:
        """See `Source`."""
        super().stop(stream)
        self._traded.pop(stream.name, None)

    def on_trades(self, trades: list[Trade]) -> None:
        """See `Source`."""
        for traded in self._traded.values():
            traded.update([trade.symbol for trade in trades])

    def _tick(self, stream: Stream, now: int, publish: Publish) -> None:
        if stream.symbol:
            publish(self._ticker(stream, stream.symbol, now).encode())
            return
        traded = self._traded[stream.name]
        if len(self._desk.symbols) > MOST_WATCHED:
            traded.update(self._next_in_turn())
        if traded:
            publish(f"[{','.join(self._ticker(stream, symbol, now) for symbol in sorted(traded))}]".encode())
            traded.clear()

    def _next_in_turn(self) -> list[str]:
        """Return some symbols, others each time: nobody may look at them, and they trade as the synthetic past says."""
        symbols = tuple(self._desk.symbols)
        begin, self._turn = self._turn, (self._turn + _IN_TURN) % len(symbols)
        return [symbols[number % len(symbols)] for number in range(begin, begin + _IN_TURN)]

    def _ticker(self, stream: Stream, symbol: str, now: int) -> str:
        desk, figures, time = self._desk, self._desk.figures[symbol], self._desk.now_ms()
        begin = now - DAY
        if stream.feed is Feed.WINDOW_TICKER:
            begin = (now - WINDOWS[stream.interval]) // MINUTE * MINUTE
        candle, first_id = desk.exchange.live.window(desk.symbols[symbol], begin)
        prices = (
            f'"c":"{figures.price(candle.close)}","o":"{figures.price(candle.open)}",'
            f'"h":"{figures.price(candle.high)}","l":"{figures.price(candle.low)}",'
            f'"v":"{figures.quantity(candle.volume)}","q":"{figures.quote_of(candle.quote_volume)}"'
        )
        if stream.feed is Feed.MINI_TICKER:
            return f'{{"e":"24hrMiniTicker","E":{time},"s":"{symbol}",{prices}}}'
        newest = desk.exchange.live.newest_trade(desk.symbols[symbol])
        last = "" if stream.feed is Feed.WINDOW_TICKER else f'"Q":"{figures.quantity(newest.quantity)}",'
        change = candle.close - candle.open
        percent = toward_zero(change * 100_000, candle.open) * 100_000  # in units, to three decimals
        event = f"{stream.interval}Ticker" if stream.feed is Feed.WINDOW_TICKER else "24hrTicker"
        return (
            f'{{"e":"{event}","E":{time},"s":"{symbol}","p":"{figures.price(change)}","P":"{amount(percent, 3)}",'
            f'"w":"{_average(figures, candle)}",{prices},{last}'
            f'"O":{candle.open_time},"C":{time},"F":{first_id},"L":{newest.trade_id},"n":{candle.trades}'
            f"{self._best(stream, symbol, candle.open)}}}"
        )

    def _best(self, stream: Stream, symbol: str, open_: int) -> str:
        """Return what only spot's 24 h ticker has: the price before the window, the best bid and ask."""
        if stream.feed is Feed.WINDOW_TICKER or self._desk.venue != "spot":
            return ""
        figures, depth = self._desk.figures[symbol], self._desk.depth(symbol, 1)
        bid, ask = depth.bids[0] if depth.bids else (0, 0), depth.asks[0] if depth.asks else (0, 0)
        return (
            f',"x":"{figures.price(open_)}","b":"{figures.price(bid[0])}","B":"{figures.quantity(bid[1])}",'
            f'"a":"{figures.price(ask[0])}","A":"{figures.quantity(ask[1])}"'
        )


class AveragePrices(PacedSource):
    """Spot's `@avgPrice`, over five minutes."""

    def _tick(self, stream: Stream, now: int, publish: Publish) -> None:
        symbol, figures = stream.symbol, self._desk.figures[stream.symbol]
        begin = now - _AVERAGE_MINUTES * MINUTE
        time = self._desk.now_ms()
        candle, _ = self._desk.exchange.live.window(self._desk.symbols[symbol], begin)
        last = self._desk.exchange.live.last_trade(self._desk.symbols[symbol])
        average = _average(figures, candle)
        publish(
            f'{{"e":"avgPrice","E":{time},"s":"{symbol}","i":"{_AVERAGE_MINUTES}m","w":"{average}",'
            f'"T":{last.time if last else now}}}'.encode()
        )


class MarkPrices(PacedSource):
    """Futures' `@markPrice` and `!markPrice@arr`, with the funding rate to be expected."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._rates: dict[str, tuple[int, int]] = {}  # by symbol: minute, rate
        count = len(desk.symbols)
        self._shifts = {name: number * MINUTE // count for number, name in enumerate(desk.symbols)}

    def _tick(self, stream: Stream, now: int, publish: Publish) -> None:
        if stream.symbol:
            publish(self._mark_price(stream.symbol, now).encode())
        else:
            publish(f"[{','.join(self._mark_price(symbol, now) for symbol in self._desk.symbols)}]".encode())

    def _mark_price(self, name: str, now: int) -> str:
        symbol, exchange, time = self._desk.symbols[name], self._desk.exchange, self._desk.now_ms()
        # The engine's is the same, and asking for that one would have the pair quoted.
        mark, index = exchange.market.mark_price(symbol, now), exchange.market.index_price(symbol, now)
        return (
            f'{{"e":"markPriceUpdate","E":{time},"s":"{name}","p":"{amount(mark)}","i":"{amount(index)}",'
            f'"P":"{amount(mark)}","r":"{amount(self._rate(name, now))}",'
            f'"T":{next_funding_time(now, exchange.funding_hours)}}}'
        )

    def _rate(self, name: str, now: int) -> int:
        """Return the rate from the premiums since the last funding time, anew each minute, not of all at once."""
        known, rate = self._rates.get(name, (0, 0))
        minute = (now + self._shifts[name]) // MINUTE
        if minute != known:
            exchange = self._desk.exchange
            hours = exchange.funding_hours
            begin = next_funding_time(now, hours) - hours * HOUR
            rate = exchange.market.funding_rate(self._desk.symbols[name], begin, now, hours)
            self._rates[name] = (minute, rate)
        return rate


def _average(figures: Figures, candle: Candle) -> str:
    """Return the average price of a candle, its last one if nothing was traded."""
    if not candle.volume:
        return figures.price(candle.close)
    return figures.average(candle.quote_volume * figures.symbol.quote_unit, candle.volume)
