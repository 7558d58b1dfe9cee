"""What a later version of the code writes: words and fields that this one does not know, past its constraints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.redemption.tables import attempts, redemption_history, redemptions, reversals

LATER = "verifying"
"""A word that no column knows."""

Writing = Callable[[Connection], object]


def any_word(connection: Connection, *tables: sa.Table) -> None:
    """Let columns hold any word, as a later version's migration would let them hold one more."""
    if connection.dialect.name == "sqlite":
        connection.execute(sa.text("PRAGMA ignore_check_constraints = ON"))
        return
    of_table = sa.text("SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = CAST(:name AS regclass)")
    for table in tables:
        for name in connection.execute(of_table, {"name": table.name}).scalars().all():
            connection.execute(sa.text(f"ALTER TABLE {table.name} DROP CONSTRAINT {name}"))


def change(table: sa.Table, row_id: str, **values: Any) -> Writing:
    """Write to a row, or the rows of a redemption, what a later version would."""
    own = table.c.id if "id" in table.c else table.c.redemption_id
    return lambda connection: connection.execute(table.update().where(own == row_id).values(**values))


def widen(table: sa.Table, column: str, row_id: str, **fields: Any) -> Writing:
    """Change fields of a document, as a later version would; by default it knows one more."""

    def operation(connection: Connection) -> object:
        document = connection.execute(sa.select(table.c[column]).where(table.c.id == row_id)).scalar_one()
        return change(table, row_id, **{column: {**document, **(fields or {"pets": 2})}})(connection)

    return operation


def kept(redemption_id: str, connection: Connection) -> list[Any]:
    """Read all that is kept of a redemption, but when somebody looks next."""
    own = [column for column in redemptions.c if column.name != "next_action_at"]
    rows = list(connection.execute(sa.select(*own).where(redemptions.c.id == redemption_id)))
    for table in (redemption_history, attempts, reversals):
        columns = [column for column in table.c if column.name != "next_action_at"]
        rows += connection.execute(sa.select(*columns).where(table.c.redemption_id == redemption_id))
    return [tuple(row) for row in rows]
