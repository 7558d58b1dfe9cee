"""How a membership ends: merged into another, or closed. Both are refused while anything is undecided."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue import members, partner_accounts, statuses
from catalogue.eligibility import ACTIVE
from catalogue.identifiers import is_identifier
from catalogue.member_lock import lock_member
from catalogue.members import MemberRecord
from catalogue.programme import Programme
from config.errors import ConflictError, RuleError
from gateway.links import store as link_store
from gateway.redemption.tables import UNDECIDED, redemptions
from gateway.schemas.programme import CloseAnswer, MergeAnswer
from gateway.services import care, standing
from gateway.services.members import member_of_path
from settlement import member_moves
from settlement.accounts import POINTS
from settlement.balances import balances
from settlement.member_points import count_entries


def merge_members(
    connection: Connection, programme: Programme, *, kept: str, absorbed: str, reason: str, now: datetime
) -> MergeAnswer:
    """Merge a membership into another; an operation for the caller's transaction. Again it answers what there is.

    Moved: points with their expiry, qualifying points with their day, statuses that are not over, partner accounts
    where the member who stays has none. Not moved: links, which end and are made anew, consents, which are the person's
    to give, and uses of entitlements, which do not add up. Whatever names the absorbed membership later reaches the one
    that stays.

    Raises:
        NotFoundError: either is not there.
        RuleError: both are the same membership.
        ConflictError: one has ended, or has a redemption that is undecided.
        LedgerStateError: points of either are held, or of the absorbed one pending.
    """
    kept_id = member_of_path(connection, kept)
    gone = _named(connection, absorbed)
    if gone.merged_into is not None and members.surviving_member(connection, gone.id).id == kept_id:
        return _merged(connection, programme, kept_id, gone.id, 0, now)
    if gone.id == kept_id:
        raise RuleError("A membership cannot be merged into itself.", pointer="/absorbed")
    for member_id in sorted((kept_id, gone.id)):
        lock_member(connection, member_id)
        _require_settled(connection, member_id)
    for member_id in (gone.id, kept_id):
        standing.settle(connection, programme, member_id, now)
    number = count_entries(connection, gone.id, "merge") + 1
    points = member_moves.merge(connection, absorbed=gone.id, into=kept_id, number=number, at=now)
    _copy_statuses(connection, programme, gone.id, kept_id, now)
    partner_accounts.move_accounts(connection, gone.id, kept_id, now)
    link_store.end_all(connection, gone.id, now)
    members.end_membership(connection, gone.id, kept_id, now)
    standing.settle(connection, programme, kept_id, now)
    payload: care.Payload = {"absorbed_id": gone.id, "points": points, "reason": reason}
    care.tell(connection, kept_id, "merged", f"merged:{gone.id}", payload, now)
    return _merged(connection, programme, kept_id, gone.id, points, now)


def close_member(
    connection: Connection, *, member: str, reason: str, forfeit_points: bool, now: datetime
) -> CloseAnswer:
    """End a membership; an operation for the caller's transaction. Again it answers that it has ended.

    Raises:
        NotFoundError: no such member.
        RuleError: points are left and nobody said that they are forfeited.
        ConflictError: a redemption is undecided, or the membership was merged.
        LedgerStateError: points are held or pending.
    """
    found = _named(connection, member)
    if found.merged_into is not None:
        raise ConflictError("The membership was merged into another.", merged_into=found.merged_into)
    if found.state != ACTIVE:
        return CloseAnswer(found.id, found.state, 0)
    lock_member(connection, found.id)
    _require_settled(connection, found.id)
    left = sum(one.available for one in balances(connection, found.id, at=now) if one.commodity == POINTS)
    if left and not forfeit_points:
        raise RuleError(
            f"{left} points are left; let the member use them, or send forfeit_points.",
            pointer="/forfeit_points",
            points=left,
        )
    number = count_entries(connection, found.id, "forfeit") + 1
    points = member_moves.forfeit(connection, member_id=found.id, number=number, at=now)
    link_store.end_all(connection, found.id, now)
    members.end_membership(connection, found.id, None, now)
    care.tell(connection, found.id, "closed", "closed", {"points": points, "reason": reason}, now)
    return CloseAnswer(found.id, members.CLOSED, points)


def settle_remainder(connection: Connection, member: MemberRecord, now: datetime) -> int:
    """Move what came to a membership after its end (a refund): to who absorbed it, or to breakage; answer the points.

    What is still held waits for a later night.
    """
    if not any(one.available for one in balances(connection, member.id)):
        return 0
    lock_member(connection, member.id)
    if member.merged_into is None:
        number = count_entries(connection, member.id, "forfeit") + 1
        return member_moves.forfeit(connection, member_id=member.id, number=number, at=now)
    into = members.surviving_member(connection, member.id).id
    number = count_entries(connection, member.id, "merge") + 1
    return member_moves.merge(connection, absorbed=member.id, into=into, number=number, at=now)


def _named(connection: Connection, named: str) -> MemberRecord:
    """Find the very membership that is named, merged or not."""
    if is_identifier("member", named):
        return members.get_member(connection, named)
    return members.find_member(connection, named)


def _require_settled(connection: Connection, member_id: str) -> None:
    if members.get_member(connection, member_id).state != ACTIVE:
        raise ConflictError("The membership has ended.", reason="member_closed")
    undecided = sa.select(redemptions.c.id).where(redemptions.c.member_id == member_id, UNDECIDED)
    found = connection.execute(undecided.limit(1)).scalar_one_or_none()
    if found is not None:
        raise ConflictError("A redemption is undecided; wait until it has ended.", redemption_id=found)


def _copy_statuses(connection: Connection, programme: Programme, member_id: str, into: str, now: datetime) -> None:
    today = programme.today(now)
    for status in statuses.held_statuses(connection, member_id):
        over = status.valid_to_date is not None and status.valid_to_date < today
        if status.programme == programme.id and over:
            continue
        statuses.grant_status(connection, into, status, {"merged_from": member_id}, now)


def _merged(
    connection: Connection, programme: Programme, kept_id: str, gone_id: str, points: int, now: datetime
) -> MergeAnswer:
    tier = statuses.current_tier(connection, programme, kept_id, programme.today(now))
    return MergeAnswer(member_id=kept_id, absorbed_id=gone_id, points=points, tier=tier)
