"""Trades as streams, in real time: each fill, and the fills of one taker at one price as one."""

from itertools import groupby

from services.simulator.engine.events import BookChange, Trade
from services.simulator.rest.figures import Figures
from services.simulator.streams.names import Feed, Stream
from services.simulator.streams.sources import Desk, Publish
from services.simulator.streams.texts import boolean


class Trades:
    """The streams `@trade` and `@aggTrade`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._plain: dict[str, Publish] = {}
        self._aggregate: dict[str, Publish] = {}

    def start(self, stream: Stream, publish: Publish) -> None:
        """See `Source`."""
        self._publishers(stream)[stream.symbol] = publish

    def stop(self, stream: Stream) -> None:
        """See `Source`."""
        del self._publishers(stream)[stream.symbol]

    def on_trades(self, trades: list[Trade]) -> None:
        """See `Source`."""
        now = self._desk.now_ms()
        for trade in trades if self._plain else ():
            if (publish := self._plain.get(trade.symbol)) is not None:
                publish(self._trade(trade, now))
        for (symbol, _), fills in groupby(trades, _aggregate_of) if self._aggregate else ():
            if (publish := self._aggregate.get(symbol)) is not None:
                publish(self._aggregated(list(fills), now))

    def on_book(self, change: BookChange) -> None:
        """See `Source`."""

    def _publishers(self, stream: Stream) -> dict[str, Publish]:
        return self._plain if stream.feed is Feed.TRADE else self._aggregate

    def _trade(self, trade: Trade, now: int) -> bytes:
        figures = self._desk.figures[trade.symbol]
        head = f'{{"e":"trade","E":{now},"s":"{trade.symbol}","t":{trade.trade_id},{_price(figures, trade)}'
        maker = boolean(trade.buyer_is_maker)
        if self._desk.venue == "spot":
            return f'{head},"q":"{figures.quantity(trade.quantity)}","T":{trade.time},"m":{maker},"M":true}}'.encode()
        return f'{head},"q":"{figures.quantity(trade.quantity)}","T":{trade.time},"X":"MARKET","m":{maker}}}'.encode()

    def _aggregated(self, fills: list[Trade], now: int) -> bytes:
        first, last = fills[0], fills[-1]
        figures = self._desk.figures[first.symbol]
        quantity = figures.quantity(sum(fill.quantity for fill in fills))
        best = ',"M":true' if self._desk.venue == "spot" else ""
        return (
            f'{{"e":"aggTrade","E":{now},"s":"{first.symbol}","a":{first.aggregate_id},{_price(figures, first)},'
            f'"q":"{quantity}","f":{first.trade_id},"l":{last.trade_id},"T":{first.time},'
            f'"m":{boolean(first.buyer_is_maker)}{best}}}'
        ).encode()


def _aggregate_of(trade: Trade) -> tuple[str, int]:
    return trade.symbol, trade.aggregate_id


def _price(figures: Figures, trade: Trade) -> str:
    return f'"p":"{figures.price(trade.price)}"'
