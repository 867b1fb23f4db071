"""Where rates come from, once somebody has said so."""

from alembic import op

revision = "0002"
down_revision = "0001"

_ORACLE = """
-- No row: as the settings say.
CREATE TABLE rate_oracle (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    source text NOT NULL,
    quote_token text NOT NULL,
    quote_symbol text NOT NULL,
    version bigint NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


def upgrade() -> None:
    op.execute(_ORACLE)


def downgrade() -> None:
    op.execute("DROP TABLE rate_oracle")
