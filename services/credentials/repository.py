"""All SQL of the credentials service. Who calls what in which order keeps the locks free of cycles:

the keyring first, then accounts by name, then their rows. Users and API keys stand apart from these.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import asyncpg
import msgspec

from services.credentials.encryption import StoredKeyring
from services.credentials.rows import AccountRow, ApiKeyRow, CredentialRevision, CredentialRow, UserRow
from shared.contracts.credentials import AccountCredentials, AccountsSnapshot, ApiKey, KnownCredential
from shared.database.queries import Queries

_STATES = """
SELECT name, present, version, ARRAY(
    SELECT connector_name FROM credentials WHERE account_name = accounts.name ORDER BY connector_name COLLATE "C"
) AS connectors FROM accounts
"""
_SNAPSHOT = """
SELECT name, connector_name, revision, verified
FROM accounts LEFT JOIN credentials ON account_name = name WHERE present
ORDER BY name COLLATE "C", connector_name COLLATE "C"
"""
_KEYRING = "SELECT generation, salt, scrypt_n, scrypt_r, scrypt_p, wrapped_hash_key FROM keyring"


class Repository:
    """The tables of the schema, through a transaction's connection or through the pool."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    # Accounts and credentials

    async def accounts(self) -> list[AccountRow]:
        """Return all accounts, the deleted ones too."""
        return [_account(row) for row in await self._queries.fetch(_STATES)]

    async def claim_account(self, name: str) -> AccountRow:
        """Return the account `name`, locked, for making it: a name that was never used yet becomes an absent one."""
        await self._queries.execute("INSERT INTO accounts (name) VALUES ($1) ON CONFLICT DO NOTHING", name)
        row = await self._queries.fetchrow(
            "SELECT name, present, version FROM accounts WHERE name = $1 FOR UPDATE", name
        )
        assert row is not None, "accounts are never deleted from their table"
        return AccountRow(row["name"], row["present"], row["version"])

    async def lock_account(self, name: str) -> AccountRow | None:
        """Return the account `name`, locked, with its connectors; None if it does not exist."""
        locked = await self._queries.fetchval("SELECT true FROM accounts WHERE name = $1 AND present FOR UPDATE", name)
        # Read after the lock, as the connectors may have changed while it was waited for.
        row = await self._queries.fetchrow(f"{_STATES} WHERE name = $1", name) if locked else None
        return None if row is None else _account(row)

    async def lock_all_accounts(self) -> None:
        """Lock every account, so that no credential changes."""
        await self._queries.execute("SELECT name FROM accounts ORDER BY name FOR UPDATE")

    async def write_account(self, name: str, version: int, *, present: bool) -> None:
        """Store the state of an account that is locked."""
        await self._queries.execute(
            "UPDATE accounts SET present = $2, version = $3, changed_at = clock_timestamp() WHERE name = $1",
            name, present, version,
        )  # fmt: skip

    async def write_credential(self, row: CredentialRow, *, verified: bool) -> None:
        """Store a credential in place of an earlier one, under a revision of its own; its account is locked."""
        await self._queries.execute(
            "INSERT INTO credentials (account_name, connector_name, secret, verified) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (account_name, connector_name)"
            " DO UPDATE SET secret = $3, verified = $4, rejected = false, stored_at = clock_timestamp(),"
            " revision = nextval('credential_revisions')",
            row.account_name, row.connector_name, row.secret, verified,
        )  # fmt: skip

    async def delete_credentials(self, account_name: str, connectors: Sequence[str]) -> list[CredentialRow]:
        """Delete credentials of an account that is locked; return them."""
        rows = await self._queries.fetch(
            "DELETE FROM credentials WHERE account_name = $1 AND connector_name = ANY($2)"
            " RETURNING account_name, connector_name, secret",
            account_name, list(connectors),
        )  # fmt: skip
        return [CredentialRow(**row) for row in rows]

    async def snapshot(self) -> AccountsSnapshot:
        """Return all accounts with what credentials they have, in one query."""
        found: dict[str, list[KnownCredential]] = {}
        for name, connector_name, revision, verified in await self._queries.fetch(_SNAPSHOT):
            credentials = found.setdefault(name, [])
            if connector_name is not None:
                credentials.append(KnownCredential(connector_name, revision, verified))
        return AccountsSnapshot(tuple(AccountCredentials(name, tuple(known)) for name, known in found.items()))

    async def unverified(self, connectors: Sequence[str]) -> list[CredentialRevision]:
        """Return the credentials for these connectors of which no exchange has said whether they are right."""
        rows = await self._queries.fetch(
            "SELECT account_name, connector_name, revision FROM credentials"
            " WHERE NOT verified AND NOT rejected AND connector_name = ANY($1) ORDER BY revision",
            list(connectors),
        )
        return [CredentialRevision(**row) for row in rows]

    async def credential_as_of(self, wanted: CredentialRevision) -> CredentialRow | None:
        """Return a credential, None if it is gone or was written anew."""
        row = await self._queries.fetchrow(
            "SELECT account_name, connector_name, secret FROM credentials"
            " WHERE account_name = $1 AND connector_name = $2 AND revision = $3",
            wanted.account_name, wanted.connector_name, wanted.revision,
        )  # fmt: skip
        return None if row is None else CredentialRow(**row)

    async def write_verdict(self, judged: CredentialRevision, *, verified: bool) -> bool:
        """Store what the exchange says of a credential whose account is locked: its keys are right, or refused.

        Return False where that is of no use any more: it is gone, was written anew or has its verdict already.
        """
        written = await self._queries.fetchval(
            "UPDATE credentials SET verified = $4, rejected = NOT $4 WHERE account_name = $1 AND connector_name = $2"
            " AND revision = $3 AND NOT verified AND NOT rejected RETURNING true",
            judged.account_name, judged.connector_name, judged.revision, verified,
        )  # fmt: skip
        return bool(written)

    async def account_exists(self, name: str) -> bool:
        """Return whether the account exists."""
        return bool(await self._queries.fetchval("SELECT present FROM accounts WHERE name = $1", name))

    async def credential(self, account_name: str, connector_name: str) -> CredentialRow | None:
        """Return a credential, None if there is none."""
        row = await self._queries.fetchrow(
            "SELECT account_name, connector_name, secret FROM credentials"
            " WHERE account_name = $1 AND connector_name = $2",
            account_name, connector_name,
        )  # fmt: skip
        return None if row is None else CredentialRow(**row)

    async def all_credentials(self) -> list[CredentialRow]:
        """Return all credentials."""
        rows = await self._queries.fetch("SELECT account_name, connector_name, secret FROM credentials")
        return [CredentialRow(**row) for row in rows]

    async def rewrite_secrets(self, rows: Iterable[CredentialRow]) -> None:
        """Store the secrets of credentials that exist; nothing else of them changes. All accounts are locked."""
        changed = list(rows)
        await self._queries.execute(
            "UPDATE credentials AS c SET secret = n.secret"
            " FROM unnest($1::text[], $2::text[], $3::bytea[]) AS n (account_name, connector_name, secret)"
            " WHERE c.account_name = n.account_name AND c.connector_name = n.connector_name",
            [row.account_name for row in changed],
            [row.connector_name for row in changed],
            [row.secret for row in changed],
        )

    # The keyring, and the nonces of releases

    async def keyring(self) -> StoredKeyring | None:
        """Return the keyring, None before the first start."""
        return _keyring(await self._queries.fetchrow(_KEYRING))

    async def make_keyring(self, stored: StoredKeyring) -> None:
        """Store the first keyring, unless there is one."""
        await self._queries.execute(
            "INSERT INTO keyring (generation, salt, scrypt_n, scrypt_r, scrypt_p, wrapped_hash_key)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            *msgspec.structs.astuple(stored),
        )

    async def share_keyring(self) -> StoredKeyring | None:
        """Return the keyring; it does not change before this transaction ends."""
        return _keyring(await self._queries.fetchrow(f"{_KEYRING} FOR SHARE"))

    async def lock_keyring(self) -> StoredKeyring | None:
        """Return the keyring, locked for a change of its own."""
        return _keyring(await self._queries.fetchrow(f"{_KEYRING} FOR UPDATE"))

    async def replace_keyring(self, stored: StoredKeyring) -> None:
        """Store a keyring in place of the one that is locked; of the old one nothing is kept."""
        await self._queries.execute(
            "UPDATE keyring SET generation = $1, salt = $2, scrypt_n = $3, scrypt_r = $4, scrypt_p = $5,"
            " wrapped_hash_key = $6, made_at = clock_timestamp()",
            *msgspec.structs.astuple(stored),
        )

    async def use_nonce(self, service: str, nonce: bytes, seconds: float) -> bool:
        """Keep `nonce` for `seconds`, past which its request is void by itself; return False if it was used before."""
        # A few at a time, and none that another transaction is deleting: nobody waits here.
        await self._queries.execute(
            "DELETE FROM release_nonces WHERE (service, nonce) IN (SELECT service, nonce FROM release_nonces"
            " WHERE expires_at < clock_timestamp() LIMIT 100 FOR UPDATE SKIP LOCKED)"
        )
        kept = await self._queries.fetchval(
            "INSERT INTO release_nonces (service, nonce, expires_at)"
            " VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3)) ON CONFLICT DO NOTHING RETURNING true",
            service, nonce, seconds,
        )  # fmt: skip
        return bool(kept)

    # Users and API keys

    async def user(self, name: str) -> UserRow | None:
        """Return a user, None if there is none."""
        row = await self._queries.fetchrow("SELECT name, password_hash, enabled FROM users WHERE name = $1", name)
        return None if row is None else UserRow(**row)

    async def lock_user(self, name: str) -> UserRow | None:
        """Return a user, locked; None if there is none."""
        row = await self._queries.fetchrow(
            "SELECT name, password_hash, enabled FROM users WHERE name = $1 FOR UPDATE", name
        )
        return None if row is None else UserRow(**row)

    async def write_user(self, name: str, password_hash: str) -> None:
        """Store a user who may log in."""
        await self._queries.execute(
            "INSERT INTO users (name, password_hash) VALUES ($1, $2) ON CONFLICT (name)"
            " DO UPDATE SET password_hash = $2, enabled = true, changed_at = clock_timestamp()",
            name, password_hash,
        )  # fmt: skip

    async def disable_other_users(self, name: str) -> list[str]:
        """Let nobody but `name` log in; return those who could before."""
        rows = await self._queries.fetch(
            "UPDATE users SET enabled = false, changed_at = clock_timestamp() WHERE name <> $1 AND enabled"
            " RETURNING name",
            name,
        )
        return sorted(row["name"] for row in rows)

    async def api_key(self, key_id: str) -> ApiKeyRow | None:
        """Return an API key, None if there is none."""
        row = await self._queries.fetchrow(
            "SELECT key_id, username, k.name, secret_hash, expires_at, revoked_at, enabled AS user_enabled"
            " FROM api_keys AS k JOIN users ON users.name = username WHERE key_id = $1",
            key_id,
        )
        return None if row is None else ApiKeyRow(**row)

    async def api_keys(self, username: str) -> list[ApiKey]:
        """Return a user's API keys in the order of their making."""
        rows = await self._queries.fetch(
            "SELECT key_id, name, created_at, expires_at, revoked_at FROM api_keys WHERE username = $1"
            " ORDER BY created_at, key_id",
            username,
        )
        return [ApiKey(**row) for row in rows]

    async def has_live_api_key(self, username: str, name: str) -> bool:
        """Return whether the user has an API key of that name which is neither expired nor revoked."""
        found = await self._queries.fetchval(
            "SELECT true FROM api_keys WHERE username = $1 AND name = $2 AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > clock_timestamp()) LIMIT 1",
            username, name,
        )  # fmt: skip
        return bool(found)

    async def write_api_key(
        self, key_id: str, username: str, name: str, secret_hash: bytes, expires_in: int | None
    ) -> datetime | None:
        """Store a new API key that is good for `expires_in` seconds; return when it ends."""
        expires_at: datetime | None = await self._queries.fetchval(
            "INSERT INTO api_keys (key_id, username, name, secret_hash, expires_at)"
            " VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5)) RETURNING expires_at",
            key_id, username, name, secret_hash, expires_in,
        )  # fmt: skip
        return expires_at

    async def lock_api_key(self, username: str, key_id: str) -> tuple[str, datetime | None] | None:
        """Return the name and the time of revocation of a user's API key, locked; None if there is none."""
        row = await self._queries.fetchrow(
            "SELECT name, revoked_at FROM api_keys WHERE username = $1 AND key_id = $2 FOR UPDATE", username, key_id
        )
        return None if row is None else (row["name"], row["revoked_at"])

    async def revoke_api_key(self, key_id: str) -> None:
        """End an API key that is locked."""
        await self._queries.execute("UPDATE api_keys SET revoked_at = clock_timestamp() WHERE key_id = $1", key_id)


def _account(row: asyncpg.Record) -> AccountRow:
    return AccountRow(row["name"], row["present"], row["version"], tuple(row["connectors"]))


def _keyring(row: asyncpg.Record | None) -> StoredKeyring | None:
    return None if row is None else StoredKeyring(**row)
