"""What the exchange says of the keys of a credential, which writing of its values that is about, and who asks it."""

from alembic import op

from shared.database import tables

revision = "0002"
down_revision = "0001"

_REVISIONS = (
    "CREATE SEQUENCE credential_revisions",
    # The default is volatile, so each row that exists gets a number of its own.
    "ALTER TABLE credentials ADD COLUMN revision bigint NOT NULL DEFAULT nextval('credential_revisions')",
    "ALTER SEQUENCE credential_revisions OWNED BY credentials.revision",
    "ALTER TABLE credentials ADD COLUMN rejected boolean NOT NULL DEFAULT false",
)


def upgrade() -> None:
    for sql in (tables.leases(), *_REVISIONS):
        op.execute(sql)


def downgrade() -> None:
    op.execute("ALTER TABLE credentials DROP COLUMN revision, DROP COLUMN rejected")
    op.execute("DROP TABLE leases")
