"""What this replica knows of orders, balances and sessions, kept true by own commits and the stream of all replicas."""

import asyncio
from collections.abc import Iterable
from itertools import chain
from typing import Any

from services.portfolio.balances_view import BalancesView
from services.portfolio.orders_view import OrdersView
from services.portfolio.sessions_view import SessionsView
from shared.contracts.declaration import AnyEvent
from shared.contracts.portfolio import SERVICE
from shared.database.failures import Connection
from shared.database.pool import Database
from shared.events.followed_view import FollowedView, View
from shared.settings import Settings


class PortfolioViews(FollowedView):
    """The views, and how far they have come."""

    def __init__(self, settings: Settings, database: Database, attention: asyncio.Event) -> None:
        """`attention` is set when the stream has left something out, so that the views need `repair`."""
        self.orders = OrdersView()
        self.balances = BalancesView()
        self.sessions = SessionsView()
        views: tuple[View, ...] = (self.orders, self.balances, self.sessions)
        super().__init__(settings, SERVICE, database, _Together(views), on_gap=attention.set)


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
