"""Balances: what the accounts have, and what it is worth."""

from datetime import datetime
from decimal import Decimal

import msgspec

from shared.contracts.declaration import Command, Event
from shared.contracts.portfolio.fields import SERVICE, SESSION_KEYS
from shared.names import Name


class PortfolioStateFilter(msgspec.Struct, frozen=True):
    """As `PortfolioFilter`. `refresh`: ask the exchanges before the answer."""

    account_names: tuple[Name, ...] | None = None
    connector_names: tuple[Name, ...] | None = None
    refresh: bool = False


class Balance(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an account has of a token on a connector, and its value in USD, rounded to 6 places.

    `priced` is False where no price is known, or none of the last ten minutes; `price` and `value` are 0 then.
    `stale_since` is the session's last word where it is silent.
    """

    token: str
    units: Decimal
    available_units: Decimal
    price: Decimal
    value: Decimal
    priced: bool = True
    stale_since: datetime | None = None


#: Account to connector to balances; an account without credentials is an empty map.
PortfolioState = dict[str, dict[str, tuple[Balance, ...]]]


class BalanceAmount(msgspec.Struct, frozen=True):
    """What an account has of a token on a connector."""

    token: str
    units: Decimal
    available_units: Decimal


class BalancesChanged(msgspec.Struct, frozen=True):
    """All balances of a session as they are now, those of zero left out. `version` grows with each change."""

    account_name: str
    connector_name: str
    balances: tuple[BalanceAmount, ...]
    at: datetime
    version: int


PORTFOLIO_STATE = Command(
    SERVICE, "balance", "state", PortfolioStateFilter, PortfolioState, "Give balances and their value in USD.",
    timeout=10.0,
)  # fmt: skip
BALANCES_CHANGED = Event(
    SERVICE, "balance", "changed", BalancesChanged, "The balances of an account on a connector are others.",
    keys=SESSION_KEYS, account="account_name",
)  # fmt: skip

COMMANDS = (PORTFOLIO_STATE,)
EVENTS = (BALANCES_CHANGED,)
