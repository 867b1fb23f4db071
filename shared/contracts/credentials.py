"""What the credentials service answers to and what it tells: accounts, exchange keys, identities, connectors."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from shared.contracts.declaration import EDGE, OUTSIDE, Command, Event
from shared.errors import ErrorCode
from shared.names import Name

SERVICE = "credentials"

#: The account that always exists and may not be deleted.
MASTER_ACCOUNT = "master_account"

#: Seconds that an API key may be good for at most: ten years.
MAX_KEY_LIFE = 10 * 365 * 24 * 3600

Password = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class Nothing(msgspec.Struct, frozen=True):
    """A request without fields."""


class AccountRef(msgspec.Struct, frozen=True):
    """An account by its name."""

    account_name: Name


class CredentialRef(msgspec.Struct, frozen=True):
    """The credential of one connector under one account."""

    account_name: Name
    connector_name: Name


class CredentialPut(msgspec.Struct, frozen=True):
    """A credential to store. `values` maps the names of the connector's config map to values; it holds secrets."""

    account_name: Name
    connector_name: Name
    values: dict[str, Any]

    def __repr__(self) -> str:
        return f"CredentialPut({self.account_name!r}, {self.connector_name!r}, values=<hidden>)"


class CredentialStored(msgspec.Struct, frozen=True):
    """A credential that is stored. `verified`: the exchange has confirmed the keys; `message` says it in words."""

    account_name: str
    connector_name: str
    verified: bool
    message: str


class ConnectorRef(msgspec.Struct, frozen=True):
    """A connector by its name."""

    connector_name: Name


