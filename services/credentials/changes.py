"""One change of state: what an effect works with, what it told, and which credentials it has removed."""

from services.credentials.repository import Repository
from services.credentials.rows import CredentialRow
from shared.database import change
from shared.database.unit_of_work import Work


class Change(change.Change):
    """The tables inside the transaction of a change, and what is to be done once that is committed."""

    def __init__(self, work: Work, told: change.Told) -> None:
        """See `shared.database.change`."""
        super().__init__(work, told)
        self.repository = Repository(work.connection)
        #: Credentials that are deleted or replaced, as they were stored.
        self.removed: list[CredentialRow] = []
