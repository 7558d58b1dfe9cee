"""Which granted tiers a partner is to be told of by its interface, and what became of telling it.

Idempotency: a grant is known by its match; recording an answer again only counts one more try.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.match_store import DueGrant, StoredMatch
from catalogue.tables import partner_accounts, status_grants, tier_matches
from config.database import insert_new

AGAIN = timedelta(minutes=15)
"""How long after an unanswered attempt the same grant is asked for again."""
Told = Literal["ok", "no", "open"]


class GrantAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner said to a grant: taken, refused, or nothing that can be trusted."""

    match_id: str
    partner: str
    outcome: Told
    code: str | None = None
    partner_reference: str | None = None


def open_grants(
    connection: Connection, partner: str, programmes: tuple[str, ...], day: date, now: datetime, limit: int
) -> tuple[DueGrant, ...]:
    """List tiers that were granted in a partner's programmes and of which it is to be told now, by match.

    Those whose member has an account there, that hold on the day, and that were neither taken nor refused.
    """
    match, account, told = tier_matches.c, partner_accounts.c, status_grants.c
    query = (
        sa.select(*(match[name] for name in StoredMatch.__struct_fields__), account.account_number)
        .select_from(
            tier_matches.join(
                partner_accounts, sa.and_(account.member_id == match.member_id, account.partner == partner)
            ).outerjoin(status_grants, told.match_id == match.id)
        )
        .where(match.state == "granted", match.to_programme.in_(programmes), match.to_tier.is_not(None))
        .where(sa.or_(match.valid_to_date.is_(None), match.valid_to_date >= day))
        .where(sa.or_(told.match_id.is_(None), sa.and_(told.outcome == "open", told.asked_at <= now - AGAIN)))
        .order_by(match.id)
        .limit(limit)
    )
    rows = [dict(row._mapping) for row in connection.execute(query)]
    return tuple(
        DueGrant(
            account_number=row.pop("account_number"), match=StoredMatch(**(row | {"signals": tuple(row["signals"])}))
        )
        for row in rows
    )


def record_answer(connection: Connection, answer: GrantAnswer, at: datetime) -> None:
    """Record what became of an attempt; an answer that settled it stays."""
    row = msgspec.structs.asdict(answer) | {"tries": 1, "asked_at": at}
    if insert_new(connection, status_grants, row, unique=["match_id"]):
        return
    again = sa.and_(status_grants.c.match_id == answer.match_id, status_grants.c.outcome == "open")
    changes = {name: row[name] for name in ("outcome", "code", "partner_reference", "asked_at")}
    connection.execute(sa.update(status_grants).where(again).values(**changes, tries=status_grants.c.tries + 1))


def taken(connection: Connection, match_ids: tuple[str, ...]) -> frozenset[str]:
    """Say which of these matches the partner took by its interface."""
    told = status_grants.c
    query = sa.select(told.match_id).where(told.match_id.in_(match_ids), told.outcome == "ok")
    return frozenset(connection.execute(query).scalars())
