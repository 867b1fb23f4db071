"""Keys of credentials that are not stored yet: whether their exchange takes them."""

from enum import StrEnum

import msgspec

from shared.contracts.credentials import CredentialRef, SecretRequest
from shared.contracts.declaration import Command
from shared.contracts.portfolio.fields import SERVICE
from shared.errors import ErrorCode
from shared.names import Name


class KeyAsk(msgspec.Struct, frozen=True):
    """Which replica will check, and its signed request for the secret, as it would ask for a stored one."""

    checker: Name
    request: SecretRequest


class KeyCheck(msgspec.Struct, frozen=True):
    """A secret to be tried on the exchange, sealed to the request that `checker` made."""

    checker: Name
    account_name: Name
    connector_name: Name
    nonce: bytes
    sealed: bytes


class KeyVerdict(StrEnum):
    """What the exchange says of keys. UNKNOWN: it was slow, down or silent."""

    GOOD = "good"
    WRONG = "wrong"
    UNKNOWN = "unknown"


class KeyChecked(msgspec.Struct, frozen=True):
    """The verdict, its reason in words, and whether the keys can withdraw (None: the exchange does not say)."""

    verdict: KeyVerdict
    reason: str = ""
    can_withdraw: bool | None = None


ASK_KEY = Command(
    SERVICE, "key", "ask", CredentialRef, KeyAsk, "Ask for a new credential's values, to check them.",
    callers=frozenset({"credentials"}), timeout=2.0,
)  # fmt: skip
CHECK_KEY = Command(
    SERVICE, "key", "check", KeyCheck, KeyChecked, "Try a new credential on its exchange.",
    callers=frozenset({"credentials"}), errors=frozenset({ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN}),
    owner_keys=("checker",), timeout=6.0,
)  # fmt: skip

COMMANDS = (ASK_KEY, CHECK_KEY)
