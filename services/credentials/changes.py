"""One change of state: what an effect works with, what it told, and which credentials it has removed."""

from typing import Any, TypeVar

from services.credentials.repository import Repository
from services.credentials.rows import CredentialRow
from shared.contracts.declaration import AnyEvent, Event
from shared.database.unit_of_work import Work

P = TypeVar("P")

#: Events with their payloads, in their order.
Told = list[tuple[AnyEvent, Any]]


class Change:
    """The tables inside the transaction of a change, and what is to be done once that is committed."""

    def __init__(self, work: Work, told: Told) -> None:
        """`told` is emptied first, as an effect may be run again when its transaction lost a race."""
        self.repository = Repository(work.connection)
        #: Credentials that are deleted or replaced, as they were stored.
        self.removed: list[CredentialRow] = []
        self._work = work
        self._told = told
        told.clear()

    def tell(self, event: Event[P], payload: P) -> None:
        """Add an event, which exists if and only if the change is committed."""
        self._work.emit(event, payload)
        self._told.append((event, payload))
