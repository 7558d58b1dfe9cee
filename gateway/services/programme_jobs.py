"""The programme's night: expiry, tiers at their end, warnings, birthdays, renewals; once per (job, business date).

A job works in batches, each its own transaction under a lease, each member in a savepoint: one who cannot be handled
is reported and stops nobody else. A run that was interrupted, or left somebody out, is begun again by the next; what
was done before is known by its keys and not done twice. A finished job and date is never run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue import members, programme_standing, programme_tiers, statuses
from catalogue.calendar import start_of
from catalogue.programme import Programme
from catalogue.programme_rules import birthdays_on
from catalogue.programme_tables import programme_jobs
from config.clock import Clock
from config.database import Database, insert_new
from config.errors import GatewayError, RuleError
from config.observability import get_logger
from gateway.services import bonuses, care, standing
from gateway.services.member_ends import settle_remainder
from settlement import leases
from settlement.errors import LedgerStateError, RunInProgressError
from settlement.issues import expire_lots
from settlement.member_points import expiring, members_expired, members_expiring

BATCH = 100
EXPIRY_BATCH = 500
LEASE_SECONDS = 300
log = get_logger(__name__)


class JobReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a job of a business date ended; ``changed`` is False when it had finished before."""

    job: str
    business_date: date
    handled: int
    failed: tuple[str, ...] = ()
    changed: bool = True


class Night(msgspec.Struct, frozen=True):
    """What every job is given: rules, the day it is for, and the clock's now."""

    programme: Programme
    day: date
    at: datetime


class Batch(msgspec.Struct, frozen=True):
    """What one transaction did; ``after`` is where the next begins, None at the end."""

    handled: int
    after: str | None
    failed: tuple[str, ...] = ()


Job = Callable[[Connection, Night, str], Batch]


async def run_jobs(
    database: Database, clock: Clock, programme: Programme, business_date: date, holder: str
) -> tuple[JobReport, ...]:
    """Run every job of a business date (a day of the programme's zone); again it changes nothing.

    Args:
        database: the gateway's.
        clock: of the process.
        programme: its rules.
        business_date: today or a day before.
        holder: names this process in its leases.

    Raises:
        RuleError: the day has not begun.
        RunInProgressError: another process runs a job of this day.
    """
    now = clock.now()
    if business_date > programme.today(now):
        raise RuleError(f"{business_date} has not begun.")
    night = Night(programme, business_date, now)
    return tuple([await _run(database, clock, name, job, night, holder) for name, job in JOBS.items()])


def list_jobs(connection: Connection, limit: int = 50) -> list[sa.Row[tuple[object, ...]]]:
    """List runs, newest date first."""
    query = sa.select(programme_jobs).order_by(programme_jobs.c.business_date.desc(), programme_jobs.c.job)
    return list(connection.execute(query.limit(limit)))


async def _run(database: Database, clock: Clock, name: str, job: Job, night: Night, holder: str) -> JobReport:
    lease = f"programme:{name}:{night.day}"
    known = await database.write(lambda connection: _begin(connection, name, night, lease, holder))
    if known is not None:
        return JobReport(job=name, business_date=night.day, handled=known, changed=False)
    handled, failed, after = 0, list[str](), ""
    while True:
        batch = await database.write(_step(job, night, after, lease, holder))
        handled += batch.handled
        failed += batch.failed
        if batch.after is None:
            break
        after = batch.after
    finished_at = None if failed else clock.now()
    await database.write(lambda connection: _finish(connection, name, night, handled, finished_at, lease, holder))
    return JobReport(job=name, business_date=night.day, handled=handled, failed=tuple(failed))


def _step(job: Job, night: Night, after: str, lease: str, holder: str) -> Callable[[Connection], Batch]:
    def step(connection: Connection) -> Batch:
        leases.check(connection, lease, holder, LEASE_SECONDS)
        return job(connection, night, after)

    return step


def _begin(connection: Connection, name: str, night: Night, lease: str, holder: str) -> int | None:
    """Take the lease; None when there is work to do, else how many were handled when it was done."""
    row = {"job": name, "business_date": night.day, "handled": 0, "started_at": night.at}
    insert_new(connection, programme_jobs, row, unique=["job", "business_date"])
    found = connection.execute(sa.select(programme_jobs).where(_is(name, night.day))).one()
    if found.finished_at is not None:
        return int(found.handled)
    if not leases.acquire(connection, lease, holder, LEASE_SECONDS):
        raise RunInProgressError(f"The job {name} of {night.day} is being run; wait for it.")
    return None


def _finish(
    connection: Connection,
    name: str,
    night: Night,
    handled: int,
    finished_at: datetime | None,
    lease: str,
    holder: str,
) -> None:
    leases.check(connection, lease, holder, LEASE_SECONDS)
    changes = {"handled": programme_jobs.c.handled + handled, "finished_at": finished_at}
    connection.execute(sa.update(programme_jobs).where(_is(name, night.day)).values(changes))
    leases.release(connection, lease, holder)


def _is(name: str, day: date) -> sa.ColumnElement[bool]:
    return sa.and_(programme_jobs.c.job == name, programme_jobs.c.business_date == day)


