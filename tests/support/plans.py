"""How SQLite would run what an operation asks: a statement that runs once a row must not look at every row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection


def plans(connection: Connection, operation: Callable[[Connection], object]) -> dict[str, list[str]]:
    """Run an operation on SQLite; answer the plan of each select that SQLAlchemy sent, outermost loop first."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    sa.event.listen(connection, "before_cursor_execute", note)
    try:
        operation(connection)
    finally:
        sa.event.remove(connection, "before_cursor_execute", note)
    return {
        statement: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        for statement, parameters in asked
    }
