"""The SQL of the tables that every schema has alike, for its first migration. The search path decides the schema.

Each is one statement, a block, because that is what Alembic's `op.execute` takes.
"""


def outbox() -> str:
    """Return the SQL of the outbox: events that are committed, to be published and kept for a stream that was lost.

    `id` is given in the transaction of the change, so ids appear out of order. `seq` is given by the relay after the
    commit, without holes; it is NULL until then. `subject` is what follows the namespace's prefix of events.
    """
    return _block("""
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        seq bigint UNIQUE,
        subject text NOT NULL,
        kind text NOT NULL,
        actor text NOT NULL,
        account text,
        bot text,
        trace text,
        data bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX outbox_pending ON outbox (id) WHERE seq IS NULL;
    CREATE INDEX outbox_age ON outbox USING brin (created_at);
    CREATE TABLE relay (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        last_seq bigint NOT NULL DEFAULT 0
    );
    INSERT INTO relay DEFAULT VALUES;
    """)


def idempotency() -> str:
    """Return the SQL of the stored outcomes: the first reply to each (actor, command, key).

    `request_hash` is a keyed hash, as a request may hold a secret. `reply` is NULL only while the first one runs,
    which nobody sees: the row is locked until its commit.
    """
    return _block("""
    CREATE TABLE idempotency (
        actor text NOT NULL,
        command text NOT NULL,
        key text NOT NULL,
        request_hash bytea NOT NULL,
        reply bytea,
        events bigint[] NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (actor, command, key)
    );
    CREATE INDEX idempotency_age ON idempotency (created_at);
    """)


def inbox() -> str:
    """Return the SQL of the inbox: which events of which service a consumer has taken in.

    That is all up to the floor in `inbox_floor`, and those in `inbox`, which are above it. `parked` holds the events
    that a consumer could not take in, for people to look at.
    """
    return _block("""
    CREATE TABLE inbox_floor (
        consumer text NOT NULL,
        service text NOT NULL,
        seq bigint NOT NULL,
        PRIMARY KEY (consumer, service)
    );
    CREATE TABLE inbox (
        consumer text NOT NULL,
        service text NOT NULL,
        seq bigint NOT NULL,
        taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (consumer, service, seq)
    );
    CREATE TABLE parked (
        consumer text NOT NULL,
        service text NOT NULL,
        seq bigint NOT NULL,
        kind text NOT NULL,
        envelope bytea NOT NULL,
        error text NOT NULL,
        parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (consumer, service, seq)
    );
    """)


def leases() -> str:
    """Return the SQL of the leases: who may act on `name` until when, by PostgreSQL's clock; `epoch` counts owners."""
    return _block("""
    CREATE TABLE leases (
        name text PRIMARY KEY,
        owner text NOT NULL,
        epoch bigint NOT NULL,
        expires_at timestamptz NOT NULL
    );
    """)


def _block(statements: str) -> str:
    return f"DO $block$ BEGIN {statements} END $block$"
