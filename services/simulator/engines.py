"""The engines as the exchange runs them: outcomes go into the journal, a look at a book brings it up to date.

Both are done here and not by those who give commands, because a command that were forgotten in the journal would be
acknowledged and lost.
"""

from collections.abc import Callable, Iterable
from typing import Generic

from services.simulator.engine.book import O
from services.simulator.engine.engine import Engine
from services.simulator.engine.events import Outcome
from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.positions import FuturesAccount, FuturesOrder
from services.simulator.engine.registry import A, Depth
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.spot_ledger import SpotAccount, SpotOrder
from services.simulator.engine.symbol import Symbol

#: Takes the outcome of each command, in order.
Tell = Callable[[Outcome], None]
#: Is told that somebody is about to see or touch the book of a symbol, which may be an unknown one.
Look = Callable[[str], None]


class _Live(Engine[O, A], Generic[O, A]):
    """What an engine of a running exchange does besides; to be mixed in before it."""

    def __init__(self, symbols: Iterable[Symbol], tell: Tell, look: Look) -> None:
        super().__init__(symbols)
        self._tell_outcome = tell
        self._look = look

    def place(self, request: NewOrder) -> Outcome:
        """Place an order on a book that is up to date; see `Engine.place`."""
        self._look(request.symbol)
        return super().place(request)

    def depth(self, symbol: str, limit: int) -> Depth:
        """Return the best levels of a book that is up to date."""
        self._look(symbol)
        return super().depth(symbol, limit)

    def depth_as_is(self, symbol: str, limit: int) -> Depth:
        """Return the best levels of a book without having it quoted; one that is not has users' orders alone."""
        return super().depth(symbol, limit)

    def last_price(self, symbol: str) -> int:
        """Return the last price in ticks, up to date."""
        self._look(symbol)
        return super().last_price(symbol)

    def last_price_as_is(self, symbol: str) -> int:
        """Return the last price in ticks, which is old if the pair is not quoted."""
        return super().last_price(symbol)

    def _finish(self, order: O | None = None) -> Outcome:
        outcome = super()._finish(order)
        self._tell_outcome(outcome)
        return outcome


class LiveSpot(_Live[SpotOrder, SpotAccount], SpotEngine):
    """The spot engine of a running exchange."""


class LiveFutures(_Live[FuturesOrder, FuturesAccount], FuturesEngine):
    """The futures engine of a running exchange."""

    def mark_price(self, symbol: str) -> int:
        """Return the mark price in ticks, up to date."""
        self._look(symbol)
        return super().mark_price(symbol)
