"""The public trades of one pair up to a moment: the synthetic ones, and in their place those that were traded live."""

from collections.abc import Iterator

from services.simulator.engine.events import Trade
from services.simulator.engine.symbol import Symbol
from services.simulator.live_pair import LivePair
from services.simulator.market.intervals import SECOND
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.market.trade_numbers import LISTED
from services.simulator.market.trades import Trade as SyntheticTrade


class LiveTrades:
    """The trades of a pair before `now` (ms)."""

    def __init__(self, market: SyntheticMarket, pair: LivePair, now: int) -> None:
        self._market = market
        self._symbol: Symbol = pair.symbol
        self._live = [trade for trade in pair.trades if trade.time >= pair.since]
        self._border = pair.since or now

    def from_id(self, trade_id: int) -> Iterator[Trade]:
        """Yield the trades from `trade_id` on."""
        live = self._live
        if not live or trade_id < live[0].trade_id:
            for trade in self._market.trades_from(self._symbol, max(0, trade_id)):
                if trade.time >= self._border:
                    break
                yield public(self._symbol, trade)
        yield from (trade for trade in live if trade.trade_id >= trade_id)

    def between(self, start_ms: int, end_ms: int) -> Iterator[Trade]:
        """Yield the trades from `start_ms` to before `end_ms`."""
        for trade in self._market.trades(self._symbol, start_ms, min(end_ms, self._border)):
            yield public(self._symbol, trade)
        yield from (trade for trade in self._live if start_ms <= trade.time < end_ms)

    def last(self, end_ms: int, limit: int) -> list[Trade]:
        """Return the last `limit` trades before `end_ms`."""
        last = [trade for trade in self._live if trade.time < end_ms][-limit:]
        missing, until = limit - len(last), min(self._border, end_ms)
        if missing <= 0:
            return last
        # There are eight trades or more in each second.
        start = max(LISTED, until - (missing // 8 + 2) * SECOND)
        before = list(self._market.trades(self._symbol, start, until))[-missing:]
        return [*(public(self._symbol, trade) for trade in before), *last]


def public(symbol: Symbol, trade: SyntheticTrade) -> Trade:
    """Return a synthetic trade as the engine tells one; each is an aggregate of its own, between synthetic accounts."""
    return Trade(
        symbol.name,
        trade.time,
        trade.id,
        trade.id,
        trade.price,
        trade.quantity,
        trade.price * trade.quantity * symbol.quote_unit,
        "",
        "",
        0,
        0,
        not trade.taker_bought,
    )
