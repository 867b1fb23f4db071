"""Which events a reader wants."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Events that match one value of every field that is given; an empty field matches all.

    Attributes:
        kinds: beginnings of kinds, as `credentials.account`.
        accounts, bots: names; an event that concerns none does not match.
        services: names of services.
    """

    kinds: tuple[str, ...] = ()
    accounts: frozenset[str] = frozenset()
    bots: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()

    def matches(self, kind: str, service: str, account: str | None, bot: str | None) -> bool:
        """Return whether an event is wanted."""
        return (
            (not self.kinds or kind.startswith(self.kinds))
            and (not self.accounts or account in self.accounts)
            and (not self.bots or bot in self.bots)
            and (not self.services or service in self.services)
        )
