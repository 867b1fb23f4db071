"""Whether this replica can do its work: what it takes of the database and the stream. The sessions are counted."""

import asyncio

from services.portfolio.followed import PortfolioViews
from services.portfolio.sessions.sessions import Sessions
from shared.database.pool import Database
from shared.events.readiness import Readiness
from shared.events.relay import Relay


class PortfolioReadiness(Readiness):
    """Counts the sessions too.

    One that waits for its exchange makes the service no less ready: the service does its work by saying so.
    """

    def __init__(
        self, database: Database, relay: Relay, views: PortfolioViews, sessions: Sessions, attention: asyncio.Event
    ) -> None:
        """`attention` is set when there is a reason to look."""
        super().__init__(database, relay, views, attention)
        self._sessions = sessions

    def figures(self) -> tuple[tuple[str, float], ...]:
        """See `Readiness`."""
        wanted, owned, ready = self._sessions.count()
        return (
            *super().figures(),
            ("sessions", float(wanted)),
            ("sessions_owned", float(owned)),
            ("sessions_ready", float(ready)),
        )
