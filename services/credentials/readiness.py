"""Whether this replica can do its work: what it takes of the database and the stream, and the keyring."""

import asyncio

from services.credentials.followed_accounts import FollowedAccounts
from services.credentials.keyring import Keyring
from services.credentials.repository import Repository
from shared.database.pool import Database
from shared.events.readiness import Readiness
from shared.events.relay import Relay


class CredentialsReadiness(Readiness):
    """Looks at the keyring too, and takes over what a rotation elsewhere has made of it."""

    def __init__(
        self, database: Database, relay: Relay, followed: FollowedAccounts, keyring: Keyring, attention: asyncio.Event
    ) -> None:
        """`attention` is set when there is a reason to look."""
        super().__init__(database, relay, followed, attention)
        self._repository = Repository(database)
        self._accounts = followed.accounts
        self._keyring = keyring

    def reasons(self) -> tuple[str, ...]:
        """See `Readiness`."""
        locked = ("CONFIG_PASSWORD was changed: restart with the new one",) if self._keyring.locked else ()
        return (*super().reasons(), *locked)

    def figures(self) -> tuple[tuple[str, float], ...]:
        """See `Readiness`."""
        return (
            *super().figures(),
            ("accounts", float(len(self._accounts))),
            ("keyring_generation", float(self._keyring.generation)),
        )

    async def look(self) -> None:
        """See `Readiness`."""
        await super().look()
        stored = await self._repository.keyring()
        if stored is not None and stored.generation > self._keyring.generation:
            await self._keyring.follow(stored)
