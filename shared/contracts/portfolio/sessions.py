"""Sessions: an account on a connector, and whether it can trade."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.contracts.declaration import EDGE, OUTSIDE, Command, Event
from shared.contracts.portfolio.fields import SERVICE, SESSION_ERRORS, SESSION_KEYS, PortfolioFilter
from shared.errors import ErrorCode
from shared.names import Name


class SessionState(StrEnum):
    """How a session of an account on a connector is.

    STARTING: its owner brings its records up to date. READY: it takes orders. WAITING: the exchange cannot be
    reached; it is tried again. REFUSED: the exchange refuses the keys. UNOWNED: no replica has it at the moment.
    """

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    REFUSED = "refused"
    UNOWNED = "unowned"


#: The states of a session that may last; out of the others it comes by itself, and soon.
LASTING = frozenset({SessionState.WAITING, SessionState.REFUSED})


class SessionRef(msgspec.Struct, frozen=True):
    """The session of an account on a connector."""

    account_name: Name
    connector_name: Name


class Session(msgspec.Struct, frozen=True):
    """A session as it is: its state since when, and why it does not take orders, if it does not.

    `version` grows with each change of it. `silent_since` is when it was last READY: what is recorded of the account
    may have been out of date since then. It is None while the session is READY, and before it ever was.
    """

    account_name: str
    connector_name: str
    state: SessionState
    since: datetime
    reason: str = ""
    version: int = 0
    silent_since: datetime | None = None


class SessionList(msgspec.Struct, frozen=True):
    """All sessions, by account and connector."""

    sessions: tuple[Session, ...]


LIST_SESSIONS = Command(SERVICE, "session", "list", PortfolioFilter, SessionList, "List the sessions and their state.")
GET_SESSION = Command(
    SERVICE, "session", "get", SessionRef, Session, "Say how the session of an account on a connector is.",
    errors=frozenset({ErrorCode.NOT_FOUND, ErrorCode.REFUSED}),
)  # fmt: skip
REFRESH_SESSION = Command(
    SERVICE, "session", "refresh", SessionRef, Session, "Ask the exchange for the balances and open orders now.",
    callers=frozenset({EDGE, OUTSIDE, SERVICE}), errors=SESSION_ERRORS, owner_keys=SESSION_KEYS,
)  # fmt: skip
SESSION_CHANGED = Event(
    SERVICE, "session", "changed", Session, "The session of an account on a connector has another state.",
    keys=SESSION_KEYS, account="account_name",
)  # fmt: skip

COMMANDS = (LIST_SESSIONS, GET_SESSION, REFRESH_SESSION)
EVENTS = (SESSION_CHANGED,)
