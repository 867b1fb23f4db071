"""What makes the updates of market streams, and what it is given for that."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from services.simulator.engine.events import BookChange, Trade
from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.registry import Depth
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.symbol import Symbol
from services.simulator.rest.figures import Figures
from services.simulator.streams.names import Stream
from services.simulator.streams.pace import Pace
from services.simulator.streams.ports import Exchange
from services.simulator.venue import Venue

Publish = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """One venue as its sources see it."""

    venue: Venue
    exchange: Exchange
    pace: Pace
    symbols: Mapping[str, Symbol]
    figures: Mapping[str, Figures]

    def now_ms(self) -> int:
        """Return the time that the exchange tells."""
        return self.exchange.now_ms()

    def depth(self, symbol: str, limit: int) -> Depth:
        """Return the best levels of a book as it is; looking is not asking for it to be quoted, which `watch` does."""
        if self.venue == "spot":
            return SpotEngine.depth(self.exchange.spot, symbol, limit)
        return FuturesEngine.depth(self.exchange.usdm, symbol, limit)


class Source(Protocol):
    """Makes the updates of some streams, and of nothing that was not started."""

    def start(self, stream: Stream, publish: Publish) -> None:
        """Make the updates of `stream` from now on and give each, as JSON, to `publish`."""

    def stop(self, stream: Stream) -> None:
        """Make no more."""

    def on_trades(self, trades: list[Trade]) -> None:
        """Take the trades of one command, in order."""

    def on_book(self, change: BookChange) -> None:
        """Take a change of a book."""


class PacedSource(ABC):
    """A source of updates at full multiples of each stream's period."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ticks: dict[str, tuple[int, Callable[[int], None]]] = {}

    def start(self, stream: Stream, publish: Publish) -> None:
        """See `Source`."""

        def tick(now: int) -> None:
            self._tick(stream, now, publish)

        self._ticks[stream.name] = (stream.period, tick)
        self._desk.pace.add(stream.period, tick)

    def stop(self, stream: Stream) -> None:
        """See `Source`."""
        self._desk.pace.remove(*self._ticks.pop(stream.name))

    @abstractmethod
    def _tick(self, stream: Stream, now: int, publish: Publish) -> None:
        """Make what is to be told of `stream` at `now`, in ms."""

    def on_trades(self, trades: list[Trade]) -> None:  # noqa: B027 - most have no use for it
        """See `Source`."""

    def on_book(self, change: BookChange) -> None:  # noqa: B027 - most have no use for it
        """See `Source`."""
