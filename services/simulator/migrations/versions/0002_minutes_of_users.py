"""In which minutes of live candles a user traded: these are kept, the others are given up some day."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Nobody knows it of the minutes that are there.
    op.execute("ALTER TABLE minutes ADD COLUMN by_user boolean NOT NULL DEFAULT true")
    op.execute("DROP INDEX minutes_by_time")
    op.execute("CREATE INDEX minutes_by_time ON minutes (open_time, by_user)")


def downgrade() -> None:
    op.execute("DROP INDEX minutes_by_time")
    op.execute("ALTER TABLE minutes DROP COLUMN by_user")
    op.execute("CREATE INDEX minutes_by_time ON minutes (open_time)")
