"""Fills that an exchange takes several fees for: those beyond the first, a JSON array of {"amount", "currency"}."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE trades ADD COLUMN further_fees jsonb")


def downgrade() -> None:
    op.execute("ALTER TABLE trades DROP COLUMN further_fees")
