"""The exchange: both engines, their users, the synthetic market around them and what has become of it, in one loop."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from services.simulator.accounts import Accounts
from services.simulator.batch import Batch, VenueRow
from services.simulator.engine.events import Outcome
from services.simulator.engine.refusal import outcome_unknown, overloaded
from services.simulator.engine.symbols import spot_symbols, usdm_symbols
from services.simulator.engines import LiveFutures, LiveSpot
from services.simulator.faults import Faults
from services.simulator.funding import Funding
from services.simulator.glance import Glance
from services.simulator.history import History
from services.simulator.interest import Interest
from services.simulator.journal import Journal, Listener
from services.simulator.live_market import LiveMarket
from services.simulator.market.intervals import DAY
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.minute_keeping import MinuteKeeping
from services.simulator.quoting import Quoting
from services.simulator.restoring import restore
from services.simulator.settings import SimulatorSettings
from services.simulator.store import Store
from services.simulator.venue import VENUES, Venue

T = TypeVar("T")

#: Seconds until somebody who waits for their change to be durable is told that its outcome is unknown.
_PATIENCE = 10.0


class Exchange:
    """A spot and a futures exchange, in one event loop and one thread.

    Attributes:
        spot, usdm: the engines. Commands go through `act`; looking needs nothing.
        market: the synthetic past, and what synthetic participants want.
        accounts: the users.
        history: orders, fills and incomes of users, ended ones as well.
        live: candles and trades, of the past and as they really were.
        quoting: who looks at which pair; see `Quoting.watch`.
        funding: pays it when it is due.
        glance: prices of pairs that need not be quoted for that.
        faults: what is to go wrong on demand.
        funding_hours: hours between two payments of funding.
    """

    def __init__(self, settings: SimulatorSettings, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._store = store
        self.funding_hours = settings.funding_hours
        self.faults = Faults(self.market_ms)
        spot, usdm = spot_symbols(settings.pairs), usdm_symbols(settings.perpetuals)
        self.market = SyntheticMarket(settings.market_seed, (*spot, *usdm))
        self._journal = Journal(self._complete, store.write)
        self._recording = False
        self.spot = LiveSpot(spot, lambda outcome: self._record("spot", outcome), lambda name: self.look("spot", name))
        self.usdm = LiveFutures(
            usdm, lambda outcome: self._record("usdm", outcome), lambda name: self.look("usdm", name)
        )
        self.accounts = Accounts(
            engines=(self.spot, self.usdm),
            opened=self._journal.open,
            ready=self._ready,
            durable=self.durable,
            now=self.market_ms,
            assets=(
                frozenset(asset for symbol in spot for asset in (symbol.base, symbol.quote)),
                frozenset(symbol.quote for symbol in usdm),
            ),
        )
        self.history = History(store, self.durable)
        self.live = LiveMarket(self.market, (*spot, *usdm), store, self.market_ms, self.look)
        self._keeping = MinuteKeeping(self.live, store, self.market_ms, settings.candle_days * DAY)
        self._interest = Interest()
        self.quoting = Quoting(self, self.live, self._interest)
        self.funding = Funding(self, self._interest)
        self.glance = Glance(self.spot, self.usdm, self.market, self.quoting, self.market_ms)
        self._journal.listen(self.live.heard)
        self._journal.listen(self._interest.heard)

    # Time.

    def now_ms(self) -> int:
        """Return the time that the exchange tells and checks requests by; faults may have it wrong."""
        return self.market_ms() + self.faults.clock_offset()

    def market_ms(self) -> int:
        """Return the time in ms, by which orders are matched and the market moves."""
        return int(self._clock() * 1000)

    # Life.

    async def start(self) -> None:
        """Take over what is stored, and begin to trade."""
        kept = await self._store.start()
        changes = restore(self, kept, self._interest)
        if changes.durable:
            self._complete(changes)
            await self._store.write(changes)
        self._recording = True
        self._journal.start()
        await self.funding.start()
        self.quoting.start()
        self._keeping.start()

    async def stop(self) -> None:
        """Stop trading; return when everything is stored."""
        await self.quoting.stop()
        await self._journal.stop()
        await self._keeping.stop()
        await self._store.stop()

    @property
    def stalled(self) -> bool:
        """Whether nothing can be stored at present."""
        return self._journal.stalled

    @property
    def failures(self) -> tuple[str, ...]:
        """What has failed for good, by a defect."""
        parts = (self._journal.failure, self.quoting.failure, self._keeping.failure)
        return tuple(failure for failure in parts if failure is not None)

    # Commands.

    async def act(self, effect: Callable[[], T]) -> T:
        """Run commands of an engine at once, in the order of calls; return what they did when it is durable.

        Listeners are told of the outcomes before this returns.

        Raises:
            Refusal: of the engine; -1008 while nothing can be stored (nothing was done then); -1007 if it was done, but
                can't be stored in time, so that its outcome is not known.
        """
        self._ready()
        result = effect()
        await self.durable()
        return result

    def listen(self, listener: Listener) -> None:
        """Have `listener` told of every outcome of every command once it is durable, in order. It must not raise."""
        self._journal.listen(listener)

    def look(self, venue: Venue, symbol: str) -> None:
        """Say that somebody looks at a pair: its book is brought up to date, and kept so for a while.

        The engines say it by themselves when they are asked for a book or a price, or given an order.
        """
        if self._recording:
            self.quoting.look(venue, symbol)

    def advance(self, now: int) -> None:
        """Bring both engines to the time `now`, and pay the funding that is due by then."""
        self.spot.advance(now)
        self.usdm.advance(now)
        self.funding.pay(now)

    async def durable(self) -> None:
        """Return when everything that was done so far is durable.

        Raises:
            Refusal: -1007 if that takes too long.
        """
        pending = self._journal.pending
        if pending is None:
            return
        done, _ = await asyncio.wait({pending}, timeout=_PATIENCE)
        if not done:
            raise outcome_unknown()

    # Within.

    def engine(self, venue: Venue) -> LiveSpot | LiveFutures:
        """Return the engine of `venue`."""
        return self.spot if venue == "spot" else self.usdm

    def _ready(self) -> None:
        if self._journal.stalled:
            raise overloaded()
        self.advance(self.market_ms())

    def _record(self, venue: Venue, outcome: Outcome) -> None:
        if self._recording:
            self._journal.record(venue, outcome)

    def _complete(self, batch: Batch) -> None:
        """Add to a batch what is of the venues and symbols, as it stands after the batch's last command."""
        for venue in VENUES:
            engine, changes = self.engine(venue), batch.of(venue)
            abandoned = dict(self.usdm.abandoned) if venue == "usdm" else {}
            changes.row = VenueRow(engine.now, engine.counters(), dict(engine.fees), abandoned)
            changes.instruments = tuple(engine.instrument_row(symbol) for symbol in changes.symbols)