def _each(connection: Connection, found: Iterable[str], work: Callable[[str], int], limit: int = BATCH) -> Batch:
    """Handle members one by one; an error of one undoes his part and is reported."""
    listed, handled, failed = list(found), 0, []
    for member_id in listed:
        savepoint = connection.begin_nested()
        try:
            handled += work(member_id)
        except GatewayError as error:
            savepoint.rollback()
            log.error("a member was left out of a job", member_id=member_id, error_code=error.code, exc_info=error)
            failed.append(f"{member_id}: {error.message}")
        else:
            savepoint.commit()
    return Batch(handled, listed[-1] if len(listed) == limit else None, tuple(failed))


def _expiry(connection: Connection, night: Night, _after: str) -> Batch:
    """Lots whose last day was before this day go to breakage."""
    swept = expire_lots(connection, at=start_of(night.day, night.programme.time_zone), limit=EXPIRY_BATCH)
    return Batch(swept, "more" if swept == EXPIRY_BATCH else None)


def _tiers(connection: Connection, night: Night, after: str) -> Batch:
    """Validities that ended before this day are judged."""
    found = programme_standing.members_to_review(connection, night.programme, night.day, after=after, limit=BATCH)

    def work(member_id: str) -> int:
        return len(standing.settle(connection, night.programme, member_id, night.at).reviews)

    return _each(connection, found, work)


def _warnings(connection: Connection, night: Night, after: str) -> Batch:
    """Members whose tier ends soon are told what keeps it."""
    last = night.day + timedelta(days=max(night.programme.tier_rules.warning_days, default=0))
    found = programme_standing.members_ending(connection, night.programme, night.day, last, after=after, limit=BATCH)
    return _each(connection, found, lambda member_id: _warn(connection, night, member_id))


def _warn(connection: Connection, night: Night, member_id: str) -> int:
    held = statuses.held_statuses(connection, member_id)
    history = standing.history_of(connection, night.programme, member_id)
    end = programme_tiers.ending(night.programme, held, history, night.day)
    if end is None or end.missing == 0:
        return 0
    step = programme_tiers.warning_step(night.programme, end.valid_to_date, night.day)
    if step is None:
        return 0
    payload: care.Payload = {
        "tier": end.tier,
        "tier_after": end.tier_after,
        "valid_to_date": str(end.valid_to_date),
        "needed": end.needed,
        "missing": end.missing,
    }
    notice = f"downgrade_ahead:{end.tier}:{end.valid_to_date}:{step}"
    return care.tell(connection, member_id, "downgrade_ahead", notice, payload, night.at)


def _expiring(connection: Connection, night: Night, after: str) -> Batch:
    """Members whose points expire soon are told how many and when."""
    steps = night.programme.tier_rules.expiring_days
    first = start_of(night.day, night.programme.time_zone)
    until = first + timedelta(days=max(steps, default=0) + 1)
    found = members_expiring(connection, first, until, after_member=after, limit=BATCH)

    def work(member_id: str) -> int:
        told = 0
        for one in expiring(connection, member_id, first, until):
            last = night.programme.today(one.expires_at) - timedelta(days=1)
            step = min((days for days in steps if (last - night.day).days <= days), default=None)
            if step is not None:
                payload: care.Payload = {"points": one.points, "last_date": str(last)}
                notice = f"expiring:{last}:{step}"
                told += care.tell(connection, member_id, "points_expiring", notice, payload, night.at)
        return told

    return _each(connection, found, work)


def _birthdays(connection: Connection, night: Night, after: str) -> Batch:
    """Members whose birthday this day is get what the rules give."""
    found = members.members_with_birthday(connection, birthdays_on(night.day), after, BATCH)

    def work(member_id: str) -> int:
        return int(bonuses.birthday(connection, night.programme, member_id, night.day, night.at) > 0)

    return _each(connection, found, work)


def _renewals(connection: Connection, night: Night, after: str) -> Batch:
    """Campaigns that wait for nothing give expired points back; ``after`` is ``<campaign's place>|<member>``."""
    running = [one for one in night.programme.renewals if one.activity is None and one.holds_on(night.day)]
    place, _, member = after.partition("|")
    number = int(place or 0)
    if number >= len(running):
        return Batch(0, None)
    renewal = running[number]
    first, until = bonuses.expired_between(night.programme, renewal)
    found = members_expired(connection, first, until, after_member=member, limit=BATCH)

    def work(member_id: str) -> int:
        return int(bonuses.renew(connection, night.programme, renewal, member_id, night.at) > 0)

    batch = _each(connection, found, work)
    following = f"{number + 1}|" if batch.after is None else f"{number}|{batch.after}"
    return Batch(batch.handled, following, batch.failed)


def _remainders(connection: Connection, night: Night, after: str) -> Batch:
    """What came to ended memberships since goes where the rest went; what is still held waits."""
    found = {one.id: one for one in members.closed_members(connection, after, BATCH)}

    def work(member_id: str) -> int:
        try:
            return int(settle_remainder(connection, found[member_id], night.at) > 0)
        except LedgerStateError:
            return 0

    return _each(connection, found, work)


JOBS: dict[str, Job] = {
    "expiry": _expiry,
    "tiers": _tiers,
    "warnings": _warnings,
    "expiring": _expiring,
    "birthdays": _birthdays,
    "renewals": _renewals,
    "remainders": _remainders,
}
"""Every job by name, in the order in which they run."""
