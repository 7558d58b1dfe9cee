"""What tells of a change: its row in the history and its row in the outbox, in the change's own transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from config.prepared import Prepared, inserting
from gateway.redemption.states import State
from gateway.redemption.tables import outbox, redemption_history

DETAIL_LENGTH = 255


_HISTORY = Prepared(inserting(redemption_history))
_OUTBOX = Prepared(inserting(outbox))


def _telling(_dialect: str) -> sa.Executable:
    """Write both rows by one statement, for PostgreSQL."""
    history: dict[str, Any] = {column.key: sa.bindparam(f"history_{column.key}") for column in redemption_history.c}
    told = sa.insert(redemption_history).values(history).inline().cte("told")
    return inserting(outbox).add_cte(told)


_TELLING = Prepared(_telling)


def tell(
    connection: Connection, redemption_id: str, version: int, event: str, state: State, detail: str | None, at: datetime
) -> None:
    """Write the history row and the outbox row of a change."""
    history = {
        "redemption_id": redemption_id,
        "version": version,
        "event": event,
        "state": state.value,
        "detail": None if detail is None else detail[:DETAIL_LENGTH],
        "happened_at": at,
    }
    message = {
        "id": f"evt_{redemption_id.partition('_')[2]}_{version}",
        "aggregate_id": redemption_id,
        "seq": version,
        "type": f"redemption.{state.value}",
        "payload": {"redemption_id": redemption_id, "state": state.value},
        "created_at": at,
    }
    if connection.dialect.name == "postgresql":
        _TELLING.change(connection, **message, **{f"history_{name}": value for name, value in history.items()})
        return
    _HISTORY.change(connection, **history)
    _OUTBOX.change(connection, **message)
