"""What the rows of the tables hold. No repr shows a hash or a secret."""

from datetime import datetime

import msgspec


class AccountRow(msgspec.Struct, frozen=True):
    """An account: whether it exists, the number of its last change, the connectors it has credentials for, sorted."""

    name: str
    present: bool
    version: int
    connectors: tuple[str, ...] = ()


class CredentialRow(msgspec.Struct, frozen=True):
    """A stored credential, encrypted."""

    account_name: str
    connector_name: str
    secret: bytes

    def __repr__(self) -> str:
        return f"CredentialRow({self.account_name!r}, {self.connector_name!r})"


class CredentialRevision(msgspec.Struct, frozen=True):
    """One writing of the values of a credential: the next one has another `revision`."""

    account_name: str
    connector_name: str
    revision: int


class UserRow(msgspec.Struct, frozen=True):
    """A user and the PHC form of the hash of the password."""

    name: str
    password_hash: str
    enabled: bool

    def __repr__(self) -> str:
        return f"UserRow({self.name!r}, enabled={self.enabled})"


class ApiKeyRow(msgspec.Struct, frozen=True):
    """An API key with the hash of its secret, and whether its user may still log in."""

    key_id: str
    username: str
    name: str
    secret_hash: bytes
    expires_at: datetime | None
    revoked_at: datetime | None
    user_enabled: bool

    def __repr__(self) -> str:
        return f"ApiKeyRow({self.key_id!r}, {self.username!r})"
