"""Encryption at rest: a key made from CONFIG_PASSWORD, and the credentials under it.

scrypt (RFC 7914) turns the password and a stored salt into a Fernet key. Each credential is one Fernet token over its
values, its account and its connector, so that a row copied to another account or connector does not decrypt there.
"""

import base64
import os
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

#: 32 MiB and some 0.3 s of one core: what OWASP's password storage page asks of scrypt at the least.
SCRYPT_N = 2**15
SCRYPT_R = 8
SCRYPT_P = 3
_SALT_LENGTH = 16
_KEY_LENGTH = 32


class WrongPasswordError(Exception):
    """The password does not open the keyring."""


class UnreadableSecretError(Exception):
    """A stored credential that the key of its keyring does not open: the row was altered."""


class StoredKeyring(msgspec.Struct, frozen=True):
    """What is stored of a key: how to make it again, and a wrapped key by which to know that it is the right one.

    `wrapped_hash_key` holds the key of the hashes of requests (`UnitOfWork`), which outlives rotations: a request that
    is repeated after one must still be known as the same.
    """

    generation: int
    salt: bytes
    scrypt_n: int
    scrypt_r: int
    scrypt_p: int
    wrapped_hash_key: bytes


class _Sealed(msgspec.Struct, frozen=True):
    account: str
    connector: str
    values: dict[str, Any]


_decoder = msgspec.json.Decoder(_Sealed)


class Cipher:
    """An open key: encrypts and decrypts credentials. `generation` counts rotations, from 1."""

    __slots__ = ("_fernet", "generation", "hash_key")

    def __init__(self, generation: int, fernet: Fernet, hash_key: bytes) -> None:
        self.generation = generation
        self.hash_key = hash_key
        self._fernet = fernet

    def encrypt(self, account: str, connector: str, values: Mapping[str, Any]) -> bytes:
        """Return the values of a credential as they are stored."""
        return self._fernet.encrypt(msgspec.json.encode(_Sealed(account, connector, dict(values))))

    def decrypt(self, account: str, connector: str, token: bytes) -> dict[str, Any]:
        """Return the values that `encrypt` was given for the same account and connector.

        Raises:
            UnreadableSecretError: if `token` is not theirs.
        """
        try:
            sealed = _decoder.decode(self._fernet.decrypt(token))
        except (InvalidToken, msgspec.DecodeError):
            raise UnreadableSecretError(f"the credential of {account} for {connector} cannot be decrypted") from None
        if (sealed.account, sealed.connector) != (account, connector):
            raise UnreadableSecretError(f"the row of {account} for {connector} holds another credential")
        return sealed.values


def make_keyring(password: str, generation: int = 1, hash_key: bytes | None = None) -> tuple[StoredKeyring, Cipher]:
    """Return a new key under `password`, to store and to use; slow on purpose, so run it in a thread."""
    salt = os.urandom(_SALT_LENGTH)
    fernet = _derive(password, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P)
    hash_key = hash_key or os.urandom(_KEY_LENGTH)
    stored = StoredKeyring(generation, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P, fernet.encrypt(hash_key))
    return stored, Cipher(generation, fernet, hash_key)


def open_keyring(stored: StoredKeyring, password: str) -> Cipher:
    """Return the key that `password` opens; slow on purpose, so run it in a thread.

    Raises:
        WrongPasswordError: if it opens none.
    """
    fernet = _derive(password, stored.salt, stored.scrypt_n, stored.scrypt_r, stored.scrypt_p)
    try:
        hash_key = fernet.decrypt(stored.wrapped_hash_key)
    except InvalidToken:
        raise WrongPasswordError from None
    return Cipher(stored.generation, fernet, hash_key)


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> Fernet:
    key = Scrypt(salt=salt, length=_KEY_LENGTH, n=n, r=r, p=p).derive(password.encode())
    return Fernet(base64.urlsafe_b64encode(key))
