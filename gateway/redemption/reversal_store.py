"""Reversals as they are written down: operations of their own on a captured redemption (rule R10)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import database_now
from gateway.errors import TransitionError
from gateway.redemption.records import Redemption, Reversal
from gateway.redemption.states import REVERSAL_TRANSITIONS, ReversalState
from gateway.redemption.tables import outbox, reversals

PATIENCE = timedelta(hours=24)
"""How long an unanswered reversal is looked into before people decide."""

WHOLE = 1
"""The number of the reversal that undoes a redemption whole."""


def ask(
    connection: Connection,
    redemption: Redemption,
    *,
    quantity: int,
    reason: str,
    at: datetime,
    state: ReversalState = ReversalState.REQUESTED,
) -> bool:
    """Ask that a redemption be undone; False when that was asked before.

    Args:
        quantity: what of the captured quantity goes back to the member (less than all of it by a cancellation rule).
        state: APPLIED when the partner did it on its own (rule R13).
    """
    known = get(connection, redemption.id, WHOLE)
    if known is not None:
        return False
    connection.execute(
        reversals.insert().values(
            redemption_id=redemption.id,
            number=WHOLE,
            quantity=quantity,
            reason=reason,
            state=state.value,
            version=1,
            requested_at=at,
            deadline_at=at + PATIENCE,
            next_action_at=at if state is ReversalState.REQUESTED else None,
            tries=0,
        )
    )
    return True


def get(connection: Connection, redemption_id: str, number: int) -> Reversal | None:
    """Read a reversal."""
    row = (
        connection.execute(
            sa.select(reversals).where(reversals.c.redemption_id == redemption_id, reversals.c.number == number)
        )
        .mappings()
        .one_or_none()
    )
    return None if row is None else Reversal(**{**row, "state": ReversalState(row["state"])})


def lock(connection: Connection, redemption_id: str, number: int) -> None:
    """Take the row for this transaction; SQLite's write transaction has taken everything already."""
    if connection.dialect.name != "sqlite":
        connection.execute(
            sa.select(reversals.c.number)
            .where(reversals.c.redemption_id == redemption_id, reversals.c.number == number)
            .with_for_update()
        )


def due(connection: Connection, now: datetime, limit: int) -> list[tuple[str, int]]:
    """List reversals whose time has come and that nobody is working on."""
    query = (
        sa.select(reversals.c.redemption_id, reversals.c.number)
        .where(reversals.c.next_action_at <= now, _not_leased(connection))
        .order_by(reversals.c.next_action_at, reversals.c.redemption_id)
        .limit(limit)
    )
    return [(row.redemption_id, row.number) for row in connection.execute(query)]


def _not_leased(connection: Connection) -> sa.ColumnElement[bool]:
    return sa.or_(reversals.c.lease_until.is_(None), reversals.c.lease_until <= database_now(connection))


def take_lease(connection: Connection, reversal: Reversal, owner: str, duration: timedelta) -> bool:
    """Make this call the only one that works on a reversal; see `gateway.redemption.store.take_lease`."""
    changed = connection.execute(
        reversals.update()
        .where(_is(reversal), _not_leased(connection))
        .values(lease_owner=owner, lease_until=database_now(connection) + duration)
    )
    return changed.rowcount == 1


def move(connection: Connection, reversal: Reversal, state: ReversalState, *, at: datetime, **changes: Any) -> Reversal:
    """Make one guarded transition; terminal ones tell of it in the outbox.

    Raises:
        TransitionError: there is no such transition, or the row has moved on: drop the result.
    """
    if (reversal.state, state) not in REVERSAL_TRANSITIONS:
        raise TransitionError(f"A reversal that is {reversal.state} does not become {state}.")
    changed = connection.execute(
        reversals.update().where(_is(reversal)).values(state=state.value, version=reversal.version + 1, **changes)
    )
    if changed.rowcount != 1:
        raise TransitionError(f"The reversal of {reversal.redemption_id} has moved on.")
    if state in {ReversalState.APPLIED, ReversalState.REFUSED, ReversalState.MANUAL}:
        tell(connection, reversal, state, at)
    moved = get(connection, reversal.redemption_id, reversal.number)
    assert moved is not None
    return moved


def release(connection: Connection, reversal: Reversal, **changes: Any) -> None:
    """Give the lease back without a change of state, and say when to look again."""
    connection.execute(reversals.update().where(_is(reversal)).values(**changes))


def tell(connection: Connection, reversal: Reversal, state: ReversalState, at: datetime) -> None:
    """Write the event of an ended reversal."""
    aggregate = f"{reversal.redemption_id}:reverse:{reversal.number}"
    connection.execute(
        outbox.insert().values(
            id=f"evt_{reversal.redemption_id.partition('_')[2]}_r{reversal.number}_{reversal.version}",
            aggregate_id=aggregate,
            seq=reversal.version + 1,
            type=f"reversal.{state.value}",
            payload={"redemption_id": reversal.redemption_id, "state": state.value},
            created_at=at,
        )
    )


def _is(reversal: Reversal) -> sa.ColumnElement[bool]:
    return sa.and_(
        reversals.c.redemption_id == reversal.redemption_id,
        reversals.c.number == reversal.number,
        reversals.c.version == reversal.version,
    )
