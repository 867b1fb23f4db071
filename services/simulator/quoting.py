"""The clock of the market: synthetic makers quote, takers trade, mark prices move.

Only pairs that somebody looks at are quoted: that a stream is open for, that were asked for a moment ago, or in which a
user has an order or a position. The others cost nothing; they are brought up to date when somebody looks, and what was
traded until then is what the synthetic past says.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from services.simulator.background import background, failure_of
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import Side
from services.simulator.interest import Interest
from services.simulator.live_market import LiveMarket
from services.simulator.market.intervals import SECOND
from services.simulator.market.live_path import SLOT
from services.simulator.participants import MAKERS, TAKERS
from services.simulator.venue import VENUES, Venue
from shared.tasks import end_task

if TYPE_CHECKING:
    from services.simulator.exchange import Exchange

#: How often the clock ticks, and for how long a pair is quoted after somebody has asked for it, in ms.
TICK = 100
KEPT_AWAKE = 10 * SECOND
#: Seconds that are spent on quoting at a time.
_TURN = 0.005
#: Ids of books go on from the time, and so do not come twice even if a crash has lost the last ones.
UPDATES_A_MS = 10
#: A clock that is behind by more than this (ms) after a pause of the machine lets what was missed be synthetic.
_MOST_BEHIND = 5 * SECOND


class _Desk:
    """The synthetic participants of one pair while somebody looks."""

    __slots__ = ("looked", "mark", "slot", "symbol", "taken")

    def __init__(self, symbol: Symbol, now: int) -> None:
        self.symbol = symbol
        self.looked = now
        self.taken = now
        self.slot = -1
        self.mark = -1


class Quoting:
    """Who looks at which pair, and what synthetic participants do there."""

    def __init__(self, exchange: "Exchange", live: LiveMarket, interest: Interest) -> None:
        self._exchange = exchange
        self._live = live
        self._interest = interest
        self._desks: dict[tuple[Venue, str], _Desk] = {}
        self._watchers: dict[tuple[Venue, str], int] = {}
        self._waking: set[tuple[Venue, str]] = set()
        self._task: asyncio.Task[None] | None = None
        self._symbols = {venue: exchange.engine(venue).symbols for venue in VENUES}

    @property
    def awake(self) -> int:
        """The number of pairs that are quoted."""
        return len(self._desks)

    def start(self) -> None:
        """Quote from now on; pairs in which users have something first."""
        self._task = background(self._run(), "the market's clock")

    async def stop(self) -> None:
        """Quote no more."""
        await end_task(self._task)

    @property
    def failure(self) -> str | None:
        """Why nothing is quoted any more, if so."""
        return failure_of(self._task)

    # Who looks.

    def has(self, venue: Venue, symbol: str) -> bool:
        """Return whether a pair is quoted now."""
        return (venue, symbol) in self._desks

    def look(self, venue: Venue, symbol: str) -> None:
        """Have a pair quoted for a while from now on; it is up to date when this returns. Unknown ones are ignored."""
        key = (venue, symbol)
        desk = self._desks.get(key)
        if desk is not None:
            desk.looked = self._exchange.market_ms()
        elif key not in self._waking and not self._exchange.stalled:
            self._waking.add(key)
            try:
                self._wake(venue, symbol)
            finally:
                self._waking.discard(key)

    def watch(self, venue: Venue, symbol: str) -> Callable[[], None]:
        """Have a pair quoted until the function that is returned is called, which may be done once."""
        key = (venue, symbol)
        self._watchers[key] = self._watchers.get(key, 0) + 1
        self.look(venue, symbol)
        ended = False

        def end() -> None:
            nonlocal ended
            if ended:
                return
            ended = True
            self._watchers[key] -= 1
            if not self._watchers[key]:
                del self._watchers[key]

        return end

    # The clock.

    async def _run(self) -> None:
        while True:
            if not self._exchange.stalled:
                await self._tick(self._exchange.market_ms())
            await asyncio.sleep((TICK - self._exchange.market_ms() % TICK) / 1000)

    async def _tick(self, now: int) -> None:
        exchange, loop = self._exchange, asyncio.get_running_loop()
        exchange.advance(now)
        for venue, symbol in self._interest.pairs():
            self.look(venue, symbol)
        for venue, symbol in list(self._watchers):
            self.look(venue, symbol)
        began = loop.time()
        for (venue, symbol), desk in list(self._desks.items()):
            if loop.time() - began > _TURN:
                await asyncio.sleep(0)  # let requests in between
                began, now = loop.time(), exchange.market_ms()
                if exchange.stalled:
                    return
                exchange.advance(now)
            if now - desk.looked > KEPT_AWAKE or now - desk.taken > _MOST_BEHIND:
                self._sleep(venue, symbol, desk, now)
            else:
                self._trade(venue, desk, now)

    def _wake(self, venue: Venue, name: str) -> None:
        exchange = self._exchange
        engine = exchange.engine(venue)
        symbol = self._symbols[venue].get(name)
        if symbol is None:
            return
        now = exchange.market_ms()
        exchange.advance(now)
        last_id = self._live.wake(symbol, now)
        engine.skip_ids(name, trade_id=last_id, update_id=now * UPDATES_A_MS)
        # The trades until now were the synthetic past's; without their price the percent filters would let all pass.
        engine.set_last_price(name, exchange.market.price(symbol, now))
        desk = self._desks[venue, name] = _Desk(symbol, now)
        self._trade(venue, desk, now)

    def _sleep(self, venue: Venue, name: str, desk: _Desk, now: int) -> None:
        del self._desks[venue, name]
        self._exchange.engine(venue).requote(MAKERS, name, (), ())
        self._live.pair(desk.symbol).sleep()

    def _trade(self, venue: Venue, desk: _Desk, now: int) -> None:
        market, engine, name = self._exchange.market, self._exchange.engine(venue), desk.symbol.name
        if now // SLOT != desk.slot:
            desk.slot = now // SLOT
            book = market.target_book(desk.symbol, now)
            engine.requote(MAKERS, name, book.bids, book.asks)
        if venue == "usdm" and now // SECOND != desk.mark:
            desk.mark = now // SECOND
            mark = market.mark_price(desk.symbol, now) // desk.symbol.tick_unit
            self._exchange.usdm.set_mark_price(name, mark)
        # What is due until the next tick is traded now, so that it falls into the second that it belongs to.
        until = now // TICK * TICK + TICK
        for trade in market.taker_trades(desk.symbol, desk.taken, until):
            engine.take(TAKERS, name, Side.BUY if trade.taker_bought else Side.SELL, trade.quantity)
        desk.taken = max(desk.taken, until)
