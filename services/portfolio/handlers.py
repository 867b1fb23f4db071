"""The commands that act: message in, the session's work, message out. Those that read are in `reading`."""

import asyncio

from services.portfolio.commits import LeaseLost
from services.portfolio.keys import KeyTrials
from services.portfolio.orders.placing import WAY_BACK
from services.portfolio.sessions.desired import SessionKey
from services.portfolio.sessions.session import OwnedSession
from services.portfolio.sessions.sessions import Sessions
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.contracts.portfolio.keys import ASK_KEY, CHECK_KEY
from shared.contracts.portfolio.orders import CANCEL_ORDER, PLACE_ORDER, OrderCancel, OrderPlace
from shared.contracts.portfolio.sessions import REFRESH_SESSION, SessionRef
from shared.errors import CommandError, ErrorCode


class Handlers:
    """Handlers of the commands that reach a session's owner, and of the trials of keys."""

    def __init__(self, sessions: Sessions, trials: KeyTrials) -> None:
        self._sessions = sessions
        self._trials = trials

    def register(self, dispatcher: Dispatcher) -> None:
        """Let `dispatcher` hand the commands to these handlers."""
        dispatcher.on(PLACE_ORDER, self.place_order)
        dispatcher.on(CANCEL_ORDER, self.cancel_order)
        dispatcher.on(REFRESH_SESSION, self.refresh_session)
        dispatcher.on(ASK_KEY, self._trials.ask)
        dispatcher.on(CHECK_KEY, self._trials.check)

    async def place_order(self, request: OrderPlace, call: Call) -> Reply:
        session = self._owned(request.account_name, request.connector_name)
        try:
            try:
                desk = session.ready_desk()
            except CommandError as error:
                return await session.desk().placing.first_outcome(request, call, error)
            return await desk.placing.place(request, call)
        except LeaseLost:
            raise await _lost(session.key, call) from None

    async def cancel_order(self, request: OrderCancel, call: Call) -> Reply:
        session = self._owned(request.account_name, request.connector_name)
        try:
            return await session.desk().cancelling.cancel(request, call)
        except LeaseLost:
            raise await _lost(session.key, call) from None

    async def refresh_session(self, request: SessionRef, call: Call) -> Reply:
        session = self._owned(request.account_name, request.connector_name)
        try:
            return await session.refresh()
        except LeaseLost:
            raise await _lost(session.key, call) from None

    def _owned(self, account_name: str, connector_name: str) -> OwnedSession:
        key = SessionKey(account_name, connector_name)
        session = self._sessions.owned(key)
        if session is None:
            raise _moved(key)
        return session


def _moved(key: SessionKey) -> CommandError:
    return CommandError(
        ErrorCode.UNAVAILABLE,
        f"The session {key.connector_name} of account '{key.account_name}' has just moved to another replica; nothing"
        " was done",
    )


async def _lost(key: SessionKey, call: Call) -> CommandError:
    """Return what is certain where the lease was lost unnoticed: nothing was done here, perhaps by the new owner.

    The bus hands a command to both, and the caller takes the first answer. So the owner has almost all the time there
    is to give its own.
    """
    await asyncio.sleep(max(0.0, call.seconds_left() - WAY_BACK))
    return CommandError(
        ErrorCode.OUTCOME_UNKNOWN,
        f"The session {key.connector_name} of account '{key.account_name}' has just moved to another replica, which has"
        " not answered; it may have done it",
    )
