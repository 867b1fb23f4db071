"""How sessions are, for those who ask: from memory, and by the leases of those that own them."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from services.portfolio.sessions.desired import Desired, SessionKey, is_traded
from services.portfolio.sessions.known_accounts import PATIENCE, KnownAccounts
from services.portfolio.sessions_view import SessionsView
from services.portfolio.valuation import selected
from shared.bus.messages import Call, Reply
from shared.connectors.catalogue import CONNECTORS
from shared.contracts.portfolio.fields import PortfolioFilter
from shared.contracts.portfolio.sessions import Session, SessionList, SessionState
from shared.database.pool import Database
from shared.errors import CommandError, ErrorCode, not_found
from shared.leases import expired

#: Why a session has no owner whose lease has ended without a word.
_OWNER_GONE = "its owner is gone, and no other replica has taken it yet"

_encode = msgspec.json.Encoder().encode


class SessionAnswers:
    """The sessions that should exist, by what `credentials` says, and how they are, by what their owners say."""

    def __init__(self, database: Database, known: KnownAccounts, view: SessionsView, desired: Desired) -> None:
        self._database = database
        self._known = known
        self._view = view
        self._desired = desired

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

    async def get(self, key: SessionKey, call: Call) -> Reply:
        """Return how a session is. One whose owner is gone is unowned, whatever that has said last.

        Raises:
            CommandError: NOT_FOUND without such an account, connector or credential; REFUSED for a connector that
                only bots use; as `accounts`.
        """
        self.accounts()  # refuses while it is not known which there are
        exists = key in self._desired.wanted()
        gone = await self._gone((key,)) if exists else {}
        is_owned = exists and key.lease not in gone and self._view.get(key).state is not SessionState.UNOWNED
        if not is_owned and is_traded(key.connector_name):
            # A credential that was added or deleted a moment ago comes to us by an event: who adds one and places an
            # order at once is to be told to wait, and who has deleted one that there is none.
            await self._known.catch_up((), min(PATIENCE, call.seconds_left() / 2))
        return self._answer(key, self.accounts(), gone)

    async def list(self, wanted: PortfolioFilter) -> Reply:
        """Return the sessions of accounts and connectors.

        Raises:
            CommandError: as `accounts`.
        """
        keys = [key for keys in self.selected(wanted).values() for key in keys]
        gone = await self._gone(keys)
        return Reply(_encode(SessionList(tuple(self._told(key, gone) for key in keys))))

    async def _gone(self, keys: Collection[SessionKey]) -> Mapping[str, datetime]:
        """Return since when nobody holds the lease of those sessions that somebody has said to own."""
        owned = [key.lease for key in keys if self._view.get(key).state is not SessionState.UNOWNED]
        try:
            async with asyncio.timeout(PATIENCE):
                return await expired(self._database, owned) if owned else {}
        except (CommandError, TimeoutError):
            return {}  # then what their owners have said counts

    def _told(self, key: SessionKey, gone: Mapping[str, datetime]) -> Session:
        session, since = self._view.get(key), gone.get(key.lease)
        if since is None or session.state is SessionState.UNOWNED:
            return session
        silent_since = since if session.state is SessionState.READY else session.silent_since
        return replace(session, state=SessionState.UNOWNED, since=since, reason=_OWNER_GONE, silent_since=silent_since)

    def _answer(self, key: SessionKey, accounts: Mapping[str, Collection[str]], gone: Mapping[str, datetime]) -> Reply:
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
        return Reply(_encode(self._told(key, gone)))
