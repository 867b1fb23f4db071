"""Changes as this service makes them: in one transaction with their events, then in this replica's memory.

What concerns a session is fenced: it is written only while its lease is ours, and the lease cannot pass to another
replica before the transaction ends. An owner that was paused and wakes records nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from services.portfolio.changes import Change
from shared.contracts.declaration import AnyEvent
from shared.database.change import Told
from shared.database.unit_of_work import UnitOfWork
from shared.leases import Lease, hold

T = TypeVar("T")


class LeaseLost(Exception):
    """The session is another replica's by now, or nobody's: nothing was written, and nothing may be sent."""


class Memory(Protocol):
    """What this replica answers from, which takes in what was committed."""

    def committed(self, told: Sequence[tuple[AnyEvent, Any]], event_ids: tuple[int, ...]) -> None: ...


class Committed(msgspec.Struct, Generic[T], frozen=True):
    """What a change has returned, and the ids of the events it told."""

    result: T
    events: tuple[int, ...]


class Commits:
    """Makes changes."""

    def __init__(self, unit: UnitOfWork, memory: Memory) -> None:
        self._unit = unit
        self._memory = memory

    async def fenced(self, lease: Lease, actor: str, effect: Callable[[Change], Awaitable[T]]) -> Committed[T]:
        """Make a change of the session whose lease is `lease`, in the name of `actor`.

        Raises:
            LeaseLost: if it is not ours any more.
            CommandError: as `UnitOfWork.change`.
        """

        async def held(change: Change) -> T:
            if not await hold(change.connection, lease):
                raise LeaseLost(lease.name)
            return await effect(change)

        return await self.change(actor, held)

    async def change(self, actor: str, effect: Callable[[Change], Awaitable[T]]) -> Committed[T]:
        """Make a change that fences itself, or needs no fence.

        Raises:
            CommandError: as `UnitOfWork.change`.
        """
        told: Told = []
        result, events = await self._unit.change(actor, lambda work: effect(Change(work, told)))
        self._memory.committed(told, events)
        return Committed(result, events)
