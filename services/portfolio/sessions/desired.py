"""Which accounts there are and which sessions should exist: pure, made from what `credentials` says."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from shared.connectors.catalogue import CONNECTORS
from shared.contracts.credentials import AccountCredentials


class SessionKey(NamedTuple):
    """A session: an account on a connector."""

    account_name: str
    connector_name: str

    @property
    def lease(self) -> str:
        """The name of the lease that its owner holds."""
        return f"session.{self.account_name}.{self.connector_name}"


class Desired:
    """The accounts with their credentials as they were last told, and the sessions that follow from them.

    A session exists for each credential of a connector that we can trade on. Its revision is the credential's: with
    another one the session begins anew.
    """

    def __init__(self) -> None:
        self._accounts: dict[str, tuple[str, ...]] = {}
        self._wanted: dict[SessionKey, int] = {}
        self._known = False

    @property
    def known(self) -> bool:
        """Whether anything was told yet; before, an account that is not listed may well exist."""
        return self._known

    def accounts(self) -> Mapping[str, tuple[str, ...]]:
        """Return each account with the connectors that it has credentials for, sorted by name."""
        return self._accounts

    def wanted(self) -> Mapping[SessionKey, int]:
        """Return the sessions that should exist, with their revisions."""
        return self._wanted

    def load(self, accounts: Iterable[AccountCredentials]) -> None:
        """Take in all accounts as they are now."""
        told = sorted(accounts, key=lambda account: account.account_name)
        self._accounts = {
            account.account_name: tuple(sorted(credential.connector_name for credential in account.credentials))
            for account in told
        }
        self._wanted = {
            SessionKey(account.account_name, credential.connector_name): credential.revision
            for account in told
            for credential in account.credentials
            if is_traded(credential.connector_name)
        }
        self._known = True


def is_traded(connector_name: str) -> bool:
    """Return whether orders can be sent through this connector from here; bots may use others too."""
    connector = CONNECTORS.get(connector_name)
    return connector is not None and connector.trades and connector.ccxt_id is not None
