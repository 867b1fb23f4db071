"""The market streams of one venue: started with their first subscriber, stopped with the last."""

from collections.abc import Callable

from services.simulator.engine.events import BookChange, Outcome, Trade
from services.simulator.rest.figures import figures
from services.simulator.streams.book_ticker_streams import BookTicker
from services.simulator.streams.depth_streams import DiffDepth, PartialDepth
from services.simulator.streams.kline_streams import Klines
from services.simulator.streams.names import MOST_WATCHED, Feed, Stream, parse
from services.simulator.streams.pace import Pace
from services.simulator.streams.ports import Exchange
from services.simulator.streams.sources import Desk, Source
from services.simulator.streams.ticker_streams import AveragePrices, MarkPrices, Tickers
from services.simulator.streams.topics import Subscriber, Topic
from services.simulator.streams.trade_streams import Trades
from services.simulator.venue import Venue


class Hub:
    """The streams of `venue` and who subscribed to them."""

    def __init__(self, venue: Venue, exchange: Exchange, pace: Pace) -> None:
        engine = exchange.spot if venue == "spot" else exchange.usdm
        self.venue = venue
        self._symbols = dict(engine.symbols)
        self._watch = exchange.quoting.watch
        self._watches: dict[str, list[Callable[[], None]]] = {}
        desk = Desk(
            venue, exchange, pace, self._symbols, {name: figures(symbol) for name, symbol in self._symbols.items()}
        )
        trades, klines, tickers = Trades(desk), Klines(desk), Tickers(desk)
        self._sources: dict[Feed, Source] = {
            Feed.DIFF_DEPTH: DiffDepth(desk),
            Feed.PARTIAL_DEPTH: PartialDepth(desk),
            Feed.BOOK_TICKER: BookTicker(desk),
            Feed.TRADE: trades,
            Feed.AGGREGATE_TRADE: trades,
            Feed.KLINE: klines,
            Feed.CONTINUOUS_KLINE: klines,
            Feed.TICKER: tickers,
            Feed.MINI_TICKER: tickers,
            Feed.WINDOW_TICKER: tickers,
            Feed.AVERAGE_PRICE: AveragePrices(desk),
            Feed.MARK_PRICE: MarkPrices(desk),
        }
        self._topics: dict[str, tuple[Stream, Topic]] = {}
        self._running: dict[Source, int] = {}

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of the streams that are made now."""
        return tuple(self._topics)

    def subscribe(self, name: str, subscriber: Subscriber) -> None:
        """Send the updates of a stream to `subscriber` from now on; of one that does not exist there are none."""
        stream, topic = self._topics.get(name, (None, None))
        if stream is None or topic is None:
            stream = parse(self.venue, name, self._symbols)
            if stream is None or stream.feed is Feed.SILENT:
                return
            topic = Topic(name)
            self._start(stream, topic)
        topic.subscribers[subscriber] = None

    def unsubscribe(self, name: str, subscriber: Subscriber) -> None:
        """Send no more; a stream without subscribers ends."""
        stream, topic = self._topics.get(name, (None, None))
        if stream is None or topic is None:
            return
        topic.subscribers.pop(subscriber, None)
        if not topic.subscribers:
            self._stop(stream)

    def take(self, outcome: Outcome) -> None:
        """Take what a command has caused."""
        if not self._running:
            return
        trades = [event for event in outcome.events if isinstance(event, Trade)]
        changes = [event for event in outcome.events if isinstance(event, BookChange)]
        for source in self._running:
            if trades:
                source.on_trades(trades)
            for change in changes:
                source.on_book(change)

    def _start(self, stream: Stream, topic: Topic) -> None:
        all_symbols = tuple(self._symbols) if len(self._symbols) <= MOST_WATCHED else ()
        symbols = (stream.symbol,) if stream.symbol else all_symbols
        self._watches[stream.name] = [self._watch(self.venue, symbol) for symbol in symbols]
        source = self._sources[stream.feed]
        source.start(stream, topic.publish)
        self._topics[stream.name] = (stream, topic)
        self._running[source] = self._running.get(source, 0) + 1

    def _stop(self, stream: Stream) -> None:
        del self._topics[stream.name]
        source = self._sources[stream.feed]
        source.stop(stream)
        self._running[source] -= 1
        if not self._running[source]:
            del self._running[source]
        for unwatch in self._watches.pop(stream.name):
            unwatch()
