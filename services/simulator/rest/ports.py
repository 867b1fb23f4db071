"""What the REST API needs of the exchange that it speaks for. `services.simulator.exchange.Exchange` has it all.

Times are in ms since the epoch, prices in ticks, quantities in steps, as in the engine. Lists are in the order of time
and of ids. With a start (`from_id`, `start_ms`) the first `limit` from there on are meant, without one the last `limit`
up to `end_ms`, which is the last moment that counts.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from services.simulator.asked_rows import Orders, SoughtOrder, Window
from services.simulator.engine.events import Income, IncomeKind, OrderRow, OrderUpdate, Trade
from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.registry import Depth
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.symbol import Symbol
from services.simulator.market.candles import Candle, Candles
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.venue import Venue

T = TypeVar("T")


class Account(Protocol):
    """An account of the exchange; `name` is what both engines call it."""

    @property
    def name(self) -> str: ...
    @property
    def api_key(self) -> str: ...
    @property
    def api_secret(self) -> str: ...
    @property
    def created(self) -> int: ...


class Accounts(Protocol):
    def by_api_key(self, api_key: str) -> Account | None: ...


class History(Protocol):
    """What users' orders came to: open ones and ended ones."""

    async def order(self, venue: Venue, account: str, sought: SoughtOrder) -> OrderRow | None:
        """Return an order as it stands."""

    async def orders(
        self, venue: Venue, account: str, symbol: str | None, window: Window, kind: Orders = Orders.ALL
    ) -> Sequence[OrderRow]:
        """Return orders by time of creation."""

    async def fills(
        self, venue: Venue, account: str, symbol: str | None, order_id: int | None, window: Window
    ) -> Sequence[OrderUpdate]:
        """Return fills; `from_id` is a trade id."""

    async def incomes(
        self, account: str, symbol: str | None, kind: IncomeKind | None, window: Window
    ) -> Sequence[Income]: ...


class LiveMarket(Protocol):
    """What was traded in public: the synthetic past, and since the simulator runs what really was."""

    async def candles(
        self, symbol: Symbol, interval: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> Candles:
        """Return candles by open time; the last may be under way, with all trades until now.

        Raises:
            CommandError: if what is stored can't be read.
        """

    async def trades(
        self, symbol: Symbol, *, from_id: int | None, start_ms: int | None, end_ms: int | None, limit: int
    ) -> Sequence[Trade]: ...

    def newest_trade(self, symbol: Symbol) -> Trade:
        """Return the last trade, without having the pair quoted."""

    def window(self, symbol: Symbol, start_ms: int) -> tuple[Candle, int]:
        """Return one candle of everything from the full minute at or after `start_ms` to now, at most a day ago, and
        the id of its first trade."""


class Glance(Protocol):
    """Prices of pairs that need not be quoted for that: who wants them to be looks at them before."""

    def top(self, symbol: Symbol) -> Depth:
        """Return the best level of each side."""

    def last_price(self, symbol: Symbol) -> int: ...
    def mark_price(self, symbol: Symbol) -> int:
        """Return a mark price in units of 10^-8."""


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
    def history(self) -> History: ...
    @property
    def live(self) -> LiveMarket: ...
    @property
    def glance(self) -> Glance: ...
    @property
    def funding_hours(self) -> int: ...
    def now_ms(self) -> int: ...
    def look(self, venue: Venue, symbol: str) -> None:
        """Have a pair quoted for a while."""

    async def act(self, effect: Callable[[], T]) -> T:
        """Run commands of an engine; return what they did once it is durable."""


class ListenKeys(Protocol):
    """The keys of user streams, one for each account and venue while it lives."""

    def open(self, venue: Venue, account: str) -> str:
        """Return the account's key, a new one if there is none; it lives for 60 minutes from now."""

    def extend(self, venue: Venue, account: str, key: str | None) -> bool:
        """Let the key (the account's own for None) live for 60 minutes from now; return whether there is one."""

    def close(self, venue: Venue, account: str, key: str | None) -> bool:
        """End the key; return whether there was one."""


class RequestFault(Protocol):
    """What is to go wrong with a request.

    With a `status` it is answered so, without being served. A `lost` answer is not sent: the connection is closed.
    The clock that it is checked by and told is `offset` ms ahead of everybody else's.
    """

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def retry_after(self) -> int | None: ...
    @property
    def lost(self) -> bool: ...
    @property
    def offset(self) -> int: ...


class Faults(Protocol):
    async def before_request(self, path: str, api_key: str | None, method: str = "") -> RequestFault | None:
        """Wait as long as the request is to be delayed; return what else is to go wrong with it."""
