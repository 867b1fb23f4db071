"""Makes changes, and does what follows from them once they are committed."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from services.credentials.changes import Change
from services.credentials.followed_accounts import FollowedAccounts
from services.credentials.rows import CredentialRow
from shared.bus.messages import Call, Reply
from shared.contracts.credentials import SERVICE
from shared.contracts.declaration import Command
from shared.database.change import Told
from shared.database.unit_of_work import UnitOfWork, Work

Req = TypeVar("Req")
Res = TypeVar("Res")
T = TypeVar("T")


class Commits:
    """The transactions of this replica. After each one its memory shows the events, and `removed` gets the rows of the
    credentials that are gone.
    """

    def __init__(
        self, unit: UnitOfWork, followed: FollowedAccounts, removed: Callable[[Sequence[CredentialRow]], None]
    ) -> None:
        self._unit = unit
        self._followed = followed
        self._removed = removed

    async def run(self, command: Command[Req, Res], call: Call, effect: Callable[[Change], Awaitable[Res]]) -> Reply:
        """Do `command` once and return its first reply, as `UnitOfWork.run`."""
        attempt = _Attempt(effect)
        reply = await self._unit.run(command, call, attempt)
        self._done(attempt.change, attempt.told, reply.events)
        return reply

    async def outcome(self, command: Command[Req, Res], call: Call) -> Reply | None:
        """Return the reply to an earlier call with the same key, as `UnitOfWork.outcome`."""
        return await self._unit.outcome(command, call)

    async def change(self, effect: Callable[[Change], Awaitable[T]]) -> T:
        """Make a change that no command asked for and return what `effect` returned, as `UnitOfWork.change`."""
        attempt = _Attempt(effect)
        result, events = await self._unit.change(SERVICE, attempt)
        self._done(attempt.change, attempt.told, events)
        return result

    def _done(self, change: Change | None, told: Told, events: tuple[int, ...]) -> None:
        # There is no change when the reply is the stored one to an earlier call: then the events come by the stream.
        if change is not None:
            self._followed.committed(told, events)
            if change.removed:
                self._removed(change.removed)


class _Attempt(Generic[T]):
    """Runs an effect and remembers its last change."""

    def __init__(self, effect: Callable[[Change], Awaitable[T]]) -> None:
        self.told: Told = []
        self.change: Change | None = None
        self._effect = effect

    async def __call__(self, work: Work) -> T:
        self.change = Change(work, self.told)
        return await self._effect(self.change)
