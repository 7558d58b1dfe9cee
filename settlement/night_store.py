"""What the night keeps: candidates of a run, runs, pairs. Plain operations; knows nothing of the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.identifiers import PREFIXES
from settlement import adjustments
from settlement.breaks import Record
from settlement.derived import derived_id
from settlement.night_tables import breaks, settlement_matches, settlement_runs, statement_lines, statements
from settlement.tables import settlement_lines

EPOCH = date(1970, 1, 1)
CHUNK = 500
"""Identifiers named in one statement; both databases take as many."""

_OUR_CLASS = {"refund": "refund", "guest_visit": "guest_visit", "conversion": "conversion"}
_OUR_CLASS |= dict.fromkeys(("cancel_fee", "no_show"), "fee")
_THEIR_CLASS = {"mileage": "conversion", "guest_visit": "guest_visit", "refund": "refund"}
_THEIR_CLASS |= dict.fromkeys(("fee", "adjustment"), "fee")
_STANDING = frozenset({"booked", "used", "completed", "no_show", "posted"})
_FALLEN = frozenset({"cancelled", "refunded", "failed", "void", "refused"})


class RunRow(msgspec.Struct, frozen=True):
    """One run as it is kept. ``revision`` grows when a repetition found other results."""

    id: str
    partner: str
    business_date: date
    state: str
    revision: int
    summary: dict[str, Any]
    failure: str | None
    started_at: datetime
    finished_at: datetime | None


def run_id(partner: str, business_date: date) -> str:
    """Name the run of a partner's day; there is one."""
    return derived_id(PREFIXES["settlement_run"], partner, business_date.isoformat())


def lease_name(partner: str, business_date: date) -> str:
    """Name the lease of a partner's day."""
    return f"settlement/{partner}/{business_date.isoformat()}"


def stands(kind: str, status: str) -> bool | None:
    """Say whether a statement line claims something that is due; None for a status nobody has told us of."""
    if status in _STANDING or (kind in {"refund", "fee", "adjustment"} and status in {"cancelled", "refunded"}):
        return True
    return False if status in _FALLEN else None


def our_candidates(
    connection: Connection, partner: str, first: date, last: date, run: str
) -> Iterator[tuple[Any, ...]]:
    """Give our lines of the days that no other run has paired, as snapshot rows ordered by id.

    Without adjustments, which no file lists, and what they corrected.
    """
    line, pair = settlement_lines.c, settlement_matches.c
    query = (
        sa.select(line.id, line.reference, line.partner_reference, line.kind, line.member_hash)
        .add_columns(line.service_date, line.quantity, line.gross, line.currency)
        .outerjoin_from(settlement_lines, settlement_matches, pair.record == line.id)
        .where(line.partner == partner, line.business_date.between(first, last))
        .where(line.kind != adjustments.KIND, ~adjustments.taken_out(line.id, breaks.c.ours_id))
        .where(sa.or_(pair.run_id.is_(None), pair.run_id == run))
        .order_by(line.id)
        .execution_options(yield_per=10_000)
    )
    for row in connection.execute(query):
        kind = _OUR_CLASS.get(row.kind, "service")
        yield (
            *row[:3],
            kind,
            row.member_hash,
            *_figures(row.service_date, row.quantity, row.gross, row.currency),
            True,
        )


def their_candidates(
    connection: Connection, partner: str, first: date, last: date, run: str
) -> Iterator[tuple[Any, ...]]:
    """Give the partner's lines of the days, of accepted files, that no other run has paired, ordered by id.

    Without those by which we have adjusted what is owed.
    """
    line, pair = statement_lines.c, settlement_matches.c
    query = (
        sa.select(line.id, line.reference, line.partner_reference, line.kind, line.member_hash)
        .add_columns(line.service_date, line.quantity, line.amount, line.currency, line.status)
        .join_from(statement_lines, statements, statements.c.id == line.statement_id)
        .outerjoin(settlement_matches, pair.theirs_id == line.id)
        .where(line.partner == partner, line.business_date.between(first, last), statements.c.state == "accepted")
        .where(~adjustments.taken_out(line.id, breaks.c.theirs_id))
        .where(sa.or_(pair.run_id.is_(None), pair.run_id == run))
        .order_by(line.id)
        .execution_options(yield_per=10_000)
    )
    for row in connection.execute(query):
        kind = _THEIR_CLASS.get(row.kind, "service")
        figures = _figures(row.service_date, row.quantity, row.amount, row.currency)
        yield (*row[:3], kind, row.member_hash, *figures, stands(row.kind, row.status))


def _figures(service_date: date, quantity: int, amount: int | None, currency: str | None) -> tuple[Any, ...]:
    owed = bool(amount)
    return (service_date - EPOCH).days, quantity, amount if owed else None, currency if owed else None


