"""Runs migrations on the connection it is handed, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from controlplane.io.sql.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite changes a column by copying its table
)
with context.begin_transaction():
    context.run_migrations()
