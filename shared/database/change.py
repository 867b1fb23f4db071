"""One change of state: the connection it is made on, and what it tells, for the memory of the replica that makes it."""

from typing import Any, TypeVar

from shared.contracts.declaration import AnyEvent, Event
from shared.database.unit_of_work import Work

P = TypeVar("P")

#: Events with their payloads, in their order.
Told = list[tuple[AnyEvent, Any]]


class Change:
    """What an effect works with inside its transaction. A service adds its tables."""

    def __init__(self, work: Work, told: Told) -> None:
        """`told` is emptied first, as an effect may be run again when its transaction lost a race."""
        self.connection = work.connection
        self._work = work
        self._told = told
        told.clear()

    def tell(self, event: Event[P], payload: P) -> None:
        """Add an event, which exists if and only if the change is committed."""
        self._work.emit(event, payload)
        self._told.append((event, payload))
