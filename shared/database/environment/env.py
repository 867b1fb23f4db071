"""Alembic's entry: run the migrations of one schema on the connection that `shared.database.migrate` opened."""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table_schema=attributes["schema"],
    # One transaction for all: a start that is killed half-way leaves the schema as it was.
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
