"""What waits, at a partner or anywhere: undecided redemptions, callbacks that were not worked off or are dead."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.edge_tables import webhook_inbox
from gateway.operations.tables import alarms
from gateway.redemption.tables import UNDECIDED, redemptions
from settlement.tables import frozen_accounts


class Standing(msgspec.Struct, frozen=True):
    """What waits anywhere.

    Undecided redemptions by partner and state, and since when the oldest of each partner waits; how many are past their
    deadline; callbacks by partner and state, without those that are done; alarms by kind, repeats counted; accounts
    that are stopped.
    """

    undecided: dict[tuple[str, str], int]
    oldest_undecided_at: dict[str, datetime]
    overdue: dict[str, int]
    callbacks: dict[tuple[str, str], int]
    alarms: dict[str, int]
    frozen_accounts: int


def standing(connection: Connection, now: datetime) -> Standing:
    """Count what waits anywhere, over indexes of what waits only, and the alarms there were: a row for each subject."""
    row, callback = redemptions.c, webhook_inbox.c
    is_late = sa.func.sum(sa.case((row.cancel_deadline_at <= now, 1), else_=0))
    undecided = connection.execute(
        sa.select(row.partner, row.state, sa.func.count().label("found"), sa.func.min(row.requested_at), is_late)
        .where(UNDECIDED)
        .group_by(row.partner, row.state)
    ).all()
    callbacks = connection.execute(
        sa.select(callback.partner, callback.state, sa.func.count())
        .where(callback.state.in_(["waiting", "dead"]))
        .group_by(callback.partner, callback.state)
    )
    raised = connection.execute(sa.select(alarms.c.kind, sa.func.sum(alarms.c.times)).group_by(alarms.c.kind))
    frozen = sa.select(sa.func.count()).where(frozen_accounts.c.released_at.is_(None))
    oldest: dict[str, datetime] = {}
    late: Counter[str] = Counter()
    for partner, _, _, since, overdue in undecided:
        oldest[partner] = min(since, oldest.get(partner, since))
        late[partner] += int(overdue)
    return Standing(
        undecided={(partner, state): found for partner, state, found, _, _ in undecided},
        oldest_undecided_at=oldest,
        overdue=dict(late),
        callbacks={(partner, state): found for partner, state, found in callbacks},
        alarms={kind: int(times) for kind, times in raised},
        frozen_accounts=connection.execute(frozen).scalar_one(),
    )


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
