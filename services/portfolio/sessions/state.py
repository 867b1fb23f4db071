"""How the state of a session is told: pure, and written under its lease."""

from datetime import UTC, datetime

from services.portfolio.changes import Change
from services.portfolio.commits import Commits
from services.portfolio.sessions.desired import SessionKey
from shared.contracts.portfolio import SERVICE
from shared.contracts.portfolio.sessions import SESSION_CHANGED, Session, SessionState
from shared.leases import Lease


def next_state(key: SessionKey, before: Session | None, state: SessionState, reason: str, at: datetime) -> Session:
    """Return the session in `state`; `before` itself where nothing is new.

    `since` is when it came into this state, whatever its reasons were meanwhile. `silent_since` is when it was last
    READY.
    """
    if before is None:
        return Session(*key, state, at, reason, version=1)
    if before.state is state and before.reason == reason:
        return before
    silent_since = at if before.state is SessionState.READY else before.silent_since
    return Session(
        *key,
        state,
        since=before.since if before.state is state else at,
        reason=reason,
        version=before.version + 1,
        silent_since=None if state is SessionState.READY else silent_since,
    )


class StateRecord:
    """The stored state of one session during one tenure."""

    def __init__(self, commits: Commits, key: SessionKey, lease: Lease) -> None:
        self._commits = commits
        self._key = key
        self._lease = lease
        #: What was written last, with its reason: why commands are refused.
        self.state = SessionState.UNOWNED
        self.reason = ""
        self._since = datetime.now(UTC)
        self._stored: Session | None = None

    def session(self) -> Session:
        """Return the session as it is, by the last word."""
        return self._stored or Session(*self._key, self.state, self._since, self.reason)

    async def write(self, state: SessionState, reason: str = "") -> None:
        """Write a state and tell of it, if it is another one.

        Raises:
            LeaseLost: if the session is not ours any more.
            CommandError: if the database cannot be asked; the state counts here all the same.
        """
        self.state, self.reason = state, reason

        async def effect(change: Change) -> Session:
            before = await change.repository.lock_session(self._key)
            now = next_state(self._key, before, state, reason, datetime.now(UTC))
            if now is not before:
                await change.repository.write_session(now)
                change.tell(SESSION_CHANGED, now)
            return now

        self._stored = (await self._commits.fenced(self._lease, SERVICE, effect)).result
