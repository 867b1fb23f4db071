"""The best bid and ask of a book, whenever they change."""

import asyncio

from services.simulator.engine.events import BookChange, Trade
from services.simulator.streams.names import Stream
from services.simulator.streams.sources import Desk, Publish

_NONE = (0, 0)

_Best = tuple[tuple[int, int], tuple[int, int]]


class BookTicker:
    """The streams `@bookTicker`, in real time, and futures' `!bookTicker`, every five seconds.

    A book is looked at after the commands that the event loop has at hand, not at each of them.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._publishers: dict[str, Publish] = {}
        self._told: dict[str, _Best] = {}
        self._due: dict[str, int] = {}  # symbol to the time of its last change
        self._all: Publish | None = None
        self._changed: dict[str, int] = {}

    def start(self, stream: Stream, publish: Publish) -> None:
        """See `Source`."""
        if stream.symbol:
            self._publishers[stream.symbol] = publish
        else:
            self._all = publish
            self._desk.pace.add(stream.period, self._tell_all)

    def stop(self, stream: Stream) -> None:
        """See `Source`."""
        if stream.symbol:
            del self._publishers[stream.symbol]
            self._told.pop(stream.symbol, None)
        else:
            self._desk.pace.remove(stream.period, self._tell_all)
            self._all = None
            self._changed.clear()

    def on_trades(self, trades: list[Trade]) -> None:
        """See `Source`."""

    def on_book(self, change: BookChange) -> None:
        """See `Source`."""
        if self._all is not None:
            self._changed[change.symbol] = change.time
        if change.symbol in self._publishers:
            if not self._due:
                asyncio.get_running_loop().call_soon(self._tell_due)
            self._due[change.symbol] = change.time

    def _tell_due(self) -> None:
        due, self._due = self._due, {}
        for symbol, time in due.items():
            publish = self._publishers.get(symbol)
            if publish is None:
                continue
            update_id, best = self._best(symbol)
            if self._told.get(symbol) != best:
                self._told[symbol] = best
                publish(self._text(symbol, update_id, best, time))

    def _tell_all(self, now: int) -> None:
        changed, self._changed = self._changed, {}
        for symbol, time in changed.items():
            if self._all is not None:
                self._all(self._text(symbol, *self._best(symbol), time))

    def _best(self, symbol: str) -> tuple[int, _Best]:
        depth = self._desk.depth(symbol, 1)
        best = depth.bids[0] if depth.bids else _NONE, depth.asks[0] if depth.asks else _NONE
        return depth.last_update_id, best

    def _text(self, symbol: str, update_id: int, best: _Best, time: int) -> bytes:
        figures, (bid, ask) = self._desk.figures[symbol], best
        text = (
            f'"s":"{symbol}","b":"{figures.price(bid[0])}","B":"{figures.quantity(bid[1])}",'
            f'"a":"{figures.price(ask[0])}","A":"{figures.quantity(ask[1])}"'
        )
        if self._desk.venue == "spot":
            return f'{{"u":{update_id},{text}}}'.encode()
        return f'{{"e":"bookTicker","u":{update_id},"E":{self._desk.now_ms()},"T":{time},{text}}}'.encode()
