"""Who somebody is: the user of the settings, proofs by password and by API key."""

from services.credentials import api_keys
from services.credentials.changes import Change
from services.credentials.password_hashing import PasswordHasher
from services.credentials.proof_backoff import ProofBackoff
from services.credentials.repository import Repository
from shared.contracts.credentials import USER_CHANGED, Identity, KeyCheck, PasswordCheck, UserChanged
from shared.errors import CommandError, ErrorCode
from shared.telemetry.logs import logger

_log = logger("identities")


def unproven() -> CommandError:
    """Return the one error for every proof that fails, so that it tells nothing about users and keys."""
    return CommandError(ErrorCode.UNAUTHENTICATED, "The user name, password or API key is wrong")


class Identities:
    """Checks proofs against the stored users and keys."""

    def __init__(self, repository: Repository, hasher: PasswordHasher, backoff: ProofBackoff) -> None:
        self._repository = repository
        self._hasher = hasher
        self._backoff = backoff

    async def by_password(self, check: PasswordCheck) -> Identity:
        """Return whom the user name and password belong to.

        There is no back-off here: all who log in through the edge come as one caller, so it would lock the account
        for everybody. The edge holds back single addresses, and no more than two hashes are ever made at a time.

        Raises:
            CommandError: UNAUTHENTICATED if they belong to nobody.
        """
        # PostgreSQL cannot hold a NUL character, so no user has one.
        user = None if "\0" in check.username else await self._repository.user(check.username)
        stored = user.password_hash if user is not None and user.enabled else None
        if not await self._hasher.verify(check.password, stored):
            raise unproven()
        return Identity(check.username, actor=check.username)

    async def by_key(self, check: KeyCheck) -> Identity:
        """Return whom an API key belongs to.

        Raises:
            CommandError: UNAUTHENTICATED if it belongs to nobody, was revoked or has expired.
        """
        key_id = api_keys.key_id_of(check.api_key)
        row = None if key_id is None else await self._repository.api_key(key_id)
        if row is None or not api_keys.is_good(check.api_key, row):
            raise unproven()
        return Identity(row.username, actor=row.username, key_id=row.key_id, expires_at=row.expires_at)

    async def prove(self, actor: str, username: str, password: str) -> None:
        """Check the proof that a command of a program on the bus carries.

        Raises:
            CommandError: UNAUTHENTICATED if it is wrong, BUSY if that program has failed too often just now.
        """
        self._backoff.check(actor, username)
        try:
            await self.by_password(PasswordCheck(username, password))
        except CommandError as error:
            if error.code is ErrorCode.UNAUTHENTICATED:
                self._backoff.failed(actor, username)
                _log.warning("proof failed", actor=actor)
            raise
        self._backoff.succeeded(actor, username)


async def ensure_user(change: Change, hasher: PasswordHasher, username: str, password: str) -> None:
    """Make `username` the one user who may log in, with `password`; tell whoever may have cached something else."""
    user = await change.repository.lock_user(username)
    for other in await change.repository.disable_other_users(username):
        _log.warning("user may not log in any more, as API_USERNAME is another", username=other)
        change.tell(USER_CHANGED, UserChanged(other))
    if user is not None and user.enabled and await hasher.verify(password, user.password_hash):
        return
    await change.repository.write_user(username, await hasher.hash(password))
    change.tell(USER_CHANGED, UserChanged(username))
