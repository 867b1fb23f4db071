"""The shared tables, and what the ledger keeps of its own."""

from alembic import op

from shared.database import tables
from tests.stand_ins.ledger.schema import EFFECTS, ENTRIES

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(tables.outbox())
    op.execute(tables.idempotency())
    op.execute(tables.inbox())
    op.execute(tables.leases())
    op.execute(ENTRIES)
    op.execute(EFFECTS)
