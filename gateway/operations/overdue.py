"""What should have ended by now and has not, and what partners claim of redemptions that were voided."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.redemption.states import ReversalState
from gateway.redemption.tables import UNDECIDED, claims, quotes, redemptions, reversals

_ENDED_REVERSALS = [ReversalState.APPLIED.value, ReversalState.REFUSED.value]


class Overdue(msgspec.Struct, frozen=True):
    """A redemption or reversal that is undecided past its deadline; ``id`` is a reversal's with its number."""

    id: str
    partner: str
    partner_key: str
    state: str
    reason: str | None
    commodity: str
    quantity: int
    deadline_at: datetime
    age_seconds: int
    next_action_at: datetime | None


class Claim(msgspec.Struct, frozen=True):
    """A voided redemption that the partner says it granted (rule R11); what it will ask is in suspense."""

    id: str
    partner: str
    partner_key: str
    price: int | None
    currency: str | None
    found_at: datetime
    age_seconds: int
    evidence: dict[str, str | None]


class Open(msgspec.Struct, frozen=True):
    """What waits for operators: undecided past its deadline, and claims."""

    overdue: tuple[Overdue, ...]
    claims: tuple[Claim, ...]


def overdue(
    connection: Connection, now: datetime, *, after: str = "", limit: int, partner: str | None = None
) -> list[Overdue]:
    """List what is undecided past its deadline, by id; those with people included: nobody has ended them either."""
    row, back = redemptions.c, reversals.c
    own = (
        sa.select(
            row.id.label("id"),
            row.partner,
            row.partner_key,
            row.state,
            row.reason,
            quotes.c.commodity,
            quotes.c.quantity,
            row.cancel_deadline_at.label("deadline_at"),
            row.next_action_at,
        )
        .join_from(redemptions, quotes, quotes.c.id == row.quote_id)
        .where(UNDECIDED, row.cancel_deadline_at <= now)
    )
    undoing = (
        sa.select(
            row.id.concat(":reverse:").concat(sa.cast(back.number, sa.String)),
            row.partner,
            row.partner_key,
            back.state,
            back.reason,
            quotes.c.commodity,
            back.quantity,
            back.deadline_at,
            back.next_action_at,
        )
        .join_from(reversals, redemptions, row.id == back.redemption_id)
        .join(quotes, quotes.c.id == row.quote_id)
        .where(back.state.not_in(_ENDED_REVERSALS), back.deadline_at <= now)
    )
    both = sa.union_all(own, undoing).subquery()
    query = sa.select(both).where(both.c.id > after).order_by(both.c.id).limit(limit)
    if partner is not None:
        query = query.where(both.c.partner == partner)
    return [_overdue(found, now) for found in connection.execute(query).mappings()]


def _overdue(found: sa.RowMapping, now: datetime) -> Overdue:
    return Overdue(**found, age_seconds=(now - found["deadline_at"]) // timedelta(seconds=1))


def list_claims(
    connection: Connection, now: datetime, *, after: str = "", limit: int, partner: str | None = None
) -> list[Claim]:
    """List claims that nobody has ended, by the redemption's id."""
    row, claim = redemptions.c, claims.c
    query = (
        sa.select(
            row.id, row.partner, row.partner_key, quotes.c.price, quotes.c.currency, claim.found_at, claim.evidence
        )
        .join_from(claims, redemptions, row.id == claim.redemption_id)
        .join(quotes, quotes.c.id == row.quote_id)
        .where(row.id > after, claim.closed_at.is_(None))
        .order_by(row.id)
        .limit(limit)
    )
    if partner is not None:
        query = query.where(row.partner == partner)
    found = connection.execute(query).mappings().all()
    return [Claim(**one, age_seconds=(now - one["found_at"]) // timedelta(seconds=1)) for one in found]


def open_of(connection: Connection, now: datetime, partner: str | None = None, limit: int = 1000) -> Open:
    """Gather both lists, of one partner or of all."""
    late = overdue(connection, now, limit=limit, partner=partner)
    claimed = list_claims(connection, now, limit=limit, partner=partner)
    return Open(tuple(late), tuple(claimed))


def told(found: Open) -> list[str]:
    """Say it in lines for people."""
    late = [
        f"overdue  {one.id}  {one.state} at {one.partner} as {one.partner_key}, {one.quantity} {one.commodity}, "
        f"{age(one.age_seconds)} past its deadline ({one.reason})"
        for one in found.overdue
    ]
    claimed = [
        f"claim    {one.id}  {one.partner} says it granted {one.partner_key}"
        f"{'' if one.price is None else f' for {one.price} {one.currency}'}, {age(one.age_seconds)} ago"
        for one in found.claims
    ]
    return late + claimed


def age(seconds: int) -> str:
    """Say how long ago something was."""
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 60 * 72 else f"{minutes // 1440} days"
