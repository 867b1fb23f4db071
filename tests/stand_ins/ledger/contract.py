"""What the ledger answers to and tells."""

import msgspec

from shared.contracts.declaration import Command, Event

SERVICE = "ledger"


class Change(msgspec.Struct, frozen=True):
    """A request to add `amount` to an entry."""

    name: str
    amount: int = 1


class Changed(msgspec.Struct, frozen=True):
    """An entry as it is now; `version` counts its changes."""

    name: str
    amount: int
    version: int


CHANGE = Command(SERVICE, "entry", "change", Change, Changed, "Change an entry.", changes_state=True)
SECRET = Command(
    SERVICE, "entry", "secret", Change, Changed, "Answer with a secret.", changes_state=True, stores_reply=False
)
LOOK = Command(SERVICE, "entry", "look", Change, Changed, "Look at an entry.")

CHANGED = Event(SERVICE, "entry", "changed", Changed, "An entry changed.", keys=("name",), account="name")
