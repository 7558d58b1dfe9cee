"""Cases that only people can end: one finds out and proposes, with evidence; another confirms, and only then it ends.

A case is a redemption that is MANUAL, a reversal that is, or a partner's claim (rule R11). A proposal moves nothing.
The second person says the same outcome with evidence of his own, in one transaction with the end and what it is worth.
Saying another outcome puts a proposal in place of the one before; nobody confirms his own. The partner's closed file
may end a case before people do. What was captured wrongly, by people too, is taken back the same way (`open_undoing`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from config.errors import ConflictError, NotFoundError, RuleError
from gateway.redemption import claiming, reversal_engine, reversal_store, store
from gateway.redemption.claiming import ClaimOutcome
from gateway.redemption.effects import Effects
from gateway.redemption.engine import Engine
from gateway.redemption.records import Redemption
from gateway.redemption.states import Event, ReversalState, State
from gateway.redemption.tables import claims, manual_proposals, redemptions, reversals

Outcome = Literal["issued", "not_issued", "undone", "stands", "withdrawn", "accepted"]
"""Of a redemption: the partner granted it, or never will. Of a reversal: the benefit was undone, or it stands.
Of a claim: the partner withdraws it, or the programme accepts it."""

OF_REDEMPTION: dict[str, Event] = {"issued": Event.PEOPLE_SAY_ISSUED, "not_issued": Event.PEOPLE_SAY_NOT_ISSUED}
OF_REVERSAL: dict[str, ReversalState] = {"undone": ReversalState.APPLIED, "stands": ReversalState.REFUSED}
OF_CLAIM: dict[str, ClaimOutcome] = {"withdrawn": "withdrawn", "accepted": "accepted"}
_REVERSAL = ":reverse:"
_CLAIM = ":claim"
CLAIM = -1
"""In the place of a reversal's number: the case is the claim."""
LEAST_EVIDENCE = 10
"""Characters, blanks around them not counted."""


class Proposal(msgspec.Struct, frozen=True):
    """What one person found out."""

    outcome: Outcome
    evidence: str
    partner_reference: str | None
    proposed_by: str
    proposed_at: datetime


class ManualCase(msgspec.Struct, frozen=True):
    """A case that waits for people; its id is the redemption's, with ``:reverse:<n>`` or ``:claim`` behind it.

    ``quantity`` of ``commodity`` is what was held or is given back; of a claim its price in minor units.
    """

    id: str
    redemption_id: str
    partner: str
    partner_key: str
    reason: str | None
    since_at: datetime
    commodity: str
    quantity: int
    outcomes: tuple[Outcome, ...]
    proposal: Proposal | None


class Finding(msgspec.Struct, frozen=True):
    """What a person says of a case."""

    outcome: Outcome
    evidence: str
    by: str
    partner_reference: str | None = None


def cases(connection: Connection, *, after: str = "", limit: int, partner: str | None = None) -> list[ManualCase]:
    """List the cases that wait, by id."""
    row, back = redemptions.c, reversals.c
    case_id = row.id.concat(_REVERSAL).concat(sa.cast(back.number, sa.String))
    shared = (row.partner, row.partner_key)
    own = sa.select(
        row.id.label("id"), row.id.label("redemption_id"), *shared, row.reason, row.updated_at, sa.literal(0).label("n")
    ).where(row.state == State.MANUAL.value)
    undoing = (
        sa.select(case_id, row.id, *shared, back.reason, back.requested_at, back.number)
        .join_from(reversals, redemptions, row.id == back.redemption_id)
        .where(back.state == ReversalState.MANUAL.value)
    )
    claimed = (
        sa.select(row.id.concat(_CLAIM), row.id, *shared, sa.literal("claimed"), claims.c.found_at, sa.literal(CLAIM))
        .join_from(claims, redemptions, row.id == claims.c.redemption_id)
        .where(claims.c.closed_at.is_(None))
    )
    both = sa.union_all(own, undoing, claimed).subquery()
    query = sa.select(both).where(both.c.id > after).order_by(both.c.id).limit(limit)
    if partner is not None:
        query = query.where(both.c.partner == partner)
    return [_case(connection, found) for found in connection.execute(query).mappings().all()]


