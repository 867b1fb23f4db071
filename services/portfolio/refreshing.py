"""Has sessions ask their exchanges now, wherever their owners are, for an answer that must not be from memory."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from services.portfolio.sessions.desired import SessionKey
from shared.bus.client import Bus, NoResponders
from shared.bus.messages import Reply
from shared.contracts import credentials
from shared.contracts.portfolio import SERVICE
from shared.contracts.portfolio.sessions import LASTING, REFRESH_SESSION, SessionRef, SessionState
from shared.errors import CommandError
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Seconds that a session has for it.
PATIENCE = 5.0
#: Where the exchange is said not to answer, or to refuse the keys: that was perhaps said of the keys before.
ENDING = 1.0
#: Seconds between two tries to reach the owner of a session.
_LOOK = 0.1

_log = logger("refreshing")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What came of it: the events of the sessions that have asked, and the sessions that have not."""

    event_ids: tuple[int, ...]
    silent: frozenset[SessionKey]


class Refresher:
    """Asks sessions; those who want the same one at the same time share the question."""

    def __init__(self, bus: Bus, state: Callable[[SessionKey], SessionState]) -> None:
        """`state` says how a session is, as far as it is known here."""
        self._bus = bus
        self._state = state
        self._asking: dict[tuple[SessionKey, tuple[int, ...]], asyncio.Task[Reply | None]] = {}

    async def refresh(self, sessions: Iterable[SessionKey], changes: tuple[int, ...], seconds: float) -> Refreshed:
        """Have `sessions` ask, with the keys that they have after these `changes`; return after `seconds` at most."""
        asked = {session: self._ask(session, changes) for session in sessions}
        if not asked:
            return Refreshed((), frozenset())
        await asyncio.wait(asked.values(), timeout=max(0.0, seconds))
        replies = {session: task.result() if task.done() else None for session, task in asked.items()}
        return Refreshed(
            tuple(event_id for reply in replies.values() if reply is not None for event_id in reply.events),
            frozenset(session for session, reply in replies.items() if reply is None),
        )

    async def stop(self) -> None:
        """Wait for no answer any more."""
        for task in tuple(self._asking.values()):
            await end_task(task)

    def _ask(self, session: SessionKey, changes: tuple[int, ...]) -> "asyncio.Task[Reply | None]":
        task = self._asking.get((session, changes))
        if task is None:
            task = asyncio.create_task(self._asked(session, changes), name=f"refresh {session}")
            self._asking[session, changes] = task
            task.add_done_callback(lambda _: self._asking.pop((session, changes), None))
        return task

    async def _asked(self, session: SessionKey, changes: tuple[int, ...]) -> Reply | None:
        """Return the answer; None if there was none in time, or the session could not.

        Nobody answers for a session that begins anew with other keys. After `changes` it may be such a one, however it
        was before, so it is waited for: what it has shown until then is another account's.
        """
        began = time.monotonic()
        while True:
            try:
                return await self._bus.request_raw(
                    REFRESH_SESSION, _encode(SessionRef(*session)), keys=tuple(session), actor=SERVICE,
                    timeout=PATIENCE, after_others={credentials.SERVICE: changes} if changes else {},
                )  # fmt: skip
            except CommandError as error:
                patience = ENDING if self._state(session) in LASTING else PATIENCE
                if not changes or not isinstance(error, NoResponders) or time.monotonic() - began > patience:
                    _log.info(
                        "session not refreshed",
                        account=session.account_name, connector=session.connector_name, code=error.code,
                        reason=error.detail,
                    )  # fmt: skip
                    return None
            await asyncio.sleep(_LOOK)
