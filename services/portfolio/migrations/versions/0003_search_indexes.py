"""What people search by: the newest rows of a connector, of a pair and of a status. 200,000 rows took 50 to 150 ms."""

from alembic import op

revision = "0003"
down_revision = "0002"

_INDEXES = {
    "orders_of_connector": "orders (connector_name, created_at DESC, client_order_id DESC)",
    "orders_of_pair": "orders (trading_pair, created_at DESC, client_order_id DESC)",
    "orders_of_status": "orders (status, created_at DESC, client_order_id DESC)",
    "trades_of_connector": "trades (connector_name, at DESC, trade_id DESC)",
    "trades_of_pair": "trades (trading_pair, at DESC, trade_id DESC)",
}


def upgrade() -> None:
    for name, columns in _INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {columns}")


def downgrade() -> None:
    for name in _INDEXES:
        op.execute(f"DROP INDEX {name}")
