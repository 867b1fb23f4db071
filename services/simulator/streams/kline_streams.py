"""Klines as streams: the candle under way while it changes, and once more with `x` when it is over."""

import asyncio

from services.simulator.engine.events import Trade
from services.simulator.market.candles import Candle, no_candles
from services.simulator.market.intervals import INTERVALS
from services.simulator.streams.names import Feed, Stream
from services.simulator.streams.sources import Desk, PacedSource, Publish
from services.simulator.streams.texts import boolean
from shared.errors import CommandError
from shared.telemetry.logs import logger

_log = logger("simulator")

#: A candle ends with the first trade after it; without one, so long after its time, as trades are told a little late.
_GRACE = 500


class _OpenCandle:
    """A candle that grows. Volumes are in steps, quote volumes in ticks times steps; `fresh` since it was last told."""

    __slots__ = (
        "begin",
        "bought",
        "bought_quote",
        "close",
        "end",
        "first_id",
        "fresh",
        "high",
        "last_id",
        "low",
        "open",
        "quote",
        "trades",
        "volume",
    )

    def __init__(self, begin: int, end: int, price: int, last_id: int) -> None:
        self.begin, self.end = begin, end
        self.open = self.high = self.low = self.close = price
        self.volume = self.quote = self.bought = self.bought_quote = self.trades = 0
        self.first_id = -1
        self.last_id = last_id
        self.fresh = True

    def add(self, trade: Trade) -> None:
        price, quote = trade.price, trade.price * trade.quantity
        if not self.trades:
            self.open = self.high = self.low = price
            self.first_id = trade.trade_id
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.volume += trade.quantity
        self.quote += quote
        self.trades += 1
        if not trade.buyer_is_maker:
            self.bought += trade.quantity
            self.bought_quote += quote
        self.last_id = trade.trade_id
        self.fresh = True


class _Running:
    """A stream of klines with its candle, which is not known at first."""

    __slots__ = ("candle", "publish", "seeding", "stream")

    def __init__(self, stream: Stream, publish: Publish, seeding: asyncio.Task[None]) -> None:
        self.stream = stream
        self.publish = publish
        self.seeding = seeding
        self.candle: _OpenCandle | None = None


class Klines(PacedSource):
    """The streams `@kline_<interval>` and futures' `_perpetual@continuousKline_<interval>`."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._running: dict[str, dict[str, _Running]] = {}  # by symbol and name of stream

    def start(self, stream: Stream, publish: Publish) -> None:
        """See `Source`."""
        seeding = asyncio.get_running_loop().create_task(self._seed(stream), name="kline stream")
        self._running.setdefault(stream.symbol, {})[stream.name] = _Running(stream, publish, seeding)
        super().start(stream, publish)

    async def _seed(self, stream: Stream) -> None:
        """Begin with the candle under way, as it stands; trades are counted from then on."""
        live, symbol = self._desk.exchange.live, self._desk.symbols[stream.symbol]
        interval = INTERVALS[stream.interval]
        try:
            so_far = await live.candles(symbol, stream.interval, start_ms=None, end_ms=None, limit=1)
        except CommandError as error:
            _log.warning("a kline stream begins without what was traded before", stream=stream.name, error=str(error))
            so_far = no_candles()
        # Nothing was awaited since the candle was complete, so that this is its last trade.
        last = live.last_trade(symbol)
        last_id = last.trade_id if last else -1
        if len(so_far):
            candle = _begun(so_far.row(0), interval.end(int(so_far.open_time[0])), last_id)
        else:
            now = self._desk.exchange.market_ms()
            price = last.price if last else self._desk.exchange.market.price(symbol, now)
            candle = _OpenCandle(interval.begin(now), interval.end(now), price, last_id)
        self._running[stream.symbol][stream.name].candle = candle

    def stop(self, stream: Stream) -> None:
        """See `Source`."""
        super().stop(stream)
        of_symbol = self._running[stream.symbol]
        of_symbol.pop(stream.name).seeding.cancel()
        if not of_symbol:
            del self._running[stream.symbol]

    def on_trades(self, trades: list[Trade]) -> None:
        """See `Source`."""
        for trade in trades if self._running else ():
            for running in self._running.get(trade.symbol, {}).values():
                candle = running.candle
                if candle is None or trade.trade_id <= candle.last_id:
                    continue  # it is in what the candle begins with
                if trade.time >= candle.end:
                    candle = self._next(running, candle, trade.time)
                candle.add(trade)

    def _tick(self, stream: Stream, now: int, publish: Publish) -> None:
        running = self._running[stream.symbol][stream.name]
        candle = running.candle
        if candle is None:
            return
        if now >= candle.end + _GRACE:
            candle = self._next(running, candle, now)
        if candle.fresh:
            candle.fresh = False
            publish(self._kline(stream, candle, over=False))

    def _next(self, running: _Running, candle: _OpenCandle, now: int) -> _OpenCandle:
        """End `candle` and all without a trade up to `now`; return the one that is under way then."""
        interval = INTERVALS[running.stream.interval]
        while now >= candle.end:
            running.publish(self._kline(running.stream, candle, over=True))
            candle = _OpenCandle(candle.end, interval.end(candle.end), candle.close, candle.last_id)
        running.candle = candle
        return candle

    def _kline(self, stream: Stream, candle: _OpenCandle, *, over: bool) -> bytes:
        symbol = stream.symbol
        figures = self._desk.figures[symbol]
        last_id = candle.last_id if candle.trades else -1
        now = self._desk.now_ms()
        if stream.feed is Feed.CONTINUOUS_KLINE:
            head = f'"e":"continuous_kline","E":{now},"ps":"{symbol}","ct":"PERPETUAL"'
            of = ""
        else:
            head = f'"e":"kline","E":{now},"s":"{symbol}"'
            of = f'"s":"{symbol}",'
        return (
            f'{{{head},"k":{{"t":{candle.begin},"T":{candle.end - 1},{of}"i":"{stream.interval}",'
            f'"f":{candle.first_id},"L":{last_id},"o":"{figures.price(candle.open)}",'
            f'"c":"{figures.price(candle.close)}","h":"{figures.price(candle.high)}","l":"{figures.price(candle.low)}",'
            f'"v":"{figures.quantity(candle.volume)}","n":{candle.trades},"x":{boolean(over)},'
            f'"q":"{figures.quote_of(candle.quote)}","V":"{figures.quantity(candle.bought)}",'
            f'"Q":"{figures.quote_of(candle.bought_quote)}","B":"0"}}}}'
        ).encode()


def _begun(so_far: Candle, end: int, last_id: int) -> _OpenCandle:
    candle = _OpenCandle(so_far.open_time, end, so_far.close, last_id)
    candle.open, candle.high, candle.low = so_far.open, so_far.high, so_far.low
    candle.volume, candle.quote, candle.trades = so_far.volume, so_far.quote_volume, so_far.trades
    candle.bought, candle.bought_quote = so_far.taker_buy_volume, so_far.taker_buy_quote_volume
    if so_far.trades:
        candle.first_id = last_id + 1 - so_far.trades
    return candle
