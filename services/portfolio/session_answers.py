"""How sessions are, for those who ask: from memory, but for one that nobody seems to own."""

from collections.abc import Collection, Coroutine, Mapping
from typing import Any

from services.portfolio.kept_answers import KeptAnswers
from services.portfolio.sessions.desired import Desired, SessionKey, is_traded
from services.portfolio.sessions.known_accounts import PATIENCE, KnownAccounts
from services.portfolio.sessions_view import SessionsView
from services.portfolio.valuation import selected
from shared.bus.messages import Call, Reply
from shared.connectors.catalogue import CONNECTORS
from shared.contracts.portfolio.fields import PortfolioFilter
from shared.contracts.portfolio.sessions import SessionList, SessionState
from shared.errors import CommandError, ErrorCode, not_found


class SessionAnswers:
    """The sessions that should exist, by what `credentials` says, and how they are, by what their owners say."""

    def __init__(self, known: KnownAccounts, view: SessionsView, desired: Desired) -> None:
        self._known = known
        self._view = view
        self._desired = desired
        self._kept = KeptAnswers()

    def accounts(self) -> Mapping[str, tuple[str, ...]]:
        """Return each account with the connectors that it has credentials for.

        Raises:
            CommandError: UNAVAILABLE before the first word of `credentials`.
        """
        if not self._desired.known:
            raise CommandError(
                ErrorCode.UNAVAILABLE, "the accounts are not known yet: the service credentials has not answered"
            )
        return self._desired.accounts()

    def selected(self, wanted: PortfolioFilter) -> dict[str, tuple[SessionKey, ...]]:
        """Return the sessions of the accounts that are asked for. Connectors that we cannot trade on have none.

        Raises:
            CommandError: as `accounts`.
        """
        sessions = selected(self.accounts(), wanted.account_names, wanted.connector_names)
        existing = self._desired.wanted()
        return {account: tuple(key for key in keys if key in existing) for account, keys in sessions.items()}

    def get(self, key: SessionKey, call: Call) -> Reply | Coroutine[Any, Any, Reply]:
        """Return how a session is.

        Raises:
            CommandError: NOT_FOUND without such an account, connector or credential; REFUSED for a connector that
                only bots use; as `accounts`.
        """
        accounts = self.accounts()
        exists = key in self._desired.wanted()
        is_owned = exists and self._view.get(key).state is not SessionState.UNOWNED
        if not is_owned and is_traded(key.connector_name):
            # A credential that was added or deleted a moment ago comes to us by an event: who adds one and places an
            # order at once is to be told to wait, and who has deleted one that there is none.
            return self._get_by_latest(key, call)
        return self._answer(key, accounts)

    def list(self, wanted: PortfolioFilter) -> Reply:
        """Return the sessions of accounts and connectors.

        Raises:
            CommandError: as `accounts`.
        """

        def listed() -> SessionList:
            keys = (key for keys in self.selected(wanted).values() for key in keys)
            return SessionList(tuple(map(self._view.get, keys)))

        return self._kept.answer(self._stamp(), wanted, listed)

    async def _get_by_latest(self, key: SessionKey, call: Call) -> Reply:
        await self._known.catch_up((), min(PATIENCE, call.seconds_left() / 2))
        return self._answer(key, self.accounts())

    def _answer(self, key: SessionKey, accounts: Mapping[str, Collection[str]]) -> Reply:
        connectors = accounts.get(key.account_name)
        if connectors is None:
            raise not_found(f"Account '{key.account_name}' not found")
        if key.connector_name not in CONNECTORS:
            raise not_found(f"Connector '{key.connector_name}' not found")
        if not is_traded(key.connector_name):
            raise CommandError(
                ErrorCode.REFUSED, f"Orders and balances through the connector '{key.connector_name}' are not offered"
            )
        if key.connector_name not in connectors:
            raise not_found(f"Account '{key.account_name}' has no credential for '{key.connector_name}'")
        return self._kept.answer(self._stamp(), key, lambda: self._view.get(key))

    def _stamp(self) -> tuple[object, ...]:
        return (self._view.generation, self._desired.known, self._desired.accounts(), self._desired.wanted())
