"""API keys: `hbk_<key id>_<secret>`. Each function on a `Change` runs inside its transaction."""

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime

from services.credentials.changes import Change
from services.credentials.rows import ApiKeyRow
from shared.contracts.credentials import (
    API_KEY_CREATED,
    API_KEY_REVOKED,
    ApiKeyChanged,
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyRevoke,
)
from shared.errors import CommandError, ErrorCode, not_found

_SECRET_BYTES = 32
_ID_BYTES = 8
# The secret is base64url and may hold `_` itself, so the id is hexadecimal.
_FORM = re.compile(r"hbk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)


def new_api_key() -> tuple[str, str]:
    """Return the id and the whole text of a new key."""
    key_id = secrets.token_hex(_ID_BYTES)
    return key_id, f"hbk_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def key_id_of(api_key: str) -> str | None:
    """Return the id in the text of a key, None if it has not the form of one."""
    match = _FORM.fullmatch(api_key)
    return None if match is None else match[1]


def hash_of(api_key: str) -> bytes:
    """Return what is stored of a key.

    One round of SHA-256 is right here, where a password needs Argon2id: the secret is 32 random bytes, and nobody finds
    those by trying, however fast a hash is.
    """
    return hashlib.sha256(api_key.encode()).digest()


def is_good(api_key: str, row: ApiKeyRow, now: datetime | None = None) -> bool:
    """Return whether `api_key` is the key of `row` and proves somebody at the time `now` (default: at present)."""
    matches = hmac.compare_digest(hash_of(api_key), row.secret_hash)
    if not matches or not row.user_enabled or row.revoked_at is not None:
        return False
    return row.expires_at is None or row.expires_at > (now or datetime.now(UTC))


async def create_api_key(change: Change, request: ApiKeyCreate) -> ApiKeyCreated:
    """Make an API key for a user whose proof has been checked.

    Raises:
        CommandError: EXISTS if a key of that user which is still good has this name.
    """
    # The lock keeps a second key of the same name from being made meanwhile.
    await change.repository.lock_user(request.username)
    if await change.repository.has_live_api_key(request.username, request.name):
        raise CommandError(ErrorCode.EXISTS, f"There is an API key named '{request.name}' already")
    key_id, api_key = new_api_key()
    expires_at = await change.repository.write_api_key(
        key_id, request.username, request.name, hash_of(api_key), request.expires_in
    )
    change.tell(API_KEY_CREATED, ApiKeyChanged(key_id, request.name, request.username))
    return ApiKeyCreated(key_id, request.name, api_key, expires_at)


async def revoke_api_key(change: Change, request: ApiKeyRevoke) -> ApiKeyChanged:
    """End an API key of a user whose proof has been checked; a second time changes nothing.

    Raises:
        CommandError: NOT_FOUND if the user has no such key.
    """
    found = await change.repository.lock_api_key(request.username, request.key_id)
    if found is None:
        raise not_found(f"API key '{request.key_id}' not found")
    name, revoked_at = found
    revoked = ApiKeyChanged(request.key_id, name, request.username)
    if revoked_at is None:
        await change.repository.revoke_api_key(request.key_id)
        change.tell(API_KEY_REVOKED, revoked)
    return revoked
