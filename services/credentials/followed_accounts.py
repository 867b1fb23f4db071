"""The view of accounts in memory, kept true by own commits and by the stream of all replicas."""

import asyncio
from collections.abc import Iterable
from typing import Any

from services.credentials.accounts_view import VIEWED, AccountsView
from services.credentials.repository import Repository
from shared.contracts.credentials import KEYRING_ROTATED, SERVICE
from shared.contracts.declaration import AnyEvent
from shared.database.failures import Connection
from shared.database.pool import Database
from shared.events.followed_view import FollowedView
from shared.settings import Settings


class FollowedAccounts(FollowedView):
    """The view, and how far it has come."""

    def __init__(self, settings: Settings, database: Database, attention: asyncio.Event) -> None:
        """`attention` is set when there is something to look at: a rotated keyring, or a view that needs `repair`."""
        self.accounts = AccountsView()
        self._attention = attention
        super().__init__(
            settings, SERVICE, database, _Stored(self.accounts), on_gap=attention.set, on_event=self._other
        )

    def _other(self, kind: str) -> None:
        if kind == KEYRING_ROTATED.kind:
            self._attention.set()


class _Stored:
    """The accounts as the view takes them from the tables and from events."""

    def __init__(self, view: AccountsView) -> None:
        self._view = view

    @property
    def events(self) -> Iterable[AnyEvent]:
        return VIEWED

    async def load(self, connection: Connection) -> None:
        self._view.load(await Repository(connection).accounts())

    def apply(self, event: AnyEvent, payload: Any) -> None:
        self._view.apply(event, payload)
