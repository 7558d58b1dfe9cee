"""What tells of a change: its row in the history and its row in the outbox, in the change's own transaction.

On PostgreSQL, where each statement is a way over the socket, both rows are written by the statement that makes the
change, out of what it answers.
"""

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


def told_by(changed: sa.CTE) -> tuple[sa.CTE, sa.CTE]:
    """Give the two parts that tell of the one row of ``changed`` (id, version and state), if there is one.

    They take the values of `words`.
    """

    def of(table: sa.Table, name: str, column: str) -> sa.BindParameter[Any]:
        return sa.bindparam(f"told_{name}", type_=table.c[column].type)

    own = changed.c
    event, detail = of(redemption_history, "event", "event"), of(redemption_history, "detail", "detail")
    kind, payload, at = of(outbox, "type", "type"), of(outbox, "payload", "payload"), of(outbox, "at", "created_at")
    history = sa.select(own.id, own.version, event, own.state, detail, at)
    message = sa.select(of(outbox, "id", "id"), own.id, own.version, kind, payload, at)
    columns = ["redemption_id", "version", "event", "state", "detail", "happened_at"]
    told = sa.insert(redemption_history).from_select(columns, history, include_defaults=False).cte("told")
    columns = ["id", "aggregate_id", "seq", "type", "payload", "created_at"]
    sent = sa.insert(outbox).from_select(columns, message, include_defaults=False).cte("sent")
    return told, sent


def words(
    redemption_id: str, version: int, event: str, state: State, detail: str | None, at: datetime
) -> dict[str, Any]:
    """Write what is told of a change as the parts of `told_by` take it."""
    return {
        "told_event": event,
        "told_detail": None if detail is None else detail[:DETAIL_LENGTH],
        "told_at": at,
        "told_id": f"evt_{redemption_id.partition('_')[2]}_{version}",
        "told_type": f"redemption.{state.value}",
        "told_payload": {"redemption_id": redemption_id, "state": state.value},
    }


def tell(connection: Connection, redemption_id: str, version: int, state: State, said: dict[str, Any]) -> None:
    """Write both rows by statements of their own, for SQLite; ``said`` is what `words` made."""
    _HISTORY.change(
        connection,
        redemption_id=redemption_id,
        version=version,
        event=said["told_event"],
        state=state.value,
        detail=said["told_detail"],
        happened_at=said["told_at"],
    )
    _OUTBOX.change(
        connection,
        id=said["told_id"],
        aggregate_id=redemption_id,
        seq=version,
        type=said["told_type"],
        payload=said["told_payload"],
        created_at=said["told_at"],
    )
