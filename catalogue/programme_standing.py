"""A member's tier in the database: raised at once, judged at its end, kept ahead of it.

Everything is one member's, under his lock, in the caller's transaction. Idempotency: a status is known by its key
(`catalogue.statuses`), a judged end by the status that ended (`tier_reviews`); doing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue import programme_tiers, statuses
from catalogue.member_lock import lock_member
from catalogue.programme import Programme
from catalogue.programme_tables import tier_reviews
from catalogue.programme_tiers import Credit, Review
from catalogue.tables import statuses as status_table
from catalogue.tier_match import HeldStatus


class TierChange(msgspec.Struct, frozen=True):
    """A member's earned tier rose, for as long as ``status`` says."""

    before: str
    after: str
    status: HeldStatus


class Settled(msgspec.Struct, frozen=True):
    """What one settling did: ends that were judged, a rise, and a tier that is kept ahead of its end."""

    reviews: tuple[Review, ...] = ()
    change: TierChange | None = None
    kept: HeldStatus | None = None


def settle(
    connection: Connection, programme: Programme, member_id: str, history: Sequence[Credit], at: datetime
) -> Settled:
    """Bring a member's earned tier up to date with the qualifying points he has.

    Call it in the transaction that posts qualifying points, after the posting, and from the nightly job. Ends before
    today are judged first, oldest first; then the points that count today raise the member, or keep his tier ahead.

    Args:
        connection: of a writing operation.
        programme: with the rules in force now.
        member_id: whose.
        history: every qualifying credit of the member, the newest included.
        at: now.

    Raises:
        NotFoundError: there is no such member.
    """
    lock_member(connection, member_id)
    today = programme.today(at)
    reviews = _review_ended(connection, programme, member_id, history, today, at)
    held = statuses.held_statuses(connection, member_id)
    before = programme_tiers.earned_tier(programme, held, today)
    risen = programme_tiers.rise(programme, held, history, today)
    change = None
    if risen is not None:
        _grant(connection, programme, member_id, risen, history, today, at)
        held = (*held, risen)
        change = TierChange(before, risen.tier, risen)
    kept = programme_tiers.secured(programme, held, history, today)
    if kept is not None:
        _grant(connection, programme, member_id, kept, history, today, at)
    return Settled(reviews, change, kept)


def members_to_review(
    connection: Connection, programme: Programme, before: date, *, after: str = "", limit: int
) -> list[str]:
    """List members with a host status that ended before a day and was not judged, by id, after an id."""
    return _members_of(connection, programme, status_table.c.valid_to_date < before, after, limit)


def members_ending(
    connection: Connection, programme: Programme, first: date, last: date, *, after: str = "", limit: int
) -> list[str]:
    """List members with a host status that ends between two days, by id, after an id."""
    return _members_of(connection, programme, status_table.c.valid_to_date.between(first, last), after, limit)


def list_reviews(connection: Connection, member_id: str) -> list[sa.Row[tuple[object, ...]]]:
    """List how a member's validities ended, oldest first."""
    query = sa.select(tier_reviews).where(tier_reviews.c.member_id == member_id)
    return list(connection.execute(query.order_by(tier_reviews.c.valid_to_date, tier_reviews.c.tier)))


def _members_of(
    connection: Connection, programme: Programme, condition: sa.ColumnElement[bool], after: str, limit: int
) -> list[str]:
    same = sa.and_(*(column == status_table.c[column.name] for column in tier_reviews.primary_key))
    query = (
        sa.select(status_table.c.member_id)
        .distinct()
        .where(status_table.c.programme == programme.id, condition, status_table.c.member_id > after)
        .where(~sa.exists().where(same))
        .order_by(status_table.c.member_id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def _review_ended(
    connection: Connection,
    programme: Programme,
    member_id: str,
    history: Sequence[Credit],
    today: date,
    at: datetime,
) -> tuple[Review, ...]:
    done = _reviewed(connection, programme, member_id)
    found: list[Review] = []
    while True:
        held = statuses.held_statuses(connection, member_id)
        status = programme_tiers.unreviewed(programme, held, done, today)
        if status is None:
            return tuple(found)
        judged = programme_tiers.review(programme, held, history, status)
        _store_review(connection, member_id, judged, at)
        if judged.granted is not None:
            evidence = {"qualifying": judged.qualifying, "outcome": judged.outcome}
            statuses.grant_status(connection, member_id, judged.granted, evidence, at)
        done.add(programme_tiers.review_key(status))
        found.append(judged)


def _reviewed(connection: Connection, programme: Programme, member_id: str) -> set[tuple[str, str, date]]:
    columns = (tier_reviews.c.tier, tier_reviews.c.provenance, tier_reviews.c.valid_from_date)
    query = sa.select(*columns).where(tier_reviews.c.member_id == member_id, tier_reviews.c.programme == programme.id)
    return {(row.tier, row.provenance, row.valid_from_date) for row in connection.execute(query)}


def _store_review(connection: Connection, member_id: str, judged: Review, at: datetime) -> None:
    status = judged.status
    connection.execute(
        tier_reviews.insert().values(
            member_id=member_id,
            programme=status.programme,
            tier=status.tier,
            provenance=str(status.provenance),
            valid_from_date=status.valid_from_date,
            valid_to_date=status.valid_to_date,
            outcome=judged.outcome,
            qualifying=judged.qualifying,
            needed=judged.needed,
            tier_after=judged.tier_after,
            reviewed_at=at,
        )
    )


def _grant(
    connection: Connection,
    programme: Programme,
    member_id: str,
    status: HeldStatus,
    history: Sequence[Credit],
    today: date,
    at: datetime,
) -> None:
    evidence = {"qualifying": programme_tiers.counted(programme, history, today)}
    statuses.grant_status(connection, member_id, status, evidence, at)
