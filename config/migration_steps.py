"""What a migration does to a table that may be large and in use, so that nobody has to wait for it."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

LOCK_MILLISECONDS = 300
"""How long a migration waits for a lock: whoever wants the table meanwhile stands in line behind it."""


def index(name: str, table: str, columns: Sequence[str | sa.TextClause], *, where: sa.TextClause | None = None) -> None:
    """Index a table that an earlier migration made; in its revision this comes before everything else.

    On PostgreSQL the index of a table in use is built while others write, which no transaction can hold: what was begun
    and not finished is dropped and begun again, so a revision that was interrupted may simply be run once more.
    """
    context = op.get_context()
    if not context.opts.get("in_use"):
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
        return
    with context.autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for transactions that are open, and nobody waits for it
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_where=where, postgresql_concurrently=True)
        op.execute(f"SET lock_timeout = {LOCK_MILLISECONDS}")
