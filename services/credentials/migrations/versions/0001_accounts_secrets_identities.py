"""Accounts, encrypted credentials, users, API keys, and the tables that every schema has."""

from alembic import op

from shared.database import tables

revision = "0001"
down_revision = None

_ACCOUNTS = (
    """
    -- A deleted account stays as a row that is not present, so that its version goes on when it is made again.
    CREATE TABLE accounts (
        name text PRIMARY KEY,
        present boolean NOT NULL DEFAULT false,
        version bigint NOT NULL DEFAULT 0,
        changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE credentials (
        account_name text NOT NULL REFERENCES accounts,
        connector_name text NOT NULL,
        secret bytea NOT NULL,
        verified boolean NOT NULL DEFAULT false,
        stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (account_name, connector_name)
    )
    """,
)

_SECRETS = (
    """
    -- One row. Every change of a secret holds a share lock on it, so that none is written under a key that goes.
    CREATE TABLE keyring (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        generation integer NOT NULL,
        salt bytea NOT NULL,
        scrypt_n integer NOT NULL,
        scrypt_r integer NOT NULL,
        scrypt_p integer NOT NULL,
        wrapped_hash_key bytea NOT NULL,
        made_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE release_nonces (
        service text NOT NULL,
        nonce bytea NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (service, nonce)
    )
    """,
    """
    CREATE INDEX release_nonces_expiry ON release_nonces (expires_at)
    """,
)

_IDENTITIES = (
    """
    CREATE TABLE users (
        name text PRIMARY KEY,
        password_hash text NOT NULL,
        enabled boolean NOT NULL DEFAULT true,
        changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE api_keys (
        key_id text PRIMARY KEY,
        username text NOT NULL REFERENCES users,
        name text NOT NULL,
        secret_hash bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        expires_at timestamptz,
        revoked_at timestamptz
    )
    """,
    """
    CREATE INDEX api_keys_of_user ON api_keys (username, name)
    """,
)


def upgrade() -> None:
    for sql in (tables.outbox(), tables.idempotency(), *_ACCOUNTS, *_SECRETS, *_IDENTITIES):
        op.execute(sql)


def downgrade() -> None:
    op.execute("DROP TABLE api_keys, users, release_nonces, keyring, credentials, accounts, idempotency, relay, outbox")
