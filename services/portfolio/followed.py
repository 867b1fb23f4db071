"""What this replica knows of orders, balances and sessions, kept true by own commits and the stream of all replicas."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from services.portfolio.balances_view import BalancesView
from services.portfolio.orders_view import OrdersView
from services.portfolio.sessions_view import SessionsView
from shared.bus.messages import Call
from shared.contracts.declaration import AnyEvent
from shared.contracts.portfolio import SERVICE
from shared.database.failures import Connection
from shared.database.pool import Database
from shared.events.followed_view import FollowedView, View
from shared.settings import Settings


class PortfolioViews:
    """The views, and how far they have come."""

    def __init__(self, settings: Settings, database: Database, attention: asyncio.Event) -> None:
        """`attention` is set when the stream has left something out, so that the views need `repair`."""
        self.orders = OrdersView()
        self.balances = BalancesView()
        self.sessions = SessionsView()
        views: tuple[View, ...] = (self.orders, self.balances, self.sessions)
        self._followed = FollowedView(settings, SERVICE, database, _Together(views), on_gap=attention.set)

    @property
    def position(self) -> int:
        """The last event of the stream that was seen, by its `seq`."""
        return self._followed.position

    async def start(self) -> None:
        """Fill the views from the database and follow the stream from there.

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

    def committed(self, told: Sequence[tuple[AnyEvent, Any]], event_ids: Iterable[int]) -> None:
        """Take in what this replica has just committed; nothing if it was told nothing."""
        self._followed.committed(told, event_ids)

    def holds(self, event_ids: Iterable[int]) -> bool:
        """Return whether the views hold these events."""
        return self._followed.holds(event_ids)

    async def catch_up(self, call: Call) -> None:
        """Return when the views hold the events that the caller knows of, as far as there are such events.

        Raises:
            CommandError: UNAVAILABLE if the stream has not brought them and the database cannot be asked.
        """
        await self._followed.catch_up(call)


class _Together:
    """Several views as one, so that one read of the database and one reader of the stream serve all."""

    def __init__(self, views: tuple[View, ...]) -> None:
        self._views = views
        self._by_kind = {event.kind: view for view in views for event in view.events}

    @property
    def events(self) -> Iterable[AnyEvent]:
        return tuple(chain.from_iterable(view.events for view in self._views))

    async def load(self, connection: Connection) -> None:
        for view in self._views:
            await view.load(connection)

    def apply(self, event: AnyEvent, payload: Any) -> None:
        view = self._by_kind.get(event.kind)
        if view is not None:
            view.apply(event, payload)
