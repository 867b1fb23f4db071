"""The states of the sessions in memory, filled from the database and kept true by events."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from services.portfolio.repository import Repository
from services.portfolio.sessions.desired import SessionKey
from shared.contracts.declaration import AnyEvent
from shared.contracts.portfolio.sessions import SESSION_CHANGED, Session, SessionState
from shared.database.failures import Connection

_NOT_YET = "no replica has taken it yet"


class SessionsView:
    """How each session last was. What is older than what is known changes nothing."""

    def __init__(self) -> None:
        self._sessions: dict[SessionKey, Session] = {}
        self._watching: list[Callable[[], None]] = []
        #: Grows with each change of what can be seen here.
        self.generation = 0

    @property
    def events(self) -> Iterable[AnyEvent]:
        """The events that concern the view."""
        return (SESSION_CHANGED,)

    async def load(self, connection: Connection) -> None:
        """Take in what the database holds; what the view knows of later versions stays."""
        for session in await Repository(connection).all_sessions():
            self._take(session)

    def apply(self, _: AnyEvent, payload: Any) -> None:
        """Take in one event; one that does not concern the view, or is older than it, changes nothing."""
        if isinstance(payload, Session):
            self._take(payload)

    def get(self, session: SessionKey) -> Session:
        """Return how a session that should exist is; one that has no record yet is unowned since it was asked for."""
        known = self._sessions.get(session)
        if known is None:
            known = self._sessions[session] = Session(*session, SessionState.UNOWNED, datetime.now(UTC), _NOT_YET)
        return known

    def watch(self, changed: Callable[[], None]) -> None:
        """Let `changed` be called after each change."""
        self._watching.append(changed)

    def _take(self, told: Session) -> None:
        session = SessionKey(told.account_name, told.connector_name)
        known = self._sessions.get(session)
        if known is not None and (known.version, known.since) >= (told.version, told.since):
            return
        self._sessions[session] = told
        self.generation += 1
        for changed in self._watching:
            changed()
