"""The credentials service: its parts, put together."""

import asyncio
from collections.abc import Mapping

from services.credentials.accounts import ensure_master_account
from services.credentials.adding import Adding
from services.credentials.changes import Change
from services.credentials.commits import Commits
from services.credentials.encryption import WrongPasswordError
from services.credentials.followed_accounts import FollowedAccounts
from services.credentials.handlers import Handlers
from services.credentials.identities import Identities, ensure_user
from services.credentials.key_checks import KeyChecks
from services.credentials.keyring import Keyring
from services.credentials.paper_accounts import PaperAccounts
from services.credentials.password_hashing import PasswordHasher
from services.credentials.proof_backoff import ProofBackoff
from services.credentials.readiness import CredentialsReadiness
from services.credentials.repository import Repository
from services.credentials.settings import CredentialsSettings
from services.credentials.verification import Verification
from shared.bus.client import Bus
from shared.bus.dispatcher import Dispatcher
from shared.contracts.credentials import SERVICE
from shared.database.change import Told
from shared.database.migrate import ensure_migrated
from shared.database.pool import Database
from shared.database.unit_of_work import UnitOfWork
from shared.events.relay import Relay
from shared.service import Health, Service
from shared.settings import EXIT_CONFIG, load
from shared.telemetry.logs import logger

_log = logger(SERVICE)


class CredentialsService:
    """Accounts, exchange keys, identities and the catalogue of connectors."""

    def __init__(self, settings: CredentialsSettings) -> None:
        self._settings = settings
        self._database = Database(settings, SERVICE)
        self._repository = Repository(self._database)
        self._relay = Relay(settings, SERVICE, self._database)
        self._keyring = Keyring(settings.config_passwords())
        self._hasher = PasswordHasher()
        attention = asyncio.Event()
        self._followed = FollowedAccounts(settings, self._database, attention)
        self._readiness = CredentialsReadiness(self._database, self._relay, self._followed, self._keyring, attention)
        self._bus = Bus(settings, SERVICE)
        self._paper = PaperAccounts(self._bus, self._repository, self._keyring)
        self._verification: Verification | None = None
        self._dispatcher = Dispatcher(settings, SERVICE)

    @property
    def name(self) -> str:
        return SERVICE

    async def start(self) -> None:
        """Start serving; wait for PostgreSQL and NATS where they are not there yet.

        Raises:
            SystemExit: with `EXIT_CONFIG` if CONFIG_PASSWORD does not open the keyring; nothing is changed then.
        """
        await ensure_migrated(self._settings, SERVICE)
        await self._database.start()
        await self._open_keyring()
        unit = UnitOfWork(self._database, self._relay, self._keyring.hash_key)
        await self._make_what_always_exists(unit)
        await self._relay.start()
        await self._followed.start()
        await self._readiness.start()
        await self._bus.start()

        commits = Commits(unit, self._followed, self._paper.removed)
        keys = KeyChecks(self._bus, commits, self._settings.service_keys)
        backoff = ProofBackoff()
        handlers = Handlers(
            self._repository,
            commits,
            self._keyring,
            adding=Adding(self._repository, commits, self._keyring, keys, self._paper),
            identities=Identities(self._repository, self._hasher, backoff),
            backoff=backoff,
            followed=self._followed,
            service_keys=self._settings.service_keys,
        )
        handlers.register(self._dispatcher)
        await self._dispatcher.start(self.health)
        self._verification = Verification(self._database, commits, self._keyring, keys)
        await self._verification.start()

    async def drain(self) -> None:
        """Answer what has arrived, then stop."""
        await self._dispatcher.drain()
        if self._verification is not None:
            await self._verification.stop()
        await self._paper.stop()
        await self._bus.stop()
        await self._readiness.stop()
        await self._followed.stop()
        await self._relay.stop()
        await self._database.stop()
        await self._hasher.close()

    def health(self) -> Health:
        """Return whether this replica can do its work."""
        return self._readiness.health()

    async def _open_keyring(self) -> None:
        try:
            await self._keyring.open(self._repository)
        except WrongPasswordError:
            _log.error(
                "refused to start: CONFIG_PASSWORD is not the one that the stored secrets are encrypted under."
                " Nothing was changed. Set the right one, or CONFIG_PASSWORD_PREVIOUS beside it after a rotation."
            )
            await self._database.stop()
            raise SystemExit(EXIT_CONFIG) from None

    async def _make_what_always_exists(self, unit: UnitOfWork) -> None:
        told: Told = []
        await unit.change(SERVICE, lambda work: ensure_master_account(Change(work, told)))
        login = self._settings.login()
        if login is not None:
            await unit.change(SERVICE, lambda work: ensure_user(Change(work, told), self._hasher, *login))


def create(overrides: Mapping[str, str]) -> Service:
    """Return the service with the settings of the environment, under `overrides`.

    Raises:
        pydantic.ValidationError: if a setting does not fit.
    """
    return CredentialsService(load(CredentialsSettings, overrides))
