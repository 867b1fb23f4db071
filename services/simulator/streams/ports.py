"""What the streams need of the exchange that they tell of, beyond what REST needs.

`services.simulator.exchange.Exchange` has it all.

Times are in ms since the epoch, prices in ticks, quantities in steps, as in the engine.
"""

from collections.abc import Callable
from typing import Protocol

from services.simulator.engine.events import Outcome, Trade
from services.simulator.engine.symbol import Symbol
from services.simulator.rest import ports
from services.simulator.rest.ports import Account
from services.simulator.venue import Venue

Listener = Callable[[Venue, Outcome], None]


class Accounts(ports.Accounts, Protocol):
    def by_name(self, name: str) -> Account | None: ...


class LiveMarket(ports.LiveMarket, Protocol):
    def last_trade(self, symbol: Symbol) -> Trade | None:
        """Return the last trade since somebody looks at the pair, None before the first."""


class Quoting(Protocol):
    @property
    def awake(self) -> int:
        """The number of pairs that are quoted."""

    def watch(self, venue: Venue, symbol: str) -> Callable[[], None]:
        """Have a pair quoted until the function that is returned is called."""


class Exchange(ports.Exchange, Protocol):
    @property
    def accounts(self) -> Accounts: ...
    @property
    def live(self) -> LiveMarket: ...
    @property
    def quoting(self) -> Quoting: ...
    def now_ms(self) -> int:
        """Return the time that the exchange tells, which faults may have wrong."""

    def market_ms(self) -> int:
        """Return the time by which the market moves."""

    def listen(self, listener: Listener) -> None: ...
