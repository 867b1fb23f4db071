"""The accounts and their connectors in memory, with answers that are encoded already: what people poll.

It is filled from the database and kept true by this replica's own commits and by the events of all replicas. Every
change of an account has the next version, so it does not matter in which order, and how often, they come.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from services.credentials.accounts import unknown_account
from services.credentials.rows import AccountRow
from shared.bus.messages import Reply
from shared.contracts.credentials import (
    ACCOUNT_CREATED,
    ACCOUNT_DELETED,
    CREDENTIAL_DELETED,
    CREDENTIAL_STORED,
    AccountChanged,
    CredentialChanged,
)
from shared.contracts.declaration import AnyEvent

_encode = msgspec.json.Encoder().encode

#: The events that change the view.
VIEWED: tuple[AnyEvent, ...] = (ACCOUNT_CREATED, ACCOUNT_DELETED, CREDENTIAL_STORED, CREDENTIAL_DELETED)


@dataclass(frozen=True, slots=True)
class _State:
    """`credentials` is the encoded answer, None for an account that was deleted: that has to be remembered too,
    or an event from before would bring it back."""

    version: int
    credentials: Reply | None


class AccountsView:
    """The accounts, by name."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}
        self._names: Reply | None = None

    def __len__(self) -> int:
        return sum(state.credentials is not None for state in self._states.values())

    def load(self, rows: Iterable[AccountRow]) -> None:
        """Take in what the database holds; what the view knows of later versions stays."""
        for row in rows:
            self._take(row.name, row.version, row.connectors if row.present else None)

    def apply(self, event: AnyEvent, payload: Any) -> None:
        """Take in one event; one that does not concern the view, or is older than it, changes nothing."""
        match payload:
            case AccountChanged():
                self._take(payload.account_name, payload.version, None if event is ACCOUNT_DELETED else ())
            case CredentialChanged():
                self._take(payload.account_name, payload.version, payload.connectors)

    def names(self) -> Reply:
        """Return the names of all accounts, sorted."""
        if self._names is None:
            names = sorted(name for name, state in self._states.items() if state.credentials is not None)
            self._names = Reply(_encode(names))
        return self._names

    def credentials(self, account_name: str) -> Reply:
        """Return the names of the connectors that an account has credentials for, sorted.

        Raises:
            CommandError: NOT_FOUND if there is no such account.
        """
        state = self._states.get(account_name)
        if state is None or state.credentials is None:
            raise unknown_account(account_name)
        return state.credentials

    def _take(self, name: str, version: int, connectors: tuple[str, ...] | None) -> None:
        known = self._states.get(name)
        if known is not None and known.version >= version:
            return
        self._states[name] = _State(version, None if connectors is None else Reply(_encode(connectors)))
        self._names = None
