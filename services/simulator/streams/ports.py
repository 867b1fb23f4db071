"""What the streams need of the exchange that they tell of. `services.simulator.exchange.Exchange` has it all.

Times are in ms since the epoch, prices in ticks, quantities in steps, as in the engine.
"""

from collections.abc import Callable
from typing import Protocol

from services.simulator.engine.events import Outcome, Trade
from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.symbol import Symbol
from services.simulator.market.candles import Candle, Candles
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.rest.ports import Account
from services.simulator.venue import Venue

Listener = Callable[[Venue, Outcome], None]


class Accounts(Protocol):
    def by_api_key(self, api_key: str) -> Account | None: ...
    def by_name(self, name: str) -> Account | None: ...


class LiveMarket(Protocol):
    async def candles(
        self, symbol: Symbol, interval: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> Candles:
        """Return candles by open time; the last may be under way, with all trades up to `last_trade`.

        Raises:
            CommandError: if what is stored can't be read.
        """

    def window(self, symbol: Symbol, start_ms: int) -> tuple[Candle, int]:
        """Return one candle of everything from the full minute at or after `start_ms` to now, at most a day ago, and
        the id of its first trade.
        """

    def last_trade(self, symbol: Symbol) -> Trade | None: ...
    def newest_trade(self, symbol: Symbol) -> Trade:
        """Return the last trade, without having the pair quoted."""


class Quoting(Protocol):
    @property
    def awake(self) -> int:
        """The number of pairs that are quoted."""

    def watch(self, venue: Venue, symbol: str) -> Callable[[], None]:
        """Have a pair quoted until the function that is returned is called."""


class Exchange(Protocol):
    @property
    def spot(self) -> SpotEngine: ...
    @property
    def usdm(self) -> FuturesEngine: ...
    @property
    def market(self) -> SyntheticMarket: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def live(self) -> LiveMarket: ...
    @property
    def quoting(self) -> Quoting: ...
    @property
    def funding_hours(self) -> int: ...
    def now_ms(self) -> int:
        """Return the time that the exchange tells, which faults may have wrong."""

    def market_ms(self) -> int:
        """Return the time by which the market moves."""

    def listen(self, listener: Listener) -> None: ...
