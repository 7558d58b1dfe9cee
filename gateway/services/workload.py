"""What waits at a partner: undecided redemptions, callbacks that were not worked off yet, and those that are dead."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.edge_tables import webhook_inbox
from gateway.redemption.tables import UNDECIDED, redemptions


class Workload(msgspec.Struct, frozen=True):
    """Counts, and since when the oldest undecided redemption waits."""

    undecided: dict[str, int]
    oldest_undecided_at: datetime | None
    callbacks_waiting: int
    callbacks_dead: int


def workload(connection: Connection, partner: str) -> Workload:
    """Count what waits at a partner."""
    rows = connection.execute(
        sa.select(redemptions.c.state, sa.func.count(), sa.func.min(redemptions.c.requested_at))
        .where(redemptions.c.partner == partner, UNDECIDED)
        .group_by(redemptions.c.state)
    ).all()
    counted = connection.execute(
        sa.select(webhook_inbox.c.state, sa.func.count())
        .where(webhook_inbox.c.partner == partner)
        .group_by(webhook_inbox.c.state)
    )
    callbacks: dict[str, int] = {state: count for state, count in counted}  # noqa: C416
    return Workload(
        undecided={state: count for state, count, _ in sorted(rows)},
        oldest_undecided_at=min((oldest for _, _, oldest in rows), default=None),
        callbacks_waiting=callbacks.get("waiting", 0),
        callbacks_dead=callbacks.get("dead", 0),
    )
