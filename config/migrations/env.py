"""Alembic's entry: runs the migrations on the connection that `config.migrate` hands over."""

from __future__ import annotations

from alembic import context

from config.database import metadata

given = context.config.attributes
context.configure(
    connection=given["connection"],
    target_metadata=metadata,
    render_as_batch=False,
    transaction_per_migration=True,
    in_use=given["in_use"],
)
context.run_migrations()
