"""Accounts, what they have and had, and the minutes of candles that were traded live.

Rows are the engine's own, as JSON of its structs, beside the columns that are asked by. Amounts are whole numbers in
units of 10^-8, which JSON holds exactly at any size.
"""

from alembic import op

revision = "0001"
down_revision = None

_TABLES = (
    """
    -- One row. Who starts takes the next epoch; who has an older one can write no more.
    CREATE TABLE exchange (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        epoch bigint NOT NULL DEFAULT 0,
        spot json NOT NULL DEFAULT '{}',
        usdm json NOT NULL DEFAULT '{}'
    )
    """,
    "INSERT INTO exchange DEFAULT VALUES",
    """
    -- The secrets are keys to play money of this simulator; it must know them to check signatures.
    CREATE TABLE accounts (
        name text PRIMARY KEY,
        api_key text NOT NULL UNIQUE,
        api_secret text NOT NULL,
        created bigint NOT NULL
    )
    """,
    """
    CREATE TABLE settings (
        venue text NOT NULL,
        account text NOT NULL,
        row json NOT NULL,
        PRIMARY KEY (venue, account)
    )
    """,
    """
    CREATE TABLE balances (
        venue text NOT NULL,
        account text NOT NULL,
        asset text NOT NULL,
        row json NOT NULL,
        PRIMARY KEY (venue, account, asset)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE positions (
        venue text NOT NULL,
        account text NOT NULL,
        symbol text NOT NULL,
        position_side text NOT NULL,
        row json NOT NULL,
        PRIMARY KEY (venue, account, symbol, position_side)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE instruments (
        venue text NOT NULL,
        symbol text NOT NULL,
        row json NOT NULL,
        PRIMARY KEY (venue, symbol)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE orders (
        venue text NOT NULL,
        order_id bigint NOT NULL,
        account text NOT NULL,
        symbol text NOT NULL,
        client_order_id text NOT NULL,
        created bigint NOT NULL,
        open boolean NOT NULL,
        row json NOT NULL,
        PRIMARY KEY (venue, order_id)
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX orders_of_account ON orders (account, venue, symbol, order_id)",
    "CREATE INDEX orders_by_client_order_id ON orders (account, venue, symbol, client_order_id)",
    "CREATE INDEX orders_open ON orders (venue, order_id) WHERE open",
    """
    CREATE TABLE fills (
        venue text NOT NULL,
        order_id bigint NOT NULL,
        trade_id bigint NOT NULL,
        account text NOT NULL,
        symbol text NOT NULL,
        time bigint NOT NULL,
        row json NOT NULL,
        PRIMARY KEY (venue, order_id, trade_id)
    )
    """,
    "CREATE INDEX fills_of_account ON fills (account, venue, symbol, trade_id)",
    """
    CREATE TABLE incomes (
        tran_id bigint PRIMARY KEY,
        account text NOT NULL,
        symbol text NOT NULL,
        kind text NOT NULL,
        time bigint NOT NULL,
        row json NOT NULL
    )
    """,
    "CREATE INDEX incomes_of_account ON incomes (account, time)",
    """
    -- `row` is of `count` seconds; one that a crash has cut off has fewer than 60.
    CREATE TABLE minutes (
        venue text NOT NULL,
        symbol text NOT NULL,
        open_time bigint NOT NULL,
        count smallint NOT NULL,
        first_id bigint NOT NULL,
        row bigint[] NOT NULL,
        seconds bytea NOT NULL,
        PRIMARY KEY (venue, symbol, open_time)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX minutes_by_time ON minutes (open_time)",
)


def upgrade() -> None:
    for sql in _TABLES:
        op.execute(sql)


def downgrade() -> None:
    op.execute(
        "DROP TABLE minutes, incomes, fills, orders, instruments, positions, balances, settings, accounts, exchange"
    )
