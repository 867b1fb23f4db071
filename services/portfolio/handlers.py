"""The commands that act, and those on a single order: message in, the session's work, message out.

What people poll and search is in `reading`.
"""

import asyncio

import msgspec

from services.portfolio.commits import LeaseLost
from services.portfolio.keys import KeyTrials
from services.portfolio.orders.outcomes import placed_before
from services.portfolio.orders.placing import WAY_BACK
from services.portfolio.repository import Repository
from services.portfolio.sessions.desired import SessionKey
from services.portfolio.sessions.known_accounts import KnownAccounts, account_changes
from services.portfolio.sessions.session import OwnedSession
from services.portfolio.sessions.sessions import Sessions
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.contracts.portfolio.keys import ASK_KEY, CHECK_KEY
from shared.contracts.portfolio.orders import (
    CANCEL_ORDER,
    GET_ORDER,
    ORDER_OUTCOME,
    PLACE_ORDER,
    OrderCancel,
    OrderPlace,
    OrderRef,
    OrderStatus,
)
from shared.contracts.portfolio.sessions import REFRESH_SESSION, SessionRef
from shared.errors import CommandError, ErrorCode, not_found

#: Seconds that a session which is being opened, as after a change of its keys, is waited for.
REOPENING = 3.0
#: Seconds that `credentials` is waited for where its word counts: without it an order is not sent.
KEYS_PATIENCE = 1.5

_encode = msgspec.json.Encoder(decimal_format="string").encode


class Handlers:
    """Handlers of the commands on orders and sessions, and of the trials of keys."""

    def __init__(self, sessions: Sessions, known: KnownAccounts, trials: KeyTrials, repository: Repository) -> None:
        self._sessions = sessions
        self._known = known
        self._repository = repository
        self._trials = trials

    def register(self, dispatcher: Dispatcher) -> None:
        """Let `dispatcher` hand the commands to these handlers."""
        dispatcher.on(PLACE_ORDER, self.place_order)
        dispatcher.on(ORDER_OUTCOME, self.order_outcome)
        dispatcher.on(GET_ORDER, self.get_order)
        dispatcher.on(CANCEL_ORDER, self.cancel_order)
        dispatcher.on(REFRESH_SESSION, self.refresh_session)
        dispatcher.on(ASK_KEY, self._trials.ask)
        dispatcher.on(CHECK_KEY, self._trials.check)

    async def place_order(self, request: OrderPlace, call: Call) -> Reply:
        key = SessionKey(request.account_name, request.connector_name)
        try:
            session = await self._current(key, call)
        except CommandError as error:
            return await self._first_outcome(request, error)
        if session is None:
            return await self._first_outcome(request, _moved(key))
        try:
            try:
                desk = session.ready_desk()
            except CommandError as error:
                return await session.desk().placing.first_outcome(request, call, error)
            return await desk.placing.place(request, call)
        except LeaseLost:
            raise await _lost(session.key, call) from None

    async def order_outcome(self, request: OrderPlace, _: Call) -> Reply:
        stored = await placed_before(self._repository, request)
        if stored is None:
            raise not_found(f"No order was placed under the id '{request.client_order_id}'")
        return Reply(_encode(stored.order))

    async def get_order(self, request: OrderRef, _: Call) -> Reply:
        key = SessionKey(request.account_name, request.connector_name)
        stored = await self._repository.order_of(key, request.order_id)
        if stored is None:
            raise not_found(f"Order '{request.order_id}' not found")
        return Reply(_encode(stored.order))

    async def cancel_order(self, request: OrderCancel, call: Call) -> Reply:
        session = await self._owned(request.account_name, request.connector_name, call)
        try:
            return await session.desk().cancelling.cancel(request, call)
        except LeaseLost:
            raise await _lost(session.key, call) from None

    async def refresh_session(self, request: SessionRef, call: Call) -> Reply:
        session = await self._owned(request.account_name, request.connector_name, call)
        try:
            return await session.refresh()
        except LeaseLost:
            raise await _lost(session.key, call) from None

    async def _first_outcome(self, request: OrderPlace, otherwise: CommandError) -> Reply:
        """Answer with an order that was placed before; one that was not cannot be placed here, as `otherwise` says."""
        stored = await placed_before(self._repository, request)
        if stored is None:
            raise otherwise
        if stored.order.status is OrderStatus.FAILED:
            raise CommandError(ErrorCode.REFUSED, stored.order.error_message or "The exchange has refused the order")
        return Reply(_encode(stored.order))

    async def _current(self, key: SessionKey, call: Call) -> OwnedSession | None:
        """Return the session if it is owned here. An order never goes out with keys that its sender has replaced.

        Raises:
            CommandError: UNAVAILABLE if it has not the latest keys in time, or nobody can say which these are.
        """
        if not await self._known.holds_soon(call, KEYS_PATIENCE):
            raise CommandError(
                ErrorCode.UNAVAILABLE,
                f"It cannot be said at the moment whether the keys of {key.connector_name} of account"
                f" '{key.account_name}' have changed; nothing was done",
            )
        seconds = min(REOPENING, call.seconds_left() / 2)
        if account_changes(call):
            return await self._sessions.soon(key, seconds)
        return await self._sessions.current(key, seconds)

    async def _owned(self, account_name: str, connector_name: str, call: Call) -> OwnedSession:
        key = SessionKey(account_name, connector_name)
        session = await self._current(key, call)
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
