"""Candles with what is known of each series, and the tables that every schema with events has."""

from alembic import op

from shared.database import tables

revision = "0001"
down_revision = None

_CANDLES = (
    """
    -- `covered`: opening times, in ms, of which all that the exchange has stands in `candles`. Whoever writes candles
    -- of a series holds its row, and a candle lies in what is covered: none is written twice.
    CREATE TABLE candle_series (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        connector_name text NOT NULL,
        trading_pair text NOT NULL,
        candle_interval text NOT NULL,
        covered int8multirange NOT NULL DEFAULT '{}',
        UNIQUE (connector_name, trading_pair, candle_interval)
    )
    """,
    """
    CREATE TABLE candles (
        series_id integer NOT NULL,
        open_time bigint NOT NULL,
        open float8 NOT NULL,
        high float8 NOT NULL,
        low float8 NOT NULL,
        close float8 NOT NULL,
        volume float8 NOT NULL,
        quote_asset_volume float8 NOT NULL,
        n_trades float8 NOT NULL,
        taker_buy_base_volume float8 NOT NULL,
        taker_buy_quote_volume float8 NOT NULL,
        PRIMARY KEY (series_id, open_time)
    )
    """,
)


def upgrade() -> None:
    for sql in (tables.outbox(), tables.idempotency(), tables.leases(), *_CANDLES):
        op.execute(sql)


def downgrade() -> None:
    op.execute("DROP TABLE candles, candle_series, leases, idempotency, relay, outbox")
