"""Earn: an activity becomes redeemable and qualifying points, and perhaps a higher tier, in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue import members, statuses
from catalogue.eligibility import ACTIVE
from catalogue.members import MemberRecord
from catalogue.programme import Programme, earn
from catalogue.programme_standing import TierChange
from config.errors import RuleError
from gateway.schemas.members import AccrualAnswer, AccrualBody
from gateway.services import bonuses, standing
from gateway.services.members import member_of_path
from settlement import entries, issues
from settlement.accounts import POINTS, member_available, member_qualifying
from settlement.errors import LedgerConflictError
from settlement.issues import Occasion
from settlement.tables import journal_entries

_ADDED = {"rule", "campaign"}
"""Facts that this service adds to the sender's."""
FUTURE_ALLOWED = timedelta(minutes=5)
"""How far the clock of the sending system may run ahead."""


def accrue(
    connection: Connection, programme: Programme, *, client_id: str, member: str, body: AccrualBody, now: datetime
) -> AccrualAnswer:
    """Record an activity, once per client and reference; an operation for the caller's transaction.

    Stored: one journal entry (key ``accrual:<client>:<reference>``) that counts from the activity's own instant, its
    lot, the tier it earned, bonuses and renewals that waited for it, and the events that tell of them. The same
    activity again answers what it earned the first time, by whatever rule and tier held then.

    Raises:
        NotFoundError: no such member.
        RuleError: no earn rule, another currency, an activity of the future, or a membership that has ended.
        LedgerConflictError: the reference is known with another activity.
    """
    found = members.get_member(connection, member_of_path(connection, member))
    if body.occurred_at > now + FUTURE_ALLOWED:
        raise RuleError("The activity lies in the future.", pointer="/occurred_at")
    key = f"accrual:{client_id}:{body.reference}"
    change = None
    if not _is_known(connection, key, found.id, _facts(body)):
        change = _credit(connection, programme, found, key, body, now)
    return AccrualAnswer(
        member_id=found.id,
        reference=body.reference,
        points=_credited(connection, key, member_available(found.id, POINTS).code),
        qualifying_points=_credited(connection, key, member_qualifying(found.id).code),
        tier=statuses.current_tier(connection, programme, found.id, programme.today(now)),
        tier_before=change.before if change else None,
    )


def _credit(
    connection: Connection, programme: Programme, member: MemberRecord, key: str, body: AccrualBody, now: datetime
) -> TierChange | None:
    if member.state != ACTIVE:
        raise RuleError("The membership has ended; it earns no more.", reason="member_closed")
    standing.settle(connection, programme, member.id, now)
    tier = statuses.current_tier(connection, programme, member.id, programme.today(now))
    earned = earn(programme, body.activity, body.amount.money, tier, body.occurred_at)
    campaign = {"campaign": earned.campaign_id} if earned.campaign_id else {}
    issues.accrue(
        connection,
        key=key,
        member_id=member.id,
        points=earned.points,
        qualifying=earned.qualifying,
        at=now,
        expires_at=earned.expires_at,
        reference=body.reference,
        occasion=Occasion({**_facts(body), "rule": earned.rule_id, **campaign}, body.occurred_at),
    )
    change = standing.settle(connection, programme, member.id, now).change
    bonuses.referral(connection, programme, member, body.activity, now)
    bonuses.renewals_by_activity(connection, programme, member.id, body.activity, now)
    return change


def _facts(body: AccrualBody) -> dict[str, str]:
    facts = {
        "activity": body.activity,
        "amount_minor_units": str(body.amount.amount),
        "currency": body.amount.currency,
        "occurred_at": body.occurred_at.astimezone(UTC).isoformat(),
    }
    return facts | ({"dealer": body.dealer} if body.dealer else {})


def _is_known(connection: Connection, key: str, member_id: str, facts: dict[str, str]) -> bool:
    entries.lock_key(connection, key)
    query = sa.select(journal_entries.c.member_id, journal_entries.c.facts).where(journal_entries.c.key == key)
    row = connection.execute(query).one_or_none()
    if row is None:
        return False
    known = {name: value for name, value in row.facts.items() if name not in _ADDED}
    if (row.member_id, known) != (member_id, facts):
        raise LedgerConflictError("The reference is known with another activity.", reference=key.rpartition(":")[2])
    return True


def _credited(connection: Connection, key: str, account: str) -> int:
    return sum(leg.amount for leg in entries.read_postings(connection, key) if leg.account.code == account)