def _case(connection: Connection, found: Any) -> ManualCase:
    redemption = store.must_get(connection, found["redemption_id"])
    number = found["n"]
    quantity, commodity = redemption.quote.quantity, redemption.quote.commodity
    if number == CLAIM:
        price = redemption.quote.price
        quantity, commodity = (0, "") if price is None else (price.amount, price.currency)
    elif number:
        reversal = reversal_store.get(connection, redemption.id, number)
        assert reversal is not None
        quantity = reversal.quantity
    return ManualCase(
        id=found["id"],
        redemption_id=redemption.id,
        partner=found["partner"],
        partner_key=found["partner_key"],
        reason=found["reason"],
        since_at=found["updated_at"],
        commodity=commodity,
        quantity=quantity,
        outcomes=_outcomes(number),
        proposal=_open_proposal(connection, redemption.id, number),
    )


def _outcomes(number: int) -> tuple[Outcome, ...]:
    if number == CLAIM:
        return ("withdrawn", "accepted")
    return ("undone", "stands") if number else ("issued", "not_issued")


def _number(case_id: str) -> tuple[str, int]:
    """Read a case's id: the redemption's, and what of it.

    Raises:
        NotFoundError: it is none.
    """
    if case_id.endswith(_CLAIM):
        return case_id.removesuffix(_CLAIM), CLAIM
    redemption_id, _, text = case_id.partition(_REVERSAL)
    number = int(text) if text.isascii() and text.isdigit() else 0
    if case_id not in {redemption_id, f"{redemption_id}{_REVERSAL}{number}"}:
        raise NotFoundError(f"There is no case {case_id!r}.")
    return redemption_id, number


def decide(
    connection: Connection, engine: Engine, effects: Effects, case_id: str, finding: Finding, now: datetime
) -> Proposal | None:
    """Take what a person says: a proposal, or the confirmation of another person's.

    Stored in the caller's one transaction: the proposal, and when it is confirmed the end with all it is worth.

    Returns:
        The proposal that now waits for a second person; None when the case has ended by this.

    Raises:
        NotFoundError: there is no such redemption or reversal.
        ConflictError: it is not with people (any more), only a later version of the code understands it, or its end
            cannot be booked.
        RuleError: the outcome is none of this kind of case, or evidence or name is missing.
    """
    _require_evidence(finding)
    redemption_id, number = _number(case_id)
    store.lock(connection, redemption_id)
    redemption = store.get(connection, redemption_id)
    if redemption is None:
        raise NotFoundError(f"There is no case {case_id!r}.")
    redemption.require_understood()
    _require_open(connection, redemption, number, finding)
    before = _open_proposal(connection, redemption_id, number)
    if before is None or before.proposed_by == finding.by or before.outcome != finding.outcome:
        return _propose(connection, redemption_id, number, finding, now)
    _confirm(connection, redemption_id, number, finding, now)
    if not _end(connection, engine, effects, redemption, number, finding, before, now):
        raise ConflictError("What was decided cannot be booked; the log says why. Nothing was changed.")
    return None


def open_undoing(
    connection: Connection, redemption_id: str, finding: Finding, points: int | None, now: datetime
) -> ManualCase:
    """Open a case to take back what was captured wrongly, or to give points back: the first of two people's words.

    Stored in the caller's one transaction: a reversal with people, and the finder's proposal that it be done. Nothing
    moves until a second person decides the case; no partner is asked.

    Args:
        connection: of a writing operation.
        redemption_id: a captured one.
        finding: of the first person; its outcome is ``undone``.
        points: to give back while the benefit stands; None: the benefit was never granted, or is undone, whole.
        now: aware.

    Raises:
        NotFoundError: there is no such redemption.
        ConflictError: it is not captured, is being undone already, or only a later version of the code understands it.
        RuleError: more points than are left, or evidence or name is missing.
    """
    _require_evidence(finding)
    store.lock(connection, redemption_id)
    redemption = store.get(connection, redemption_id)
    if redemption is None:
        raise NotFoundError(f"There is no redemption {redemption_id!r}.")
    redemption.require_understood()
    if redemption.state is not State.CAPTURED:
        raise ConflictError(f"Only what is captured is taken back: it is {redemption.state}.", state=redemption.state)
    left = reversal_store.left(connection, redemption)
    if points is not None and not 0 < points <= left:
        raise RuleError(f"Of {redemption_id} {left} {redemption.quote.commodity} are left to give back.")
    asked = reversal_store.ask(
        connection,
        redemption,
        quantity=left if points is None else points,
        reason="people_undo" if points is None else "people_give_back",
        at=now,
        state=ReversalState.MANUAL,
        undoes=points is None,
    )
    if asked is None:
        raise ConflictError("It is being undone, or was.")
    _propose(connection, redemption_id, asked.number, finding, now)
    return _case(
        connection,
        {
            "id": f"{redemption_id}{_REVERSAL}{asked.number}",
            "redemption_id": redemption_id,
            "partner": redemption.partner,
            "partner_key": redemption.partner_key,
            "reason": asked.reason,
            "updated_at": asked.requested_at,
            "n": asked.number,
        },
    )


