"""The view of accounts in memory, kept true by own commits and by the stream of all replicas."""

import asyncio
from collections.abc import Iterable
from typing import Any

from services.credentials.accounts_view import VIEWED, AccountsView
from services.credentials.changes import Told
from services.credentials.repository import Repository
from shared.bus.messages import Call
from shared.contracts.credentials import KEYRING_ROTATED, SERVICE
from shared.contracts.declaration import AnyEvent
from shared.database.failures import Connection
from shared.database.pool import Database
from shared.events import followed_view
from shared.settings import Settings


class FollowedView:
    """The view, and how far it has come."""

    def __init__(self, settings: Settings, database: Database, attention: asyncio.Event) -> None:
        """`attention` is set when there is something to look at: a rotated keyring, or a view that needs `repair`."""
        self.view = AccountsView()
        self._attention = attention
        self._followed = followed_view.FollowedView(
            settings, SERVICE, database, _Stored(self.view), on_gap=attention.set, on_event=self._other
        )

    @property
    def position(self) -> int:
        """The last event of the stream that was seen, by its `seq`."""
        return self._followed.position

    async def start(self) -> None:
        """Fill the view from the database and follow the stream from there.

        Raises:
            CommandError: UNAVAILABLE if the database cannot be asked.
        """
        await self._followed.start()

    async def stop(self) -> None:
        """Stop following."""
        await self._followed.stop()

    async def reload(self) -> int:
        """Take in what the database holds; return the `seq` up to which that is certain.

        Raises:
            CommandError: UNAVAILABLE if the database cannot be asked.
        """
        return await self._followed.reload()

    async def repair(self) -> None:
        """Take in what the database holds if the stream has left something out.

        Raises:
            CommandError: UNAVAILABLE if the database cannot be asked.
        """
        await self._followed.repair()

    def committed(self, told: Told, event_ids: Iterable[int]) -> None:
        """Take in what this replica has just committed; nothing if it was told nothing."""
        self._followed.committed(told, event_ids)

    def holds(self, event_ids: Iterable[int]) -> bool:
        """Return whether the view holds these events."""
        return self._followed.holds(event_ids)

    async def catch_up(self, call: Call) -> None:
        """Return when the view holds the events that the caller knows of, as far as there are such events.

        Raises:
            CommandError: UNAVAILABLE if the stream has not brought them and the database cannot be asked.
        """
        await self._followed.catch_up(call)

    def _other(self, kind: str) -> None:
        if kind == KEYRING_ROTATED.kind:
            self._attention.set()


class _Stored:
    """The accounts as the view takes them from the tables and from events."""

    def __init__(self, view: AccountsView) -> None:
        self._view = view

    @property
    def events(self) -> Iterable[AnyEvent]:
        return VIEWED.values()

    async def load(self, connection: Connection) -> None:
        self._view.load(await Repository(connection).accounts())

    def apply(self, event: AnyEvent, payload: Any) -> None:
        self._view.apply(event, payload)
