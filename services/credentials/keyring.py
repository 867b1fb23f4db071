"""The key of the secrets in a running service: opened at the start, changed by a rotation, lost to one elsewhere."""

import asyncio

from services.credentials.encryption import Cipher, StoredKeyring, WrongPasswordError, make_keyring, open_keyring
from services.credentials.repository import Repository
from services.credentials.rows import CredentialRow
from shared.contracts.credentials import KeyringRotated
from shared.errors import CommandError, ErrorCode
from shared.telemetry.logs import logger

#: Passwords that are tried when the keyring has changed: those of the settings and those of the latest rotations.
_MAX_PASSWORDS = 4

_log = logger("keyring")


class Keyring:
    """Holds the open key of this replica.

    Every use of a secret asks for it by `cipher`, inside the transaction of that use: the share lock it takes there
    keeps a rotation out, and the generation it reads tells whether this replica's key is still the one in use. So no
    replica ever writes under, or reads with, a key that a rotation has replaced.
    """

    def __init__(self, passwords: tuple[str, ...]) -> None:
        """`passwords` may open the keyring; the first one makes it when there is none."""
        self._passwords = list(passwords)
        self._cipher: Cipher | None = None
        self._refused: int | None = None
        self._opening = asyncio.Lock()

    @property
    def generation(self) -> int:
        """The generation of the key that this replica holds, 0 before `open`."""
        return 0 if self._cipher is None else self._cipher.generation

    @property
    def hash_key(self) -> bytes:
        """The key of stored hashes of requests; the same in every replica and generation."""
        assert self._cipher is not None, "the keyring is opened before anything uses it"
        return self._cipher.hash_key

    @property
    def locked(self) -> bool:
        """Whether the keyring was rotated elsewhere to a password that this replica was not given."""
        return self._refused is not None

    async def open(self, repository: Repository) -> None:
        """Open the stored keyring, or make the first one. Replicas that start together end with the same one.

        Raises:
            WrongPasswordError: if no password opens it; nothing is changed.
        """
        stored = await repository.keyring()
        if stored is None:
            made, cipher = await asyncio.to_thread(make_keyring, self._passwords[0])
            await repository.make_keyring(made)
            stored = await repository.keyring()
            assert stored is not None, "a keyring was stored just now"
            if stored == made:
                _log.info("keyring made")
                self._cipher = cipher
                return
        if not await self._try_passwords(stored):
            raise WrongPasswordError

    async def cipher(self, repository: Repository) -> Cipher:
        """Return the key in use, which stays that until this transaction ends.

        Raises:
            CommandError: UNAVAILABLE if this replica was not given the password of it.
        """
        stored = await repository.share_keyring()
        assert stored is not None, "the keyring is made before anything uses it"
        if await self.follow(stored):
            assert self._cipher is not None, "follow opened it"
            return self._cipher
        raise CommandError(
            ErrorCode.UNAVAILABLE,
            "CONFIG_PASSWORD was changed; this part of the credentials service must be restarted with the new one",
        )

    async def follow(self, stored: StoredKeyring) -> bool:
        """Take over `stored` if it is another than the open one; return whether this replica now holds its key."""
        if stored.generation == self.generation:
            self._refused = None
            return True
        if stored.generation == self._refused:
            return False
        async with self._opening:
            if stored.generation == self._refused:
                return False  # who came before has tried all passwords, which takes long
            return stored.generation == self.generation or await self._try_passwords(stored)

    async def rotate(self, repository: Repository, current: str, new: str) -> tuple[KeyringRotated, Cipher]:
        """Encrypt every credential anew under `new`, in the transaction of `repository`; after it, `adopt` the key.

        It goes by the stored keyring, so that a replica which has missed a rotation can do the next one.

        Raises:
            WrongPasswordError: if `current` does not open the keyring; nothing is changed.
        """
        stored = await repository.lock_keyring()
        assert stored is not None, "the keyring is made before anything uses it"
        old = await asyncio.to_thread(open_keyring, stored, current)
        made, cipher = await asyncio.to_thread(make_keyring, new, stored.generation + 1, old.hash_key)
        # Whatever comes of the commit, this replica can then open the keyring that stands.
        self._remember(new)
        await repository.lock_all_accounts()
        rows = await repository.all_credentials()
        await repository.rewrite_secrets(_anew(row, old, cipher) for row in rows)
        await repository.replace_keyring(made)
        return KeyringRotated(made.generation, len(rows)), cipher

    def adopt(self, cipher: Cipher) -> None:
        """Use `cipher` from now on, unless a later one is in use already."""
        if cipher.generation > self.generation:
            self._cipher = cipher
            self._refused = None

    def _remember(self, password: str) -> None:
        others = [known for known in self._passwords if known != password]
        self._passwords = [password, *others][:_MAX_PASSWORDS]
        self._refused = None

    async def _try_passwords(self, stored: StoredKeyring) -> bool:
        for password in tuple(self._passwords):
            try:
                self._cipher = await asyncio.to_thread(open_keyring, stored, password)
            except WrongPasswordError:
                continue
            self._refused = None
            _log.info("keyring open", generation=stored.generation)
            return True
        self._refused = stored.generation
        _log.error("CONFIG_PASSWORD does not open the keyring", generation=stored.generation)
        return False


def _anew(row: CredentialRow, old: Cipher, new: Cipher) -> CredentialRow:
    values = old.decrypt(row.account_name, row.connector_name, row.secret)
    return CredentialRow(
        row.account_name, row.connector_name, new.encrypt(row.account_name, row.connector_name, values)
    )