def kept_pairs(connection: Connection, run: str) -> Iterator[tuple[Any, ...]]:
    """Give what a run has paired so far, ordered by record."""
    pair = settlement_matches.c
    query = (
        sa.select(pair.record, pair.ours_id, pair.theirs_id, pair.outcome, pair.pass_name, pair.group_reference)
        .where(pair.run_id == run)
        .order_by(pair.record)
        .execution_options(yield_per=10_000)
    )
    for row in connection.execute(query):
        yield tuple(row)


def records(connection: Connection, ours: Sequence[str], theirs: Sequence[str]) -> dict[str, Record]:
    """Read what is known of records, by id."""
    found: dict[str, Record] = {}
    line = settlement_lines.c
    for chunk in chunks(ours):
        for row in connection.execute(sa.select(settlement_lines).where(line.id.in_(chunk))):
            found[row.id] = _record(row, row.gross, "due", row.redemption_id)
    for chunk in chunks(theirs):
        for row in connection.execute(sa.select(statement_lines).where(statement_lines.c.id.in_(chunk))):
            found[row.id] = _record(row, row.amount, row.status, None)
    return found


def _record(row: sa.Row[Any], amount: int | None, status: str, redemption_id: str | None) -> Record:
    return Record(
        id=row.id,
        business_date=row.business_date,
        reference=row.reference,
        partner_reference=row.partner_reference,
        kind=row.kind,
        service_date=row.service_date,
        quantity=row.quantity,
        amount=amount,
        currency=row.currency,
        status=status,
        redemption_id=redemption_id,
    )


def start_run(connection: Connection, partner: str, business_date: date, at: datetime) -> RunRow:
    """Open the run of a day, or answer the one that is there; a finished run is not touched."""
    run = run_id(partner, business_date)
    known = read_run(connection, run)
    if known is not None and known.state == "finished":
        return known
    if known is None:
        values = {"id": run, "partner": partner, "business_date": business_date, "revision": 0, "summary": {}}
        connection.execute(sa.insert(settlement_runs).values(**values, state="running", started_at=at))
    else:
        restarted = sa.update(settlement_runs).where(settlement_runs.c.id == run)
        connection.execute(restarted.values(state="running", failure=None, started_at=at))
    opened = read_run(connection, run)
    assert opened is not None
    return opened


def finish_run(connection: Connection, run: str, summary: dict[str, Any], at: datetime) -> None:
    """Write down the result of a run whose results are new or changed."""
    connection.execute(
        sa.update(settlement_runs)
        .where(settlement_runs.c.id == run)
        .values(
            state="finished",
            summary=summary,
            failure=None,
            finished_at=at,
            revision=settlement_runs.c.revision + 1,
        )
    )


def fail_run(connection: Connection, run: str, failure: str, at: datetime) -> None:
    """Write down why an unfinished run stopped; a finished one keeps its result."""
    connection.execute(
        sa.update(settlement_runs)
        .where(settlement_runs.c.id == run, settlement_runs.c.state != "finished")
        .values(state="failed", failure=failure, finished_at=at)
    )


def read_run(connection: Connection, run: str) -> RunRow | None:
    """Read one run."""
    row = connection.execute(sa.select(settlement_runs).where(settlement_runs.c.id == run)).one_or_none()
    return None if row is None else RunRow(**row._mapping)


def drop_pairs(connection: Connection, gone: Sequence[str]) -> None:
    """Forget pairs that no longer hold."""
    for chunk in chunks(gone):
        connection.execute(sa.delete(settlement_matches).where(settlement_matches.c.record.in_(chunk)))


def drop_pairs_of_adjusted(connection: Connection, partner: str) -> int:
    """Forget pairs that a run made of records whose break people adjusted meanwhile; answer how many.

    Called once the run has tried to close the breaks it does not find: by then who adjusts has ended, or is refused.
    The next run finds what they leave alone.
    """
    pair, of = settlement_matches.c, breaks.c
    adjusted = sa.and_(of.partner == partner, of.close_reason == adjustments.ADJUSTED)
    ours = sa.select(pair.record).join(breaks, pair.record == of.ours_id)
    theirs = sa.select(pair.record).join(breaks, pair.theirs_id == of.theirs_id)
    otherwise = sa.or_(pair.theirs_id.is_distinct_from(of.theirs_id), pair.ours_id.is_distinct_from(of.ours_id))
    found = [connection.execute(each.where(adjusted, otherwise)).scalars().all() for each in (ours, theirs)]
    gone = sorted({record for records in found for record in records})
    drop_pairs(connection, gone)
    return len(gone)


def add_pairs(connection: Connection, run: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep new pairs; a record that is in a pair already is refused by the database."""
    names = ("record", "ours_id", "theirs_id", "outcome", "pass_name", "group_reference")
    values = [dict(zip(names, row, strict=True), run_id=run) for row in rows]
    if values:
        connection.execute(sa.insert(settlement_matches), values)


def chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut identifiers into pieces that one statement can name."""
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
