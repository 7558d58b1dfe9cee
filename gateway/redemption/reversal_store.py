"""Reversals as they are written down: operations of their own on a captured redemption (rule R10).

A redemption is undone at most once: a refused undoing may be followed by another. Beside it points may be given back in
parts while the benefit stands. Each has the next number and keys of its own, and all together never give back more than
was taken.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import database_now
from config.prepared import Prepared
from config.words import known
from gateway.errors import TransitionError
from gateway.redemption.records import Redemption, Reversal
from gateway.redemption.states import REVERSAL_TRANSITIONS, ReversalState
from gateway.redemption.tables import itineraries, outbox, redemptions, reversals

PATIENCE = timedelta(hours=24)
"""How long an unanswered reversal is looked into before people decide."""


def ask(
    connection: Connection,
    redemption: Redemption,
    *,
    quantity: int,
    reason: str,
    at: datetime,
    state: ReversalState = ReversalState.REQUESTED,
    head_start: timedelta = timedelta(),
    undoes: bool = True,
) -> Reversal | None:
    """Ask that a redemption be undone; None when that is under way or done. The caller has locked the redemption.

    Never more is given back than is left: what other reversals gave or may still give back is taken off.

    Args:
        connection: of a writing transaction.
        redemption: the captured one.
        quantity: what of the captured quantity goes back to the member (less than all of it by a cancellation rule).
        reason: a word for operators and the member.
        at: now.
        state: APPLIED when the partner did it on its own (rule R13): the member is told.
        head_start: how long the sweeper leaves it to the request that asks.
        undoes: False when only points go back and the benefit stands.
    """
    if undoes and standing(connection, redemption.id) is not None:
        return None
    number = len(of_redemption(connection, redemption.id)) + 1
    connection.execute(
        reversals.insert().values(
            redemption_id=redemption.id,
            number=number,
            quantity=min(quantity, left(connection, redemption)),
            undoes=undoes,
            reason=reason,
            state=state.value,
            version=1,
            requested_at=at,
            deadline_at=at + PATIENCE,
            next_action_at=at + head_start if state is ReversalState.REQUESTED else None,
            tries=0,
        )
    )
    asked = get(connection, redemption.id, number)
    assert asked is not None
    if state is ReversalState.APPLIED:
        tell(connection, asked, state, at)
    return asked


def get(connection: Connection, redemption_id: str, number: int) -> Reversal | None:
    """Read a reversal."""
    return next((one for one in of_redemption(connection, redemption_id) if one.number == number), None)


_OF_REDEMPTION = Prepared(
    sa.select(reversals).where(reversals.c.redemption_id == sa.bindparam("wanted")).order_by(reversals.c.number)
)


def of_redemption(connection: Connection, redemption_id: str) -> list[Reversal]:
    """List the reversals of a redemption, first to last."""
    rows = _OF_REDEMPTION.named(connection, wanted=redemption_id)
    return [_from_row(row) for row in rows]


def _from_row(row: dict[str, Any]) -> Reversal:
    state = known(ReversalState, row["state"])
    return Reversal(**row | {"state": state or ReversalState.UNKNOWN}, newer=state is None)


def left(connection: Connection, redemption: Redemption) -> int:
    """Answer what of a redemption's quantity no reversal has given back or may still give back."""
    asked = of_redemption(connection, redemption.id)
    return redemption.quote.quantity - sum(one.quantity for one in asked if one.state is not ReversalState.REFUSED)


def standing(connection: Connection, redemption_id: str) -> Reversal | None:
    """Find the undoing that is under way or applied; None when there is none but refused ones."""
    return _standing(of_redemption(connection, redemption_id))


def later_leg_is_asked(connection: Connection, redemption: Redemption) -> bool:
    """Say whether a later leg of an all_or_nothing trip is to be undone and has not been answered once.

    Legs are undone in the reverse of the order they were submitted in; one whose answer was lost holds up no other.
    """
    if redemption.itinerary_id is None:
        return False
    unanswered = [ReversalState.REQUESTED.value, ReversalState.SUBMITTING.value]
    query = (
        sa.select(reversals.c.number)
        .join(redemptions, redemptions.c.id == reversals.c.redemption_id)
        .join(itineraries, itineraries.c.id == redemptions.c.itinerary_id)
        .where(redemptions.c.itinerary_id == redemption.itinerary_id, redemptions.c.leg > redemption.leg)
        .where(itineraries.c.policy == "all_or_nothing")
        .where(reversals.c.undoes, reversals.c.tries == 0, reversals.c.state.in_(unanswered))
    )
    return connection.execute(query.limit(1)).first() is not None


