"""The balances of every session in memory, filled from the database and kept true by events."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from services.portfolio.repository import Repository
from services.portfolio.sessions.desired import SessionKey
from shared.contracts.declaration import AnyEvent
from shared.contracts.portfolio.balances import BALANCES_CHANGED, BalancesChanged
from shared.database.failures import Connection


class BalancesView:
    """What each session last said that its account has. What is older than what is known changes nothing."""

    def __init__(self) -> None:
        self._balances: dict[SessionKey, BalancesChanged] = {}
        self._watching: list[Callable[[], None]] = []
        #: Grows with each change of what can be seen here.
        self.generation = 0

    def __len__(self) -> int:
        return len(self._balances)

    @property
    def events(self) -> Iterable[AnyEvent]:
        """The events that concern the view."""
        return (BALANCES_CHANGED,)

    async def load(self, connection: Connection) -> None:
        """Take in what the database holds; what the view knows of later versions stays."""
        for balances in await Repository(connection).all_balances():
            self._take(balances)

    def apply(self, _: AnyEvent, payload: Any) -> None:
        """Take in one event; one that does not concern the view, or is older than it, changes nothing."""
        if isinstance(payload, BalancesChanged):
            self._take(payload)

    def get(self, session: SessionKey) -> BalancesChanged | None:
        """Return what the session last said; None if it never did."""
        return self._balances.get(session)

    def tokens(self, sessions: Iterable[SessionKey]) -> Mapping[str, frozenset[str]]:
        """Return the tokens that these sessions hold, by connector."""
        held: dict[str, set[str]] = {}
        for session in sessions:
            known = self._balances.get(session)
            if known is not None:
                held.setdefault(session.connector_name, set()).update(balance.token for balance in known.balances)
        return {connector: frozenset(tokens) for connector, tokens in held.items() if tokens}

    def watch(self, changed: Callable[[], None]) -> None:
        """Let `changed` be called after each change."""
        self._watching.append(changed)

    def _take(self, told: BalancesChanged) -> None:
        session = SessionKey(told.account_name, told.connector_name)
        known = self._balances.get(session)
        if known is not None and known.version >= told.version:
            return
        self._balances[session] = told
        self.generation += 1
        for changed in self._watching:
            changed()
