"""Orders, trades, balances, the states of sessions, and the tables that every schema has.

Money is `numeric`, which keeps every digit. An order's exchange id is unique within a pair of an account at most.
"""

from alembic import op

from shared.database import tables

revision = "0001"
down_revision = None

_ORDERS = (
    """
    -- `phase` says what is certain about the exchange; see orders/state_machine.py for it and for the two fills:
    -- `reported_…` is what the exchange says of the order, `traded_…` the sum of its recorded trades.
    CREATE TABLE orders (
        client_order_id text PRIMARY KEY,
        account_name text NOT NULL,
        connector_name text NOT NULL,
        trading_pair text NOT NULL,
        trade_type text NOT NULL,
        order_type text NOT NULL,
        position_action text NOT NULL,
        amount numeric NOT NULL,
        price numeric,
        status text NOT NULL,
        phase text NOT NULL,
        filled_amount numeric NOT NULL DEFAULT 0,
        average_fill_price numeric,
        fee_paid numeric,
        fee_currency text,
        exchange_order_id text,
        error_message text,
        reported_amount numeric NOT NULL DEFAULT 0,
        reported_price numeric,
        traded_amount numeric NOT NULL DEFAULT 0,
        traded_value numeric NOT NULL DEFAULT 0,
        sent_ms bigint NOT NULL,
        receive_window_ms bigint NOT NULL,
        request_hash bytea NOT NULL,
        epoch bigint NOT NULL,
        version bigint NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX orders_newest ON orders (created_at DESC, client_order_id DESC)",
    "CREATE INDEX orders_of_account ON orders (account_name, created_at DESC, client_order_id DESC)",
    """
    CREATE INDEX orders_active ON orders (account_name, connector_name)
    WHERE status NOT IN ('FILLED', 'CANCELLED', 'FAILED')
    """,
    """
    CREATE INDEX orders_lacking_trades ON orders (account_name, connector_name)
    WHERE traded_amount < reported_amount
    """,
    """
    CREATE INDEX orders_by_exchange ON orders (account_name, connector_name, exchange_order_id)
    WHERE exchange_order_id IS NOT NULL
    """,
)

_TRADES = (
    """
    -- `trade_id` is `<account>:<connector>:<pair>:<the exchange's id>`; `order_id` is the client order id.
    CREATE TABLE trades (
        trade_id text PRIMARY KEY,
        order_id text NOT NULL REFERENCES orders,
        account_name text NOT NULL,
        connector_name text NOT NULL,
        trading_pair text NOT NULL,
        trade_type text NOT NULL,
        amount numeric NOT NULL,
        price numeric NOT NULL,
        fee_paid numeric NOT NULL,
        fee_currency text,
        at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX trades_newest ON trades (at DESC, trade_id DESC)",
    "CREATE INDEX trades_of_account ON trades (account_name, at DESC, trade_id DESC)",
    "CREATE INDEX trades_of_order ON trades (order_id)",
)

_SESSIONS = (
    """
    -- `balances` is a JSON array of {"token", "units", "available_units"}, amounts as text, sorted by token.
    CREATE TABLE balances (
        account_name text NOT NULL,
        connector_name text NOT NULL,
        balances jsonb NOT NULL,
        at timestamptz NOT NULL,
        version bigint NOT NULL,
        PRIMARY KEY (account_name, connector_name)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE sessions (
        account_name text NOT NULL,
        connector_name text NOT NULL,
        state text NOT NULL,
        since timestamptz NOT NULL,
        reason text NOT NULL DEFAULT '',
        version bigint NOT NULL,
        silent_since timestamptz,
        PRIMARY KEY (account_name, connector_name)
    )
    """,
)


def upgrade() -> None:
    for sql in (tables.outbox(), tables.idempotency(), tables.leases(), *_ORDERS, *_TRADES, *_SESSIONS):
        op.execute(sql)


def downgrade() -> None:
    op.execute("DROP TABLE sessions, balances, trades, orders, leases, idempotency, relay, outbox")
