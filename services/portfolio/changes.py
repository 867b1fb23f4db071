"""One change of state: what an effect works with, and what it told, for the memory of this replica."""

from services.portfolio.repository import Repository
from shared.database import change
from shared.database.unit_of_work import Work


class Change(change.Change):
    """The tables inside the transaction of a change, and the events that it adds."""

    def __init__(self, work: Work, told: change.Told) -> None:
        """See `shared.database.change`."""
        super().__init__(work, told)
        self.repository = Repository(work.connection)