def _require_evidence(finding: Finding) -> None:
    if len(finding.evidence.strip()) < LEAST_EVIDENCE or not finding.by.strip():
        raise RuleError(f"Say who says so, and in at least {LEAST_EVIDENCE} characters how it was found out.")


def _require_open(connection: Connection, redemption: Redemption, number: int, finding: Finding) -> None:
    if number == CLAIM:
        state, wanted, outcomes = "ended", "open", set(OF_CLAIM)
        if claiming.is_open(connection, redemption.id):
            state = wanted
    elif number:
        reversal = reversal_store.get(connection, redemption.id, number)
        if reversal is None:
            raise NotFoundError(f"There is no reversal {number} of {redemption.id!r}.")
        state, wanted, outcomes = reversal.state.value, ReversalState.MANUAL.value, set(OF_REVERSAL)
    else:
        state, wanted, outcomes = redemption.state.value, State.MANUAL.value, set(OF_REDEMPTION)
    if state != wanted:
        raise ConflictError(f"The case is not with people: it is {state}.", state=state)
    if finding.outcome not in outcomes:
        raise RuleError(f"The outcome of this case is one of {', '.join(sorted(outcomes))}.")


def _open_proposal(connection: Connection, redemption_id: str, number: int) -> Proposal | None:
    columns = [manual_proposals.c[name] for name in Proposal.__struct_fields__]
    row = connection.execute(sa.select(*columns).where(_open(redemption_id, number))).one_or_none()
    return None if row is None else Proposal(*row)


def _open(redemption_id: str, number: int) -> sa.ColumnElement[bool]:
    column = manual_proposals.c
    return sa.and_(column.redemption_id == redemption_id, column.reversal == number, column.state == "open")


def _propose(connection: Connection, redemption_id: str, number: int, finding: Finding, now: datetime) -> Proposal:
    connection.execute(manual_proposals.update().where(_open(redemption_id, number)).values(state="replaced"))
    column = manual_proposals.c
    of_case = sa.and_(column.redemption_id == redemption_id, column.reversal == number)
    known = connection.execute(sa.select(sa.func.count()).select_from(manual_proposals).where(of_case)).scalar_one()
    made = Proposal(finding.outcome, finding.evidence, finding.partner_reference, finding.by, now)
    row = {"redemption_id": redemption_id, "reversal": number, "number": known + 1, "state": "open"}
    connection.execute(manual_proposals.insert().values(**row, **msgspec.structs.asdict(made)))
    return made


def _confirm(connection: Connection, redemption_id: str, number: int, finding: Finding, now: datetime) -> None:
    values = {
        "state": "confirmed",
        "decided_by": finding.by,
        "decided_at": now,
        "decided_evidence": finding.evidence,
    }
    connection.execute(manual_proposals.update().where(_open(redemption_id, number)).values(**values))


def _end(
    connection: Connection,
    engine: Engine,
    effects: Effects,
    redemption: Redemption,
    number: int,
    finding: Finding,
    proposal: Proposal,
    now: datetime,
) -> bool:
    detail = f"people: {proposal.proposed_by} and {finding.by}"
    if number == CLAIM:
        claiming.close(connection, redemption, OF_CLAIM[finding.outcome], now)
        return True
    if not number:
        reference = finding.partner_reference or proposal.partner_reference
        return engine.settle(connection, redemption.id, OF_REDEMPTION[finding.outcome], detail, reference)
    reversal = reversal_store.get(connection, redemption.id, number)
    assert reversal is not None
    if OF_REVERSAL[finding.outcome] is ReversalState.APPLIED:
        return reversal_engine.apply(connection, effects, redemption, reversal, now)
    reversal_store.move(connection, reversal, ReversalState.REFUSED, at=now)
    return True