class ConfigField(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field of a connector's credential. `type` is in the words of the Hummingbot API."""

    type: str
    required: bool
    prompt: str
    is_secure: bool
    is_connect_key: bool
    allowed_values: tuple[str, ...] | None = None


class PasswordCheck(msgspec.Struct, frozen=True):
    """A user's name and password, to be verified."""

    username: Annotated[str, msgspec.Meta(max_length=256)]
    password: Annotated[str, msgspec.Meta(max_length=1024)]

    def __repr__(self) -> str:
        return f"PasswordCheck({self.username!r}, password=<hidden>)"


class KeyCheck(msgspec.Struct, frozen=True):
    """An API key, to be verified."""

    api_key: Annotated[str, msgspec.Meta(max_length=256)]

    def __repr__(self) -> str:
        return "KeyCheck(api_key=<hidden>)"


class Identity(msgspec.Struct, frozen=True):
    """Who somebody is. `actor` is the token that their commands carry; `key_id` is set when an API key proved it.

    `expires_at` is when the proof itself ends (an API key's expiry), None when it does not.
    """

    username: str
    actor: str
    key_id: str | None = None
    expires_at: datetime | None = None


class ApiKeyCreate(msgspec.Struct, frozen=True):
    """A request for a new API key by a user who proves who they are. `expires_in` is in seconds; None never expires."""

    username: Annotated[str, msgspec.Meta(max_length=256)]
    password: Password
    name: Name
    expires_in: Annotated[int, msgspec.Meta(gt=0, le=MAX_KEY_LIFE)] | None = None

    def __repr__(self) -> str:
        return f"ApiKeyCreate({self.username!r}, name={self.name!r}, password=<hidden>)"


class ApiKeyCreated(msgspec.Struct, frozen=True):
    """A new API key. `api_key` is shown this once: only its hash is kept."""

    key_id: str
    name: str
    api_key: str
    expires_at: datetime | None

    def __repr__(self) -> str:
        return f"ApiKeyCreated({self.key_id!r}, {self.name!r}, api_key=<hidden>)"


class ApiKey(msgspec.Struct, frozen=True):
    """An API key as it is listed."""

    key_id: str
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class ApiKeyRevoke(msgspec.Struct, frozen=True):
    """A request to end an API key, by a user who proves who they are."""

    username: Annotated[str, msgspec.Meta(max_length=256)]
    password: Password
    key_id: Name

    def __repr__(self) -> str:
        return f"ApiKeyRevoke({self.username!r}, key_id={self.key_id!r}, password=<hidden>)"


class KeyringRotate(msgspec.Struct, frozen=True):
    """A change of `CONFIG_PASSWORD`: all secrets are encrypted anew under a key made from `new_password`."""

    current_password: Password
    new_password: Annotated[str, msgspec.Meta(min_length=8, max_length=1024)]

    def __repr__(self) -> str:
        return "KeyringRotate(<hidden>)"


class KeyringRotated(msgspec.Struct, frozen=True):
    """The generation of the key that is now in use, and how many credentials were encrypted anew."""

    generation: int
    credentials: int


class SecretRequest(msgspec.Struct, frozen=True):
    """A service's request for the values of a credential.

    `public_key` is its ephemeral HPKE key, `nonce` 16 random bytes, `deadline` Unix seconds. `signature` is made with
    the service's nkey over the canonical form that `shared.secrets.sealing` gives of all other fields. Bytes travel as
    base64.
    """

    account_name: Name
    connector_name: Name
    service: str
    public_key: bytes
    nonce: bytes
    deadline: float
    signature: bytes


class SealedSecret(msgspec.Struct, frozen=True):
    """The values of a credential as a JSON object, sealed to the public key of the request that asked."""

    sealed: bytes


class AccountChanged(msgspec.Struct, frozen=True):
    """The account that was created or deleted."""

    account_name: str
    version: int


class CredentialChanged(msgspec.Struct, frozen=True):
    """The credential that was stored or deleted, with all connectors that the account has credentials for now."""

    account_name: str
    connector_name: str
    connectors: tuple[str, ...]
    version: int
    verified: bool = False


class SecretReleased(msgspec.Struct, frozen=True):
    """Which service was given the values of which credential."""

    account_name: str
    connector_name: str
    service: str


class KnownCredential(msgspec.Struct, frozen=True):
    """A credential that is stored. `revision` is another one whenever its values were written anew."""

    connector_name: str
    revision: int
    verified: bool


class AccountCredentials(msgspec.Struct, frozen=True):
    """An account with its credentials, sorted by connector."""

    account_name: str
    credentials: tuple[KnownCredential, ...]


class AccountsSnapshot(msgspec.Struct, frozen=True):
    """All accounts as the database has them at this moment, sorted by name."""

    accounts: tuple[AccountCredentials, ...]


class CredentialVerdict(msgspec.Struct, frozen=True):
    """What the exchange has said of a stored credential. `message` says it in words."""

    account_name: str
    connector_name: str
    message: str


class ApiKeyChanged(msgspec.Struct, frozen=True):
    """The API key that was created or revoked."""

    key_id: str
    name: str
    username: str


class UserChanged(msgspec.Struct, frozen=True):
    """The user whose password changed."""

    username: str


LIST_ACCOUNTS = Command(SERVICE, "account", "list", Nothing, list[str], "List the names of all accounts.")
CREATE_ACCOUNT = Command(
    SERVICE, "account", "create", AccountRef, AccountChanged, "Create an account.",
    changes_state=True, errors=frozenset({ErrorCode.EXISTS, ErrorCode.REFUSED}),
)  # fmt: skip
DELETE_ACCOUNT = Command(
    SERVICE, "account", "delete", AccountRef, AccountChanged, "Delete an account with its credentials.",
    changes_state=True, errors=frozenset({ErrorCode.NOT_FOUND, ErrorCode.REFUSED}),
)  # fmt: skip
SNAPSHOT_ACCOUNTS = Command(
    SERVICE, "account", "snapshot", Nothing, AccountsSnapshot, "Give all accounts and what credentials they have.",
    callers=frozenset({"portfolio", "orchestrator"}),
)  # fmt: skip
LIST_CREDENTIALS = Command(
    SERVICE, "credential", "list", AccountRef, list[str], "List the connectors that an account has credentials for.",
    errors=frozenset({ErrorCode.NOT_FOUND}),
)  # fmt: skip
PUT_CREDENTIAL = Command(
    SERVICE, "credential", "put", CredentialPut, CredentialStored, "Store a credential, in place of an earlier one.",
    changes_state=True, errors=frozenset({ErrorCode.NOT_FOUND, ErrorCode.REFUSED}), timeout=10.0,
)  # fmt: skip
DELETE_CREDENTIAL = Command(
    SERVICE, "credential", "delete", CredentialRef, CredentialChanged, "Delete a credential.",
    changes_state=True, errors=frozenset({ErrorCode.NOT_FOUND}),
)  # fmt: skip
LIST_CONNECTORS = Command(SERVICE, "connector", "list", Nothing, list[str], "List the connectors to trade on.")
CONFIG_MAP = Command(
    SERVICE, "connector", "config_map", ConnectorRef, dict[str, ConfigField],
    "Give the fields of a connector's credential.", errors=frozenset({ErrorCode.NOT_FOUND}),
)  # fmt: skip
VERIFY_PASSWORD = Command(
    SERVICE, "identity", "verify_password", PasswordCheck, Identity, "Say who a user name and password belong to.",
    callers=frozenset({EDGE}), errors=frozenset({ErrorCode.UNAUTHENTICATED}),
)  # fmt: skip
VERIFY_KEY = Command(
    SERVICE, "identity", "verify_key", KeyCheck, Identity, "Say who an API key belongs to.",
    callers=frozenset({EDGE}), errors=frozenset({ErrorCode.UNAUTHENTICATED}),
)  # fmt: skip
CREATE_API_KEY = Command(
    SERVICE, "api_key", "create", ApiKeyCreate, ApiKeyCreated, "Make an API key; it is shown this once.",
    callers=frozenset({OUTSIDE}), changes_state=True, stores_reply=False,
    errors=frozenset({ErrorCode.UNAUTHENTICATED, ErrorCode.EXISTS}),
)  # fmt: skip
LIST_API_KEYS = Command(
    SERVICE, "api_key", "list", PasswordCheck, list[ApiKey], "List a user's API keys.",
    callers=frozenset({OUTSIDE}), errors=frozenset({ErrorCode.UNAUTHENTICATED}),
)  # fmt: skip
REVOKE_API_KEY = Command(
    SERVICE, "api_key", "revoke", ApiKeyRevoke, ApiKeyChanged, "End an API key.",
    callers=frozenset({OUTSIDE}), changes_state=True,
    errors=frozenset({ErrorCode.UNAUTHENTICATED, ErrorCode.NOT_FOUND}),
)  # fmt: skip
ROTATE_KEYRING = Command(
    SERVICE, "keyring", "rotate", KeyringRotate, KeyringRotated, "Change CONFIG_PASSWORD and encrypt all secrets anew.",
    callers=frozenset({OUTSIDE}), changes_state=True, errors=frozenset({ErrorCode.UNAUTHENTICATED}), timeout=30.0,
)  # fmt: skip
RELEASE_SECRET = Command(
    SERVICE, "secret", "release", SecretRequest, SealedSecret, "Give a service the values of a credential, sealed.",
    callers=frozenset({"portfolio", "orchestrator"}), changes_state=True, stores_reply=False,
    errors=frozenset({ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN}),
)  # fmt: skip

COMMANDS = (
    LIST_ACCOUNTS, CREATE_ACCOUNT, DELETE_ACCOUNT, LIST_CREDENTIALS, PUT_CREDENTIAL, DELETE_CREDENTIAL,
    LIST_CONNECTORS, CONFIG_MAP, VERIFY_PASSWORD, VERIFY_KEY, CREATE_API_KEY, LIST_API_KEYS, REVOKE_API_KEY,
    ROTATE_KEYRING, RELEASE_SECRET, SNAPSHOT_ACCOUNTS,
)  # fmt: skip

ACCOUNT_CREATED = Event(
    SERVICE, "account", "created", AccountChanged, "An account exists now.",
    keys=("account_name",), account="account_name",
)  # fmt: skip
ACCOUNT_DELETED = Event(
    SERVICE, "account", "deleted", AccountChanged, "An account and its credentials are gone.",
    keys=("account_name",), account="account_name",
)  # fmt: skip
CREDENTIAL_STORED = Event(
    SERVICE, "credential", "stored", CredentialChanged, "A credential was added or replaced.",
    keys=("account_name", "connector_name"), account="account_name",
)  # fmt: skip
CREDENTIAL_DELETED = Event(
    SERVICE, "credential", "deleted", CredentialChanged, "A credential is gone.",
    keys=("account_name", "connector_name"), account="account_name",
)  # fmt: skip
CREDENTIAL_VERIFIED = Event(
    SERVICE, "credential", "verified", CredentialVerdict, "The exchange has confirmed the keys of a credential.",
    keys=("account_name", "connector_name"), account="account_name",
)  # fmt: skip
CREDENTIAL_REJECTED = Event(
    SERVICE, "credential", "rejected", CredentialVerdict, "The exchange refuses the keys of a stored credential.",
    keys=("account_name", "connector_name"), account="account_name",
)  # fmt: skip
SECRET_RELEASED = Event(
    SERVICE, "secret", "released", SecretReleased, "A service was given the values of a credential.",
    keys=("account_name", "connector_name"), account="account_name",
)  # fmt: skip
API_KEY_CREATED = Event(SERVICE, "api_key", "created", ApiKeyChanged, "An API key exists now.", keys=("key_id",))
API_KEY_REVOKED = Event(SERVICE, "api_key", "revoked", ApiKeyChanged, "An API key has ended.", keys=("key_id",))
USER_CHANGED = Event(SERVICE, "user", "changed", UserChanged, "A user's password changed.")
KEYRING_ROTATED = Event(SERVICE, "keyring", "rotated", KeyringRotated, "All secrets are under a new key.")

EVENTS = (
    ACCOUNT_CREATED, ACCOUNT_DELETED, CREDENTIAL_STORED, CREDENTIAL_DELETED, CREDENTIAL_VERIFIED,
    CREDENTIAL_REJECTED, SECRET_RELEASED, API_KEY_CREATED, API_KEY_REVOKED, USER_CHANGED, KEYRING_ROTATED,
)  # fmt: skip
