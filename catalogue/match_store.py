"""Tier matches in the database: asked for, granted by rule, waiting for a person, refused by one.

Idempotency: a match is known by its identifier; recording it again changes nothing. A review is decided once.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.partner_accounts import linked_since
from catalogue.programme import Programme
from catalogue.tables import member_personal, members, partner_accounts, tier_matches
from catalogue.tier_match import MatchFacts, UsedMatch
from config.database import insert_new
from config.errors import ConflictError, NotFoundError

BY_RULE = "rule"
"""Who decided a match that raised no signal."""


class StoredMatch(msgspec.Struct, frozen=True, kw_only=True):
    """One match as asked for and decided.

    Attributes:
        state: ``granted``, ``review`` (a person is asked) or ``refused`` (by a person). A later version of the code may
            keep other words, from which nothing follows here.
        signals: ids of the signals that sent it to a person.
        granted_date: the programme's day of the grant.
        valid_from_date: of what was granted; `valid_to_date` None is open.
        prolongs_id: the match of a challenge that was met; such a row is no further use of the edge.
    """

    id: str
    member_id: str
    edge_id: str
    from_programme: str
    from_tier: str
    to_programme: str
    to_tier: str | None
    state: str
    signals: tuple[str, ...] = ()
    requested_at: datetime
    granted_date: date | None = None
    valid_from_date: date | None = None
    valid_to_date: date | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    prolongs_id: str | None = None


_FIELDS = StoredMatch.__struct_fields__


def record_match(connection: Connection, match: StoredMatch) -> bool:
    """Record a match; False when it was there already."""
    row = msgspec.structs.asdict(match) | {"signals": list(match.signals)}
    return insert_new(connection, tier_matches, row, unique=["id"])


def decide_review(connection: Connection, decided: StoredMatch) -> None:
    """Close a review as granted or refused.

    Raises:
        ConflictError: it was decided before (``reason`` is ``decided``).
    """
    names = ("state", "granted_date", "valid_from_date", "valid_to_date", "decided_at", "decided_by")
    values = {name: getattr(decided, name) for name in names}
    mine = sa.and_(tier_matches.c.id == decided.id, tier_matches.c.state == "review")
    if connection.execute(sa.update(tier_matches).where(mine).values(values)).rowcount != 1:
        raise ConflictError("This request was decided before.", reason="decided")


def get_match(connection: Connection, match_id: str) -> StoredMatch:
    """Find a match.

    Raises:
        NotFoundError: there is none.
    """
    found = _select(connection, tier_matches.c.id == match_id)
    if not found:
        raise NotFoundError("There is no such tier match.")
    return found[0]


def member_matches(connection: Connection, member_id: str) -> tuple[StoredMatch, ...]:
    """List every match of a member, oldest first."""
    return _select(connection, tier_matches.c.member_id == member_id)


def open_reviews(connection: Connection) -> tuple[StoredMatch, ...]:
    """List the matches that wait for a person, oldest first."""
    return _select(connection, tier_matches.c.state == "review")


def match_facts(connection: Connection, programme: Programme, member_id: str) -> MatchFacts:
    """Gather what the rules of matching may know of a member, as days of the programme; nothing identifies a person.

    Raises:
        NotFoundError: there is no such member.
    """
    query = sa.select(members.c.created_at, member_personal.c.email_changed_at).where(members.c.id == member_id)
    row = connection.execute(query.join(member_personal, isouter=True)).one_or_none()
    if row is None:
        raise NotFoundError("There is no such member.")
    matches = member_matches(connection, member_id)
    changed = row.email_changed_at
    return MatchFacts(
        own_programme=programme.id,
        links={partner: programme.today(at) for partner, at in linked_since(connection, member_id).items()},
        used=tuple(
            UsedMatch(one.edge_id, one.granted_date)
            for one in matches
            if one.granted_date is not None and one.prolongs_id is None
        ),
        in_review=frozenset(one.edge_id for one in matches if one.state == "review"),
        member_since_date=programme.today(row.created_at),
        email_changed_date=programme.today(changed) if changed is not None else None,
    )


class DueGrant(msgspec.Struct, frozen=True):
    """A grant that a partner is to be told of; ``account_number`` is None while the member has linked none there."""

    match: StoredMatch
    account_number: str | None


def due_grants(
    connection: Connection, partner: str, programmes: tuple[str, ...], day: date, linked: tuple[datetime, datetime]
) -> tuple[DueGrant, ...]:
    """List the grants of tiers in a partner's programmes that are due on a day, by match.

    A grant is due on its own day; one whose member linked his account later is due on the day of the link.

    Args:
        connection: of a reading operation.
        partner: whose accounts count.
        programmes: of that partner.
        day: the programme's day.
        linked: the first instant of that day, and the first one after it.
    """
    account = partner_accounts
    mine = sa.and_(account.c.member_id == tier_matches.c.member_id, account.c.partner == partner)
    late = sa.and_(
        tier_matches.c.granted_date < day, account.c.updated_at >= linked[0], account.c.updated_at < linked[1]
    )
    still_valid = sa.or_(tier_matches.c.valid_to_date.is_(None), tier_matches.c.valid_to_date >= day)
    query = (
        sa.select(*(tier_matches.c[name] for name in _FIELDS), account.c.account_number)
        .select_from(tier_matches.outerjoin(account, mine))
        .where(tier_matches.c.to_programme.in_(programmes), tier_matches.c.to_tier.is_not(None))
        .where(tier_matches.c.state == "granted")
        .where(sa.or_(tier_matches.c.granted_date == day, sa.and_(late, still_valid)))
        .order_by(tier_matches.c.id)
    )
    rows = [dict(row._mapping) for row in connection.execute(query)]
    return tuple(DueGrant(account_number=row.pop("account_number"), match=_stored(row)) for row in rows)


def _select(connection: Connection, condition: sa.ColumnElement[bool]) -> tuple[StoredMatch, ...]:
    columns = [tier_matches.c[name] for name in _FIELDS]
    query = sa.select(*columns).where(condition).order_by(tier_matches.c.requested_at, tier_matches.c.id)
    return tuple(_stored(dict(row._mapping)) for row in connection.execute(query))


def _stored(row: dict[str, Any]) -> StoredMatch:
    return StoredMatch(**(row | {"signals": tuple(row["signals"])}))
