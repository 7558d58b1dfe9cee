"""What programme rules ask of the ledger: qualifying credits by day, points that expire soon, points that expired."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from settlement.accounts import POINTS, QUALIFYING_POINTS, member_qualifying
from settlement.tables import accounts, journal_entries, lots, postings


class Expiring(msgspec.Struct, frozen=True):
    """Points of one member that are gone from an instant on."""

    member_id: str
    expires_at: datetime
    points: int


class Open(msgspec.Struct, frozen=True):
    """What keeps a membership from ending: points held, points pending."""

    held: int
    pending: int


def qualifying_credits(connection: Connection, member_id: str) -> list[tuple[datetime, int]]:
    """List a member's qualifying credits by the instant they count from, oldest first; reversals are negative."""
    account = member_qualifying(member_id)
    joined = journal_entries.join(postings, postings.c.entry_key == journal_entries.c.key)
    query = (
        sa.select(journal_entries.c.effective_at, sa.func.sum(postings.c.amount))
        .select_from(joined)
        .where(journal_entries.c.member_id == member_id)
        .where(postings.c.account == account.code, postings.c.commodity == QUALIFYING_POINTS)
        .group_by(journal_entries.c.effective_at)
        .order_by(journal_entries.c.effective_at)
    )
    return [(at, int(amount or 0)) for at, amount in connection.execute(query)]


def expiring(connection: Connection, member_id: str, after: datetime, until: datetime) -> list[Expiring]:
    """List a member's spendable points that expire after one instant and no later than another, first first."""
    query = _expiring(after, until).where(lots.c.member_id == member_id).order_by(lots.c.expires_at)
    return [Expiring(member, at, int(points)) for member, at, points in connection.execute(query)]


def members_expiring(
    connection: Connection, after: datetime, until: datetime, *, after_member: str = "", limit: int
) -> list[str]:
    """List members who lose points between two instants, by id, after an id."""
    query = (
        sa.select(lots.c.member_id)
        .distinct()
        .where(lots.c.commodity == POINTS, lots.c.remaining > 0, lots.c.member_id > after_member)
        .where(lots.c.expires_at > after, lots.c.expires_at <= until)
        .order_by(lots.c.member_id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def expired_points(connection: Connection, member_id: str, after: datetime, until: datetime) -> int:
    """Sum what expired of a member's lots whose time ended after one instant and no later than another."""
    query = sa.select(sa.func.coalesce(sa.func.sum(lots.c.expired), 0)).where(
        lots.c.member_id == member_id,
        lots.c.commodity == POINTS,
        lots.c.expires_at > after,
        lots.c.expires_at <= until,
    )
    return int(connection.execute(query).scalar_one())


def members_expired(
    connection: Connection, after: datetime, until: datetime, *, after_member: str = "", limit: int
) -> list[str]:
    """List members who lost points between two instants, by id, after an id."""
    query = (
        sa.select(lots.c.member_id)
        .distinct()
        .where(lots.c.commodity == POINTS, lots.c.expired > 0, lots.c.member_id > after_member)
        .where(lots.c.expires_at > after, lots.c.expires_at <= until)
        .order_by(lots.c.member_id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def open_items(connection: Connection, member_id: str) -> Open:
    """Sum what a member has held and pending, over all commodities."""
    prefix = f"member/{member_id}/"
    query = (
        sa.select(accounts.c.code, sa.func.sum(accounts.c.balance).label("total"))
        .where(accounts.c.code.in_([f"{prefix}held", f"{prefix}pending"]))
        .group_by(accounts.c.code)
    )
    found = {row.code.removeprefix(prefix): int(row.total or 0) for row in connection.execute(query)}
    return Open(held=found.get("held", 0), pending=found.get("pending", 0))


def count_entries(connection: Connection, member_id: str, kind: str, *, not_reference: str | None = None) -> int:
    """Count a member's entries of a kind, perhaps without those of one reference."""
    query = sa.select(sa.func.count()).where(journal_entries.c.member_id == member_id, journal_entries.c.kind == kind)
    if not_reference is not None:
        query = query.where(journal_entries.c.reference != not_reference)
    return int(connection.execute(query).scalar_one())


def _expiring(after: datetime, until: datetime) -> sa.Select[Any]:
    return (
        sa.select(lots.c.member_id, lots.c.expires_at, sa.func.sum(lots.c.remaining))
        .where(lots.c.commodity == POINTS, lots.c.remaining > 0)
        .where(lots.c.expires_at > after, lots.c.expires_at <= until)
        .group_by(lots.c.member_id, lots.c.expires_at)
    )
