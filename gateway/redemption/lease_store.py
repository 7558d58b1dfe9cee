"""Who works on a redemption now, and when it is looked at again.

A lease is judged by the database's clock, on which all processes agree; `due` goes by the process's own, which decides
only when somebody looks.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import clock_of, database_now, lasting
from config.prepared import Prepared
from config.types import Instant
from gateway.redemption.records import Redemption
from gateway.redemption.states import State
from gateway.redemption.tables import redemptions


def due(connection: Connection, now: datetime, limit: int, per_partner: int) -> list[tuple[str, str]]:
    """List (id, partner) of redemptions whose time has come and that nobody is working on, oldest first.

    No partner gets more than its share, so that one that hangs does not keep the others' members waiting. A state that
    only a later version of the code knows is left to that.
    """
    place = sa.func.row_number().over(
        partition_by=redemptions.c.partner, order_by=(redemptions.c.next_action_at, redemptions.c.id)
    )
    waiting = (
        sa.select(redemptions.c.id, redemptions.c.partner, redemptions.c.next_action_at, place.label("place"))
        .where(redemptions.c.next_action_at <= now, redemptions.c.state.in_(list(State)), _not_leased(connection))
        .subquery()
    )
    query = (
        sa.select(waiting.c.id, waiting.c.partner)
        .where(waiting.c.place <= per_partner)
        .order_by(waiting.c.next_action_at, waiting.c.id)
        .limit(limit)
    )
    return [(row.id, row.partner) for row in connection.execute(query)]


def put_off(connection: Connection, redemption_id: str, now: datetime, until: datetime) -> None:
    """Look again later at a redemption that is due and cannot be worked on, so that it does not block the others."""
    connection.execute(
        redemptions.update()
        .where(redemptions.c.id == redemption_id, redemptions.c.next_action_at <= now)
        .values(next_action_at=until)
    )


def hasten(connection: Connection, partner: str, now: datetime, at_most: int | None = None) -> int:
    """Look now at what a partner has to decide and nobody knows; answers how much that is.

    The sweeper takes a few at once, so that a partner that has just come back is not run over. What another
    transaction has locked is being worked on: to wait for it would hold the others meanwhile, and could end in two
    that wait for each other.

    Args:
        at_most: so many of those that are to be looked at soonest; None: all.
    """
    undecided = sa.select(redemptions.c.id).where(
        redemptions.c.partner == partner,
        redemptions.c.state.in_([State.UNKNOWN.value, State.CANCELLING.value]),
        redemptions.c.next_action_at > now,
    )
    if at_most is not None:
        undecided = undecided.where(_not_leased(connection)).order_by(redemptions.c.next_action_at).limit(at_most)
    chosen = undecided.with_for_update(skip_locked=True).cte("chosen")  # a CTE, so that it is surely run once
    soon = redemptions.update().where(redemptions.c.id.in_(sa.select(chosen.c.id))).values(next_action_at=now)
    return connection.execute(soon).rowcount


def _not_leased(connection: Connection) -> sa.ColumnElement[bool]:
    return sa.or_(redemptions.c.lease_until.is_(None), redemptions.c.lease_until <= database_now(connection))


def take(connection: Connection, redemption: Redemption, owner: str, duration: timedelta) -> bool:
    """Make this call the only one that works on a redemption; False when another holds a live lease.

    Judged by the database's clock (several processes agree on it), guarded by the version. The owner is new for each
    run of the engine over a redemption, so that a paused worker does not mistake a later lease for its own.
    """
    return (
        _TAKE.change(
            connection,
            wanted=redemption.id,
            before=redemption.version,
            lease_owner=owner,
            duration=lasting(connection, duration),
        )
        == 1
    )


def _taking(dialect: str) -> sa.Executable:
    """Judge and write by the database's clock in one statement."""
    now, until = clock_of(dialect)
    lease = redemptions.c
    free = sa.or_(
        lease.lease_until.is_(None), lease.lease_until <= now, lease.lease_owner == sa.bindparam("lease_owner")
    )
    return (
        redemptions.update()
        .where(lease.id == sa.bindparam("wanted"), lease.version == sa.bindparam("before"), free)
        .values(lease_owner=sa.bindparam("lease_owner"), lease_until=until)
    )


_TAKE = Prepared(_taking)


def release(connection: Connection, ordered: Redemption, owner: str, next_action_at: datetime | None) -> None:
    """Give a lease back without a change of state, and say when to look again.

    Args:
        connection: of the transaction that records what the call led to.
        ordered: as it was when the call was ordered; whoever woke the redemption since then is not overruled.
        owner: whose lease it is.
        next_action_at: None when it rests.
    """
    redemption = redemptions.c
    woken = redemption.next_action_at != ordered.next_action_at
    if ordered.withdrawal_asked_at is None:
        woken = sa.or_(woken, redemption.withdrawal_asked_at.is_not(None))
    connection.execute(
        redemptions.update()
        .where(redemption.id == ordered.id, redemption.lease_owner == owner)
        .values(
            lease_owner=None,
            lease_until=None,
            next_action_at=sa.case((woken, redemption.next_action_at), else_=sa.literal(next_action_at, Instant())),
        )
    )
