"""Care events: what the member app should tell a member about his membership, once each.

An event leaves through the outbox in the transaction of the change it tells of; its payload has ids, codes, counts and
dates, no personal field. Types: ``member.joined``, ``member.upgraded``, ``member.tier_kept``,
``member.downgrade_ahead``, ``member.downgraded``, ``member.points_expiring``, ``member.points_renewed``,
``member.bonus``, ``member.merged``, ``member.closed``, ``member.linked``, ``member.link_ended``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.member_lock import lock_member
from catalogue.programme_standing import Settled
from catalogue.programme_tables import care_notices
from catalogue.programme_tiers import Review
from catalogue.tier_match import HeldStatus
from config.database import insert_new
from gateway.redemption.tables import outbox

Payload = Mapping[str, str | int | None]


def tell(connection: Connection, member_id: str, event: str, notice: str, payload: Payload, at: datetime) -> bool:
    """Write an event of a member; False when this notice was given before.

    Args:
        connection: of a writing operation.
        member_id: whom it is about; events of one member are numbered in order.
        event: its type without the prefix ``member.``.
        notice: what makes it this event and no other (``upgraded:gold:2026-11-22``).
        payload: beside the member's id.
        at: now.
    """
    lock_member(connection, member_id)
    row = {"member_id": member_id, "notice": notice, "told_at": at}
    if not insert_new(connection, care_notices, row, unique=["member_id", "notice"]):
        return False
    last = sa.select(sa.func.coalesce(sa.func.max(outbox.c.seq), 0)).where(outbox.c.aggregate_id == member_id)
    connection.execute(
        outbox.insert().values(
            id="evt_" + hashlib.sha256(f"{member_id} {notice}".encode()).hexdigest()[:32],
            aggregate_id=member_id,
            seq=connection.execute(last).scalar_one() + 1,
            type=f"member.{event}",
            payload={"member_id": member_id, **payload},
            created_at=at,
        )
    )
    return True


def tell_settled(connection: Connection, member_id: str, settled: Settled, at: datetime) -> None:
    """Tell of everything that one settling did to a member's tier."""
    for review in settled.reviews:
        if review.outcome in {"landed", "lapsed"}:
            _tell_downgrade(connection, member_id, review, at)
    if settled.change is not None:
        status = settled.change.status
        notice = f"upgraded:{status.tier}:{status.valid_from_date}"
        payload = {"tier_before": settled.change.before, **_validity(status)}
        tell(connection, member_id, "upgraded", notice, payload, at)
    if settled.kept is not None:
        notice = f"kept:{settled.kept.tier}:{settled.kept.valid_from_date}"
        tell(connection, member_id, "tier_kept", notice, _validity(settled.kept), at)


def _tell_downgrade(connection: Connection, member_id: str, review: Review, at: datetime) -> None:
    payload: Payload = {"tier": review.tier_after, "tier_before": review.status.tier, "needed": review.needed}
    notice = f"downgraded:{review.status.tier}:{review.status.valid_to_date}"
    tell(connection, member_id, "downgraded", notice, payload, at)


def _validity(status: HeldStatus) -> dict[str, str]:
    first, last = status.valid_from_date, status.valid_to_date
    return {"tier": status.tier, "valid_from_date": str(first), "valid_to_date": str(last)}