def wake_earlier_legs(connection: Connection, redemption: Redemption, at: datetime) -> None:
    """Let the undoing of earlier legs of a trip go on now."""
    if redemption.itinerary_id is None:
        return
    earlier = sa.select(redemptions.c.id).where(
        redemptions.c.itinerary_id == redemption.itinerary_id, redemptions.c.leg < redemption.leg
    )
    waiting = sa.and_(reversals.c.state == ReversalState.REQUESTED.value, reversals.c.tries == 0)
    mine = reversals.c.redemption_id.in_(earlier)
    connection.execute(reversals.update().where(mine, waiting).values(next_action_at=at))


def latest(connection: Connection, redemption_id: str) -> Reversal | None:
    """Find the undoing to tell of: the one under way or applied, else the last that was refused."""
    found = [one for one in of_redemption(connection, redemption_id) if one.undoes]
    return _standing(found) or (found[-1] if found else None)


def _standing(found: list[Reversal]) -> Reversal | None:
    return next((one for one in found if one.undoes and one.state is not ReversalState.REFUSED), None)


def due(connection: Connection, now: datetime, limit: int) -> list[tuple[str, int]]:
    """List reversals whose time has come and that nobody is working on."""
    query = (
        sa.select(reversals.c.redemption_id, reversals.c.number)
        .where(reversals.c.next_action_at <= now, reversals.c.state.in_(list(ReversalState)), _not_leased(connection))
        .order_by(reversals.c.next_action_at, reversals.c.redemption_id)
        .limit(limit)
    )
    return [(row.redemption_id, row.number) for row in connection.execute(query)]


def put_off(connection: Connection, redemption_id: str, number: int, now: datetime, until: datetime) -> None:
    """Look again later at a reversal that is due and cannot be worked on, so that it does not block the others."""
    mine = sa.and_(reversals.c.redemption_id == redemption_id, reversals.c.number == number)
    connection.execute(reversals.update().where(mine, reversals.c.next_action_at <= now).values(next_action_at=until))


def _not_leased(connection: Connection) -> sa.ColumnElement[bool]:
    return sa.or_(reversals.c.lease_until.is_(None), reversals.c.lease_until <= database_now(connection))


def take_lease(connection: Connection, reversal: Reversal, owner: str, duration: timedelta) -> bool:
    """Make this call the only one that works on a reversal; see `gateway.redemption.lease_store.take`."""
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
    moved = get(connection, reversal.redemption_id, reversal.number)
    assert moved is not None
    if state in {ReversalState.APPLIED, ReversalState.REFUSED, ReversalState.MANUAL}:
        tell(connection, moved, state, at)
    return moved


def release(connection: Connection, reversal: Reversal, **changes: Any) -> None:
    """Give the lease back without a change of state, and say when to look again."""
    connection.execute(reversals.update().where(_is(reversal)).values(**changes))


def tell(connection: Connection, reversal: Reversal, state: ReversalState, at: datetime) -> None:
    """Write the event of an ended reversal."""
    connection.execute(
        outbox.insert().values(
            id=f"evt_{reversal.redemption_id.partition('_')[2]}_r{reversal.number}_{reversal.version}",
            aggregate_id=f"{reversal.redemption_id}:reverse:{reversal.number}",
            seq=reversal.version,
            type=f"reversal.{state.value}",
            payload={"redemption_id": reversal.redemption_id, "state": state.value, "reason": reversal.reason},
            created_at=at,
        )
    )


def _is(reversal: Reversal) -> sa.ColumnElement[bool]:
    return sa.and_(
        reversals.c.redemption_id == reversal.redemption_id,
        reversals.c.number == reversal.number,
        reversals.c.version == reversal.version,
        reversals.c.state == reversal.state.value,
    )
