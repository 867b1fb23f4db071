"""The tickers of one exchange: in memory for the pairs that somebody has asked for, kept true by streams."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import msgspec

from services.marketdata.follower import Follower
from services.marketdata.ownership import Ownership, lease_name
from services.marketdata.places import Places
from services.marketdata.shared_fetch import SharedFetch
from services.marketdata.soonest import soonest
from services.marketdata.supply import BEAT, BUS_PATIENCE
from services.marketdata.ticker_group import TickerGroup
from shared.contracts.marketdata.tickers import TICKER, LiveTicker
from shared.exchanges.errors import ExchangeError, Refused
from shared.exchanges.interface import Market

#: Seconds that an answer by REST is good for while there is no stream.
REST_AGE = 1.0

Tickers = dict[str, LiveTicker]


class Kept(msgspec.Struct):
    """What is known of a pair. `heard`, `asked_at`, `sent_at`: monotonic clock; `heard` is 0 before anything was heard.

    `bus` follows what another replica sends, which leads this pair then. Without a `group` the pair is not followed, as
    there was no place. Without a ticker although something was heard, the exchange has none: no orders, and nothing was
    ever traded.
    """

    pair: str
    group: TickerGroup | None
    asked_at: float
    ticker: LiveTicker | None = None
    heard: float = 0.0
    sent_at: float = 0.0
    bus: Follower[LiveTicker] | None = None

    @property
    def live_since(self) -> float | None:
        """Since when a stream brings something of the pair; None if none does."""
        if self.bus is not None and self.bus.live_since is not None:
            return self.bus.live_since
        return self.group.live_since if self.group is not None and self.pair in self.group.pairs else None

    def leave(self) -> None:
        """Have its stream do without it."""
        if self.group is not None and self.pair in self.group.pairs:
            self.group.remove(self.pair)

    def is_present(self, now: float) -> bool:
        """Whether the ticker is the present one: the running stream has brought it, or REST a moment ago."""
        if self.heard == 0:
            return False
        live_since = self.live_since
        return now - self.heard <= REST_AGE or (live_since is not None and self.heard >= live_since)


class TickerBoard:
    """The tickers of one market; `publish` gets each that a stream brings, of the pairs that this replica leads.

    `bus` opens the stream of what another replica sends of a pair.
    """

    def __init__(
        self,
        market: Market,
        publish: Callable[[LiveTicker], None],
        ownership: Ownership,
        bus: Callable[[str], AsyncIterator[LiveTicker]],
        places: Places,
        *,
        patience: float,
        max_age: float,
    ) -> None:
        self._ownership = ownership
        self._bus = bus
        self._places = places
        self._ending: set[asyncio.Task[None]] = set()
        self._market = market
        self._publish = publish
        self._patience = patience
        self._max_age = max_age
        self._kept: dict[str, Kept] = {}
        #: Pairs that there is no place for, as REST told them.
        self._passing: dict[str, Kept] = {}
        self._groups: list[TickerGroup] = []
        self._wanted: dict[str, Kept] = {}
        self._fetch = SharedFetch(f"{market.connector} tickers", self._ask)
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def groups(self) -> Sequence[TickerGroup]:
        """The streams."""
        return self._groups

    def now(self, pairs: Iterable[str]) -> Tickers | None:
        """Return the tickers of pairs if memory holds the present ones of all, else None."""
        now = time.monotonic()
        found = {}
        for pair in pairs:
            kept = self._kept.get(pair) or self._passing.get(pair)
            if kept is None:
                return None
            kept.asked_at = now
            if not kept.is_present(now):
                return None
            if kept.ticker is not None:
                found[pair] = kept.ticker
        return found

    async def get(self, pairs: Sequence[str], seconds: float) -> Tickers:
        """Return the tickers of pairs; follow those that are new, as far as there are places for them.

        At once the last ones, if REST is in trouble. Pairs for which the exchange has none are left out.

        Raises:
            ExchangeError: if the exchange does not give them within `seconds`, and memory holds none for one of them
                that is young enough.
        """
        until = time.monotonic() + seconds
        wanted = [self._follow(pair) for pair in pairs]
        self._want(wanted)
        return await soonest(
            self._fetch,
            lambda: self._until_present(wanted),
            lambda: self._by_rest(wanted, until),
            lambda: self._last(wanted),
            seconds=seconds,
        )

    def follow(self, pair: str) -> None:
        """Follow a pair from now on.

        Raises:
            CommandError: BUSY if there is no place for it.
        """
        if pair not in self._kept:
            self._places.need()
        self._follow(pair)

    def end(self, pair: str) -> None:
        """End the feed of a pair. A stream that has no other ends with the next `forget`."""
        kept = self._kept.pop(pair)
        kept.leave()
        self._ownership.leave(self._name(pair))
        self._drop(kept.bus)

    async def forget(self, before: float) -> list[str]:
        """End the feeds of pairs that nobody has asked for since `before` (monotonic clock); return them."""
        idle = [pair for pair, kept in self._kept.items() if kept.asked_at < before]
        for pair in idle:
            self.end(pair)
        self._passing = {pair: kept for pair, kept in self._passing.items() if kept.asked_at >= before}
        empty = [group for group in self._groups if not group.pairs]
        self._groups = [group for group in self._groups if group.pairs]
        for group in empty:
            await group.stop()
        return idle

    async def stop(self) -> None:
        """End all streams."""
        await self._fetch.stop()
        for group in self._groups:
            await group.stop()
        for kept in self._kept.values():
            self._drop(kept.bus)
        if self._ending:
            await asyncio.wait(self._ending)

    def beat(self) -> None:
        """Send again what was not sent for a while: who follows us hears that we are there."""
        now = time.monotonic()
        for kept in self._kept.values():
            if kept.bus is None and kept.ticker is not None and now - kept.sent_at >= BEAT:
                live_since = kept.live_since
                if live_since is not None and kept.heard >= live_since:
                    self._send(kept, kept.ticker)

    def active(self) -> Iterable[tuple[str, float]]:
        """Return the pairs that are followed, with when somebody asked for them (monotonic clock)."""
        return [(kept.pair, kept.asked_at) for kept in self._kept.values()]

    def _name(self, pair: str) -> str:
        return lease_name(TICKER, self._market.connector, pair)

    def _drop(self, follower: Follower[LiveTicker] | None) -> None:
        if follower is not None:
            task = asyncio.create_task(follower.stop(), name="end of a ticker on the bus")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def _turn(self, pair: str, leads: bool) -> None:
        kept = self._kept.get(pair)
        if kept is None:
            return
        self._drop(kept.bus)
        kept.bus = None
        if leads:
            kept.group = self._group_for(pair)
        else:
            # The exchange's stream goes on until the bus brings something.
            name = f"{self._market.connector} ticker of {pair} on the bus"
            kept.bus = Follower(name, lambda: self._bus(pair), self._take_from_bus, BUS_PATIENCE, 1)
            kept.bus.start()

    def _take_from_bus(self, ticker: LiveTicker) -> None:
        kept = self._kept.get(ticker.trading_pair)
        if kept is not None and kept.bus is not None:
            kept.leave()
            kept.ticker, kept.heard = ticker, time.monotonic()
            self._arrived.set()

    def _group_for(self, pair: str) -> TickerGroup:
        group = next((group for group in self._groups if pair in group.pairs or group.has_room), None)
        if group is None:
            group = TickerGroup(self._market, self._take, self._patience)
            self._groups.append(group)
        if pair not in group.pairs:
            group.add(pair)
        return group

    def _send(self, kept: Kept, ticker: LiveTicker) -> None:
        kept.sent_at = time.monotonic()
        self._publish(ticker)

    def _follow(self, pair: str) -> Kept:
        """Return what is known of a pair, which is followed from now on if there is a place."""
        kept = self._kept.get(pair)
        if kept is None and self._places.are_left():
            self._passing.pop(pair, None)
            kept = self._kept[pair] = Kept(pair, self._group_for(pair), 0.0)
            self._ownership.join(self._name(pair), lambda leads: self._turn(pair, leads))
        if kept is None:
            kept = self._passing.setdefault(pair, Kept(pair, None, 0.0))
        kept.asked_at = time.monotonic()
        return kept

    def _last(self, wanted: list[Kept]) -> Tickers | None:
        """Return what was heard last, if it is young enough for each that is wanted."""
        oldest = time.monotonic() - self._max_age
        if any(kept.heard == 0 or kept.heard < oldest for kept in wanted):
            return None
        return _told(wanted)

    def _want(self, wanted: list[Kept]) -> list[Kept]:
        """Have the next question be about those of `wanted` too that are not present; return these."""
        now = time.monotonic()
        missing = [kept for kept in wanted if not kept.is_present(now)]
        self._wanted |= {kept.pair: kept for kept in missing}
        return missing

    async def _until_present(self, wanted: list[Kept]) -> Tickers:
        missing = wanted
        while missing := [kept for kept in missing if not kept.is_present(time.monotonic())]:
            self._arrived.clear()
            await self._arrived.wait()
        return _told(wanted)

    async def _by_rest(self, wanted: list[Kept], until: float) -> Tickers | ExchangeError:
        began = time.monotonic()
        missing = self._want(wanted)
        try:
            # More than once where a question was under way already, that had begun before these were wanted.
            while any(kept.heard < began for kept in missing):
                await self._fetch.get(0.0, until - time.monotonic())
        except ExchangeError as error:
            return error
        return _told(wanted)

    async def _ask(self) -> Tickers:
        wanted, self._wanted = self._wanted, {}
        try:
            found = await self._market.fetch_tickers(tuple(wanted))
        except Refused:
            # One pair that it does not take must not cost the others theirs.
            found = await self._market.fetch_tickers()
        now = time.monotonic()
        for pair, kept in wanted.items():
            kept.ticker, kept.heard = found.get(pair, kept.ticker), now
        self._arrived.set()
        return found

    def _take(self, ticker: LiveTicker) -> None:
        kept = self._kept.get(ticker.trading_pair)
        if kept is not None:
            if not ticker.last and kept.ticker is not None:
                # A stream tells the top of the book at once, the last price later.
                ticker = msgspec.structs.replace(ticker, last=kept.ticker.last)
            kept.ticker, kept.heard = ticker, time.monotonic()
            self._arrived.set()
            if kept.bus is None:
                self._send(kept, ticker)


def _told(wanted: Iterable[Kept]) -> Tickers:
    """Return the tickers by pair, without the pairs that have none."""
    return {kept.pair: kept.ticker for kept in wanted if kept.ticker is not None}
