"""What a topic of the API offers: routes, each with its handler and what must hold before it is asked."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Literal

import msgspec

from services.simulator.rest.parameters import Parameters
from services.simulator.rest.ports import Account, Exchange, ListenKeys
from services.simulator.rest.weights import Meter
from services.simulator.venue import Venue

Method = Literal["GET", "POST", "PUT", "DELETE"]


class Security(Enum):
    """PUBLIC needs nothing, KEY a known API key, SIGNED a signature and a timestamp as well."""

    PUBLIC = auto()
    KEY = auto()
    SIGNED = auto()


class Call:
    """A request that may be served.

    Attributes:
        now: the exchange's clock when it came, in ms.
        meter: what counts weights and orders on this venue.
    """

    __slots__ = ("_account", "exchange", "listen_keys", "meter", "now", "parameters")

    def __init__(
        self,
        exchange: Exchange,
        listen_keys: ListenKeys,
        *,
        meter: Meter,
        parameters: Parameters,
        account: Account | None,
        now: int,
    ) -> None:
        self.exchange = exchange
        self.listen_keys = listen_keys
        self.meter = meter
        self.parameters = parameters
        self._account = account
        self.now = now

    @property
    def account(self) -> Account:
        """Who asks, on a route that needs to know."""
        assert self._account is not None, "expected a route with a key"
        return self._account

    @property
    def owner(self) -> str:
        """The name that the engines know the account by."""
        return self.account.name


#: What a handler answers: JSON as bytes, or what msgspec makes JSON of.
Answer = bytes | Mapping[str, object] | Sequence[Mapping[str, object]]
Handler = Callable[[Call], Awaitable[Answer]]


class Route(msgspec.Struct, frozen=True):
    """One method on one path.

    Attributes:
        weight: what it counts for the address, perhaps depending on what is asked.
        names: the parameters that it reads; None if it does not mind others.
        orders: how many new orders it counts as, perhaps depending on what is asked.
    """

    method: Method
    path: str
    handler: Handler
    security: Security = Security.PUBLIC
    weight: int | Callable[[Parameters], int] = 1
    names: frozenset[str] | None = None
    orders: int | Callable[[Parameters], int] = 0

    @property
    def venue(self) -> Venue:
        """Which of the two exchanges' limits it counts against."""
        return "usdm" if self.path.startswith("/fapi/") else "spot"


def names(*parameters: str) -> frozenset[str]:
    """Return the names of the parameters of a route."""
    return frozenset(parameters)
