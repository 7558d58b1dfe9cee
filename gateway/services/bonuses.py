"""Bonuses and renewals: what the programme's rules give on an occasion, each once by its derived key.

Keys: ``bonus:<rule>:<member>`` (joining, or the member who was referred), ``bonus:<rule>:<member>:<year>`` (birthday),
``bonus:<rule>:<referrer>:<referred>``, ``renewal:<rule>:<member>``.
"""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue import members
from catalogue.calendar import add_months, end_of
from catalogue.eligibility import ACTIVE
from catalogue.members import MemberRecord
from catalogue.programme import Programme
from catalogue.programme_rules import Bonus, Renewal, Trigger
from catalogue.statuses import current_tier
from gateway.services import care
from settlement import issues, member_moves
from settlement.member_points import expired_points
from settlement.tables import journal_entries


def joined(connection: Connection, programme: Programme, member: MemberRecord, at: datetime) -> None:
    """Give what joining earns, to the new member and to who referred him."""
    for bonus in _in_force(connection, programme, "joined", member.id, at):
        _give(connection, programme, bonus, f"bonus:{bonus.id}:{member.id}", member.id, bonus.points, at)
    referral(connection, programme, member, None, at)


def birthday(connection: Connection, programme: Programme, member_id: str, day: date, at: datetime) -> int:
    """Give what a birthday earns, once in a calendar year; answer the points given now."""
    given = 0
    for bonus in _in_force(connection, programme, "birthday", member_id, at):
        key = f"bonus:{bonus.id}:{member_id}:{day.year}"
        given += _give(connection, programme, bonus, key, member_id, bonus.points, at)
    return given


def referral(
    connection: Connection, programme: Programme, member: MemberRecord, activity: str | None, at: datetime
) -> None:
    """Give what a referral earns, when the member referred has done what its rule waits for (None: joined)."""
    if member.referred_by is None:
        return
    referrer = members.surviving_member(connection, member.referred_by)
    if referrer.id == member.id:
        return
    for bonus in _in_force(connection, programme, "referral", referrer.id, at):
        if bonus.activity != activity:
            continue
        if bonus.referred_points:
            key = f"bonus:{bonus.id}:{member.id}"
            _give(connection, programme, bonus, key, member.id, bonus.referred_points, at)
        if referrer.state == ACTIVE and not _limit_reached(connection, programme, bonus, referrer.id, at):
            key = f"bonus:{bonus.id}:{referrer.id}:{member.id}"
            _give(connection, programme, bonus, key, referrer.id, bonus.points, at)


def renewals_by_activity(
    connection: Connection, programme: Programme, member_id: str, activity: str, at: datetime
) -> None:
    """Give expired points back where a campaign waits for this activity."""
    for renewal in programme.renewals:
        if renewal.activity == activity and renewal.holds_on(programme.today(at)):
            renew(connection, programme, renewal, member_id, at)


def renew(connection: Connection, programme: Programme, renewal: Renewal, member_id: str, at: datetime) -> int:
    """Give a member's expired points back by a campaign, once; answer the points given now."""
    zone = programme.time_zone
    after, until = expired_between(programme, renewal)
    points = renewal.renewed(expired_points(connection, member_id, after, until))
    if points == 0:
        return 0
    made = member_moves.renew_expired(
        connection,
        key=f"renewal:{renewal.id}:{member_id}",
        member_id=member_id,
        points=points,
        at=at,
        expires_at=end_of(add_months(programme.today(at), renewal.lot_months), zone),
        reference=renewal.id,
    )
    if made:
        payload: care.Payload = {"points": points, "campaign": renewal.id}
        care.tell(connection, member_id, "points_renewed", f"renewed:{renewal.id}", payload, at)
    return points if made else 0


def expired_between(programme: Programme, renewal: Renewal) -> tuple[datetime, datetime]:
    """Give the instants after and until which the points of a campaign expired.

    Points whose last day is the 31st expire with the first instant after it.
    """
    zone = programme.time_zone
    first = end_of(renewal.expired_from_date, zone)
    return first - _INSTANT, end_of(renewal.expired_to_date, zone)


_INSTANT = datetime.resolution


def _in_force(connection: Connection, programme: Programme, on: Trigger, member_id: str, at: datetime) -> list[Bonus]:
    today = programme.today(at)
    found = [bonus for bonus in programme.bonuses if bonus.on == on and bonus.holds_on(today)]
    if not any(bonus.tiers for bonus in found):
        return found
    tier = current_tier(connection, programme, member_id, today)
    return [bonus for bonus in found if not bonus.tiers or tier in bonus.tiers]


def _give(
    connection: Connection, programme: Programme, bonus: Bonus, key: str, member_id: str, points: int, at: datetime
) -> int:
    if _known(connection, key):
        return 0
    issues.accrue(
        connection,
        key=key,
        member_id=member_id,
        points=points,
        qualifying=bonus.qualifying,
        at=at,
        expires_at=end_of(add_months(programme.today(at), bonus.lot_months), programme.time_zone),
        reference=bonus.id,
        occasion=issues.Occasion({"activity": bonus.on, "rule": bonus.id}),
    )
    payload: care.Payload = {"points": points, "occasion": bonus.on, "rule": bonus.id}
    care.tell(connection, member_id, "bonus", key, payload, at)
    return points


def _known(connection: Connection, key: str) -> bool:
    """A bonus given under another rule's figures stays as it was given."""
    return connection.execute(sa.select(journal_entries.c.key).where(journal_entries.c.key == key)).first() is not None


def _limit_reached(connection: Connection, programme: Programme, bonus: Bonus, referrer_id: str, at: datetime) -> bool:
    if bonus.yearly_limit is None:
        return False
    first = end_of(date(programme.today(at).year - 1, 12, 31), programme.time_zone)
    query = sa.select(sa.func.count()).where(
        journal_entries.c.member_id == referrer_id,
        journal_entries.c.recorded_at >= first,
        journal_entries.c.key.startswith(f"bonus:{bonus.id}:{referrer_id}:", autoescape=True),
    )
    return int(connection.execute(query).scalar_one()) >= bonus.yearly_limit
