"""Consents in the database, per partner and purpose. What was given and withdrawn stays readable for ever.

Idempotency: putting the consent that is already live, or withdrawing one that is not, changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.member_lock import lock_member
from catalogue.tables import consents


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """One consent as given; ``version`` is that of the text the member read."""

    partner: str
    purpose: str
    version: int
    granted_at: datetime
    withdrawn_at: datetime | None = None


def put_consent(connection: Connection, member_id: str, partner: str, purpose: str, version: int, at: datetime) -> None:
    """Record a consent to a version of the text; one to another version is closed at the same instant.

    Raises:
        NotFoundError: there is no such member.
    """
    lock_member(connection, member_id)
    live = _live(member_id, partner, purpose)
    if connection.execute(sa.select(consents.c.version).where(live)).scalar_one_or_none() == version:
        return
    at = _after_the_last(connection, member_id, partner, purpose, at)
    connection.execute(sa.update(consents).where(live).values(withdrawn_at=at))
    row = {"member_id": member_id, "partner": partner, "purpose": purpose, "granted_at": at, "version": version}
    connection.execute(sa.insert(consents).values(row))


def withdraw_consent(connection: Connection, member_id: str, partner: str, purpose: str, at: datetime) -> bool:
    """Close the live consent; False when there was none.

    Raises:
        NotFoundError: there is no such member.
    """
    lock_member(connection, member_id)
    at = _after_the_last(connection, member_id, partner, purpose, at)
    closing = sa.update(consents).where(_live(member_id, partner, purpose)).values(withdrawn_at=at)
    return connection.execute(closing).rowcount == 1


def has_consent(connection: Connection, member_id: str, partner: str, purpose: str) -> bool:
    """Say whether a consent is live; ask in the transaction that decides to send a personal field."""
    query = sa.select(sa.literal(1)).where(_live(member_id, partner, purpose))
    return connection.execute(query).first() is not None


def live_consents(connection: Connection, member_id: str) -> frozenset[tuple[str, str]]:
    """List the (partner, purpose) pairs that are consented to."""
    query = sa.select(consents.c.partner, consents.c.purpose).where(
        consents.c.member_id == member_id, consents.c.withdrawn_at.is_(None)
    )
    return frozenset((row.partner, row.purpose) for row in connection.execute(query))


def list_consents(connection: Connection, member_id: str) -> tuple[Consent, ...]:
    """List everything a member ever consented to, newest first."""
    columns = [consents.c[name] for name in Consent.__struct_fields__]
    query = sa.select(*columns).where(consents.c.member_id == member_id)
    query = query.order_by(consents.c.granted_at.desc(), consents.c.partner, consents.c.purpose)
    return tuple(Consent(**row._mapping) for row in connection.execute(query))


def _after_the_last(connection: Connection, member_id: str, partner: str, purpose: str, at: datetime) -> datetime:
    """Keep the history in order when the clocks of two processes differ: never at or before the last consent given."""
    query = sa.select(sa.func.max(consents.c.granted_at)).where(
        consents.c.member_id == member_id, consents.c.partner == partner, consents.c.purpose == purpose
    )
    last = connection.execute(query).scalar_one()
    return at if last is None else max(at, last + timedelta(microseconds=1))


def _live(member_id: str, partner: str, purpose: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        consents.c.member_id == member_id,
        consents.c.partner == partner,
        consents.c.purpose == purpose,
        consents.c.withdrawn_at.is_(None),
    )
