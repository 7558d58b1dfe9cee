"""Alembic's entry: runs the migrations on the connection that `config.migrate` hands over."""

from __future__ import annotations

from alembic import context

from config.database import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=False)
context.run_migrations()
