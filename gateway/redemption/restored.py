"""Makes a database that was restored from an older backup safe to serve: nothing of the lost window is sent anew.

What the backup shows as HELD may have been sent after it was made, and what it shows as REQUESTED may have been asked
for. Both are written down as what a crash leaves: an attempt of which nobody knows the outcome. The plan then does what
the partner's powers allow: look up, fence, the same key again, or people. A quote that has no redemption may have had
one: whoever repeats his request would be granted it again under a new key, so unused quotes end.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.capabilities import LooksUp
from adapters.sdk.outcomes import Outcome
from config.errors import ConflictError, RuleError
from gateway.operations.switches import is_distrusted
from gateway.partners import ConnectedPartner
from gateway.redemption import attempt_store, reversal_store, store
from gateway.redemption.effects import Effects
from gateway.redemption.plan import Action, Powers, Situation, next_action
from gateway.redemption.records import Redemption, Reversal
from gateway.redemption.reversal_engine import CANCEL, attempt_name, operation_of
from gateway.redemption.states import Event, ReversalState, State
from gateway.redemption.tables import quotes, redemptions, reversals
from gateway.redemption.undoing import can_undo

RESTORED = "restored_from_backup"
"""The operation and code of the attempt that stands for what was lost, and the reason of what it moved."""

_UNUSED = ~sa.exists().where(redemptions.c.quote_id == quotes.c.id)


class Suspect(msgspec.Struct, frozen=True):
    """A redemption, or a reversal (``<redemption id>:reverse:<n>``), that may have been sent in the lost window.

    ``next_step``: an action of the plan, or the operation of a reversal; ``wait`` also while its partner is not
    connected.
    """

    id: str
    partner: str
    partner_key: str
    next_step: str


class Restored(msgspec.Struct, frozen=True):
    """What was, or would be, done. ``goes_on``: held at partners to which nothing is ever sent."""

    lost_since: datetime
    redemptions: tuple[Suspect, ...]
    reversals: tuple[Suspect, ...]
    goes_on: tuple[str, ...]
    quotes_ended: int


def make_safe(
    connection: Connection,
    *,
    partners: Mapping[str, ConnectedPartner],
    effects: Effects,
    lost_since: datetime,
    now: datetime,
    dry_run: bool = False,
) -> Restored:
    """Write down what may have been sent since a backup was made; again it changes nothing.

    All of it is one transaction: attempts, transitions with their history and outbox rows, and the ends of quotes.

    Args:
        connection: of a writing transaction; of any for a dry run.
        partners: the connected ones. Of what waits at another it is not known what that can tell: it waits as UNKNOWN.
        effects: say whether a leg of a trip has its turn.
        lost_since: the instant of the backup.
        now: aware, before anything is served.
        dry_run: only tell.

    Raises:
        RuleError: ``lost_since`` has not come yet.
        ConflictError: something was quoted or redeemed after it, so the database was served since, or it is too early.
    """
    _require_sense(connection, lost_since, now)
    sent, goes_on = [], []
    for redemption in _held(connection):
        connected = partners.get(redemption.partner)
        if connected is not None and connected.manifest.facts.issues_nothing:
            goes_on.append(redemption.id)
            continue
        action, deadline = _fate(connection, redemption, connected, effects, now)
        sent.append(Suspect(redemption.id, redemption.partner, redemption.partner_key, action.value))
        if not dry_run:
            _may_have_been_sent(connection, redemption, action, deadline, now)
    return Restored(
        lost_since=lost_since,
        redemptions=tuple(sent),
        reversals=_reversals(connection, partners, now, dry_run=dry_run),
        goes_on=tuple(goes_on),
        quotes_ended=_end_quotes(connection, now, dry_run=dry_run),
    )


def _require_sense(connection: Connection, lost_since: datetime, now: datetime) -> None:
    if lost_since > now:
        raise RuleError(f"{lost_since:%Y-%m-%d %H:%M:%S} UTC has not come yet: give the instant of the backup.")
    for column in (quotes.c.created_at, redemptions.c.requested_at):
        newest = connection.execute(sa.select(sa.func.max(column))).scalar_one()
        if newest is not None and newest > lost_since:
            raise ConflictError(
                f"The database has a {column.table.name.removesuffix('s')} of {newest.isoformat()}, after the instant "
                "given: either that is too early, or the database has been served since it was restored."
            )


def _held(connection: Connection) -> list[Redemption]:
    """List what was held and wanted: what is to be withdrawn is never sent any more."""
    row = redemptions.c
    query = sa.select(row.id).where(row.state == State.HELD.value, row.withdrawal_asked_at.is_(None)).order_by(row.id)
    return [store.must_get(connection, found) for found in connection.execute(query).scalars().all()]


def _fate(
    connection: Connection,
    redemption: Redemption,
    connected: ConnectedPartner | None,
    effects: Effects,
    now: datetime,
) -> tuple[Action, datetime]:
    """Say what the plan does next, and until when a look-up may decide before a fence or people do.

    Nobody could look up while the service was gone, so where that is possible the time for it begins anew: a fence
    would take back what the member was told he has.
    """
    deadline = redemption.cancel_deadline_at
    if connected is None:
        return Action.WAIT, deadline
    powers = Powers.of(connected.manifest)
    if powers.look_up:
        deadline = max(deadline, now + timedelta(seconds=connected.manifest.limits.cancel_deadline_seconds))
    situation = Situation(
        state=State.UNKNOWN,
        maybe_sent=True,
        submissions=len(attempt_store.commit_outcomes(connection, redemption.id)) + 1,
        window_ends_at=redemption.window_ends_at,
        cancel_deadline_at=deadline,
        blocked=effects.blocked(connection, redemption),
        distrusted=is_distrusted(connection, redemption.partner),
    )
    return next_action(powers, situation, now), deadline


def _may_have_been_sent(
    connection: Connection, redemption: Redemption, action: Action, deadline: datetime, now: datetime
) -> None:
    """Write the lost attempt, and move the redemption to where a crash during it would have left it.

    It was begun at the last instant at which it can have been: the partner's file is judged by that.
    """
    store.lock(connection, redemption.id)
    attempt = attempt_store.start(
        connection,
        redemption,
        operation=RESTORED,
        is_commit=True,
        deadline=timedelta(),
        at=min(now, redemption.window_ends_at),
    )
    attempt_store.finish(
        connection, redemption.id, attempt, outcome=Outcome.UNKNOWN.value, code=RESTORED, message=None, at=now
    )
    moved = store.move(connection, redemption, Event.SUBMIT, at=now, next_action_at=now, detail=RESTORED)
    moved = store.move(
        connection,
        moved,
        Event.OUTCOME_LOST,
        at=now,
        next_action_at=now,
        detail=RESTORED,
        reason=RESTORED,
        cancel_deadline_at=deadline,
    )
    if action is Action.GIVE_TO_PEOPLE:
        store.move(connection, moved, Event.GIVEN_TO_PEOPLE, at=now, next_action_at=None, detail=RESTORED)


def _reversals(
    connection: Connection, partners: Mapping[str, ConnectedPartner], now: datetime, *, dry_run: bool
) -> tuple[Suspect, ...]:
    """Treat what was asked to be undone as asked at the partner: the next call is a look-up, or says it is a repeat."""
    row, found = reversals.c, []
    query = sa.select(row.redemption_id).where(row.state == ReversalState.REQUESTED.value, row.undoes)
    for redemption_id in connection.execute(query.order_by(row.redemption_id)).scalars().all():
        reversal = reversal_store.standing(connection, redemption_id)
        assert reversal is not None
        name = attempt_name(reversal.number, CANCEL)
        redemption = store.must_get(connection, redemption_id)
        connected = partners.get(redemption.partner)
        if attempt_store.maybe_reached(connection, redemption_id, name) or not _can_be_asked(connected, redemption):
            continue
        step = _next_of(connected, redemption)
        found.append(
            Suspect(f"{redemption_id}:reverse:{reversal.number}", redemption.partner, redemption.partner_key, step)
        )
        if not dry_run:
            _may_have_been_asked(connection, redemption, reversal, name, now)
    return tuple(found)


def _can_be_asked(connected: ConnectedPartner | None, redemption: Redemption) -> bool:
    """Say whether a partner may have been asked to undo; where none can be, people are next, and nothing was sent."""
    return connected is None or can_undo(connected.adapter, redemption)


def _next_of(connected: ConnectedPartner | None, redemption: Redemption) -> str:
    if connected is None:
        return Action.WAIT.value
    looks_up = isinstance(connected.adapter, LooksUp)
    return operation_of(can_cancel=True, can_be_asked=looks_up, state=ReversalState.UNKNOWN) or CANCEL


def _may_have_been_asked(
    connection: Connection, redemption: Redemption, reversal: Reversal, name: str, now: datetime
) -> None:
    store.lock(connection, redemption.id)
    attempt = attempt_store.start(connection, redemption, operation=name, is_commit=False, deadline=timedelta(), at=now)
    attempt_store.finish(
        connection, redemption.id, attempt, outcome=Outcome.UNKNOWN.value, code=RESTORED, message=None, at=now
    )
    asked = reversal_store.move(connection, reversal, ReversalState.SUBMITTING, at=now)
    reversal_store.move(
        connection,
        asked,
        ReversalState.UNKNOWN,
        at=now,
        next_action_at=now,
        deadline_at=max(reversal.deadline_at, now + reversal_store.PATIENCE),
        lease_owner=None,
        lease_until=None,
    )


def _end_quotes(connection: Connection, now: datetime, *, dry_run: bool) -> int:
    """End the quotes that are open and have no redemption; answers how many."""
    unused = sa.and_(quotes.c.expires_at > now, _UNUSED)
    if dry_run:
        return int(connection.execute(sa.select(sa.func.count()).select_from(quotes).where(unused)).scalar_one())
    return connection.execute(quotes.update().where(unused).values(expires_at=now)).rowcount
