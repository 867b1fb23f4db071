"""What the simulated exchange answers to on the bus: accounts for the credentials of its connectors."""

from decimal import Decimal

import msgspec

from shared.contracts.declaration import SIMULATOR, Command
from shared.errors import ErrorCode
from shared.names import Name

#: The NATS user that may open and close accounts: it keeps their keys.
_KEEPER = frozenset({"credentials"})


class SimulatorAccountOpen(msgspec.Struct, frozen=True):
    """A wish for a new account. Balances are in whole units of their asset, such as `{"USDT": "100000"}`."""

    account_name: Name
    connector_name: Name
    balances: dict[str, Decimal] = {}
    futures_balances: dict[str, Decimal] = {}


class SimulatorAccountOpened(msgspec.Struct, frozen=True):
    """The keys of a new account, which sign its requests."""

    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return "SimulatorAccountOpened(<hidden>)"


class SimulatorAccountClose(msgspec.Struct, frozen=True):
    """An account to be closed, by its key. One that does not exist counts as closed."""

    api_key: str

    def __repr__(self) -> str:
        return "SimulatorAccountClose(<hidden>)"


class SimulatorAccountClosed(msgspec.Struct, frozen=True):
    """Whether there was an account to close."""

    existed: bool


OPEN_ACCOUNT = Command(
    SIMULATOR, "account", "open", SimulatorAccountOpen, SimulatorAccountOpened,
    "Open an account on the simulated exchange.",
    callers=_KEEPER, changes_state=True, stores_reply=False, errors=frozenset({ErrorCode.REFUSED}),
)  # fmt: skip
CLOSE_ACCOUNT = Command(
    SIMULATOR, "account", "close", SimulatorAccountClose, SimulatorAccountClosed,
    "Close an account on the simulated exchange with its orders.",
    callers=_KEEPER, changes_state=True, stores_reply=False,
)  # fmt: skip

COMMANDS = (OPEN_ACCOUNT, CLOSE_ACCOUNT)
EVENTS = ()
