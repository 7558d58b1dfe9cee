"""What tells of a change: its row in the history and its row in the outbox, in the change's own transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from config.prepared import Prepared, inserting
from gateway.redemption.records import Redemption
from gateway.redemption.tables import outbox, redemption_history

DETAIL_LENGTH = 255
_HISTORY = Prepared(inserting(redemption_history))
_OUTBOX = Prepared(inserting(outbox))


def tell(connection: Connection, redemption: Redemption, event: str, detail: str | None, at: datetime) -> None:
    """Write both rows of what has happened to a redemption, which stands as it does after it."""
    state, version = redemption.state.value, redemption.version
    _HISTORY.later(
        connection,
        redemption_id=redemption.id,
        version=version,
        event=event,
        state=state,
        detail=None if detail is None else detail[:DETAIL_LENGTH],
        happened_at=at,
    )
    _OUTBOX.later(
        connection,
        id=f"evt_{redemption.id.partition('_')[2]}_{version}",
        aggregate_id=redemption.id,
        seq=version,
        type=f"redemption.{state}",
        payload={"redemption_id": redemption.id, "state": state},
        created_at=at,
    )
