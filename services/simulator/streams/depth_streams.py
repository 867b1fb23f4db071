"""Books as streams: every change of a book in the diff stream, its best levels in the partial one.

A client builds the exact book from the diff stream and a snapshot as Binance says under "How to manage a local order
book correctly": each event tells all levels that changed with the updates `U` to `u`, which follow on those of the
event before (futures: `pu` is that one's `u`).
"""

from services.simulator.engine.events import BookChange
from services.simulator.rest.figures import Figures
from services.simulator.streams.names import Stream
from services.simulator.streams.sources import Desk, PacedSource, Publish
from services.simulator.streams.texts import Levels, levels
from services.simulator.venue import Venue


class _Gathered:
    """The changes of one book since the last event of one stream."""

    __slots__ = ("asks", "bids", "first", "last", "previous", "time")

    def __init__(self) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.first = self.last = self.time = 0
        self.previous = 0

    def add(self, change: BookChange) -> None:
        if not self.first:
            # A book whose ids go on from the time, after a pause of the machine, leaves out some: no level changed.
            self.previous = self.last or change.first_update_id - 1
            self.first = self.previous + 1
        self.last, self.time = change.last_update_id, change.time
        self.bids.update(change.bids)
        self.asks.update(change.asks)

    def clear(self) -> None:
        self.first = 0
        self.bids.clear()
        self.asks.clear()


class DiffDepth(PacedSource):
    """The streams `@depth`: all changes of the last 100 ms or more, none when nothing changed."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._gathered: dict[str, dict[str, _Gathered]] = {}  # by symbol and name of stream

    def start(self, stream: Stream, publish: Publish) -> None:
        """See `Source`."""
        self._gathered.setdefault(stream.symbol, {})[stream.name] = _Gathered()
        super().start(stream, publish)

    def stop(self, stream: Stream) -> None:
        """See `Source`."""
        super().stop(stream)
        of_symbol = self._gathered[stream.symbol]
        del of_symbol[stream.name]
        if not of_symbol:
            del self._gathered[stream.symbol]

    def on_book(self, change: BookChange) -> None:
        """See `Source`."""
        for gathered in self._gathered.get(change.symbol, {}).values():
            gathered.add(change)

    def _tick(self, stream: Stream, now: int, publish: Publish) -> None:
        gathered = self._gathered[stream.symbol][stream.name]
        if gathered.first:
            publish(_diff(stream, self._desk.figures[stream.symbol], gathered, self._desk.now_ms()))
            gathered.clear()


class PartialDepth(PacedSource):
    """The streams `@depth5`, `@depth10` and `@depth20`: the best levels, when the book has changed."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._told: dict[str, int] = {}

    def start(self, stream: Stream, publish: Publish) -> None:
        """See `Source`."""
        self._told[stream.name] = 0
        super().start(stream, publish)

    def stop(self, stream: Stream) -> None:
        """See `Source`."""
        super().stop(stream)
        del self._told[stream.name]

    def _tick(self, stream: Stream, now: int, publish: Publish) -> None:
        depth = self._desk.depth(stream.symbol, stream.levels)
        told, last = self._told[stream.name], depth.last_update_id
        if last == told:
            return
        self._told[stream.name] = last
        figures, time = self._desk.figures[stream.symbol], self._desk.now_ms()
        bids, asks = levels(figures, depth.bids), levels(figures, depth.asks)
        if self._desk.venue == "spot":
            publish(f'{{"lastUpdateId":{last},"bids":{bids},"asks":{asks}}}'.encode())
            return
        previous = told or last - 1
        publish(
            f'{{"e":"depthUpdate","E":{time},"T":{now},"s":"{stream.symbol}","U":{previous + 1},"u":{last},'
            f'"pu":{previous},"b":{bids},"a":{asks}}}'.encode()
        )


def _diff(stream: Stream, figures: Figures, gathered: _Gathered, now: int) -> bytes:
    bids: Levels = tuple(sorted(gathered.bids.items(), reverse=True))
    asks: Levels = tuple(sorted(gathered.asks.items()))
    ids = _ids(stream.venue, gathered)
    return (
        f'{{"e":"depthUpdate","E":{now},{_transaction(stream.venue, gathered)}"s":"{stream.symbol}",{ids},'
        f'"b":{levels(figures, bids)},"a":{levels(figures, asks)}}}'
    ).encode()


def _transaction(venue: Venue, gathered: _Gathered) -> str:
    return "" if venue == "spot" else f'"T":{gathered.time},'


def _ids(venue: Venue, gathered: _Gathered) -> str:
    ids = f'"U":{gathered.first},"u":{gathered.last}'
    return ids if venue == "spot" else f'{ids},"pu":{gathered.previous}'
