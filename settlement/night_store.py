"""What the night keeps: candidates of a run, runs, pairs, breaks. Plain operations; knows nothing of the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.identifiers import PREFIXES
from settlement.breaks import Break, Record
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


class KeptBreak(msgspec.Struct, frozen=True):
    """A break with its life so far."""

    item: Break
    run_id: str
    state: str
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str | None


def run_id(partner: str, business_date: date) -> str:
    """Name the run of a partner's day; there is one."""
    return derived_id(PREFIXES["settlement_run"], partner, business_date.isoformat())


def stands(kind: str, status: str) -> bool | None:
    """Say whether a statement line claims something that is due; None for a status nobody has told us of."""
    if status in _STANDING or (kind in {"refund", "fee", "adjustment"} and status in {"cancelled", "refunded"}):
        return True
    return False if status in _FALLEN else None


def our_candidates(
    connection: Connection, partner: str, first: date, last: date, run: str
) -> Iterator[tuple[Any, ...]]:
    """Give our lines of the days that no other run has paired, as snapshot rows ordered by id."""
    line, pair = settlement_lines.c, settlement_matches.c
    query = (
        sa.select(line.id, line.reference, line.partner_reference, line.kind, line.member_hash)
        .add_columns(line.service_date, line.quantity, line.gross, line.currency)
        .outerjoin_from(settlement_lines, settlement_matches, pair.record == line.id)
        .where(line.partner == partner, line.business_date.between(first, last))
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
    """Give the partner's lines of the days, of accepted files, that no other run has paired, ordered by id."""
    line, pair = statement_lines.c, settlement_matches.c
    query = (
        sa.select(line.id, line.reference, line.partner_reference, line.kind, line.member_hash)
        .add_columns(line.service_date, line.quantity, line.amount, line.currency, line.status)
        .join_from(statement_lines, statements, statements.c.id == line.statement_id)
        .outerjoin(settlement_matches, pair.theirs_id == line.id)
        .where(line.partner == partner, line.business_date.between(first, last), statements.c.state == "accepted")
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
    for chunk in _chunks(ours):
        for row in connection.execute(sa.select(settlement_lines).where(line.id.in_(chunk))):
            found[row.id] = _record(row, row.gross, "due", row.redemption_id)
    for chunk in _chunks(theirs):
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
    for chunk in _chunks(gone):
        connection.execute(sa.delete(settlement_matches).where(settlement_matches.c.record.in_(chunk)))


def add_pairs(connection: Connection, run: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep new pairs; a record that is in a pair already is refused by the database."""
    names = ("record", "ours_id", "theirs_id", "outcome", "pass_name", "group_reference")
    values = [dict(zip(names, row, strict=True), run_id=run) for row in rows]
    if values:
        connection.execute(sa.insert(settlement_matches), values)


def apply_breaks(
    connection: Connection, run: str, days: tuple[date, date], found: Sequence[Break], at: datetime
) -> int:
    """Bring the kept breaks to what a run found; answer how many rows changed.

    New ones are opened; open ones that the run no longer finds are closed with the reason; ones that a run had closed
    and that are there again are opened again. What a person closed stays closed.
    """
    wanted = {item.id: item for item in found}
    changed = 0
    for chunk in _chunks(sorted(wanted)):
        kept = {row.id: row for row in connection.execute(sa.select(breaks).where(breaks.c.id.in_(chunk)))}
        for name in chunk:
            changed += _open(connection, run, wanted[name], kept.get(name), at)
    partner = read_run_partner(connection, run)
    for row in connection.execute(_in_scope(partner, run, days)).all():
        if row.id not in wanted:
            _close(connection, run, row, at)
            changed += 1
    return changed


def read_run_partner(connection: Connection, run: str) -> str:
    """Answer whose run it is."""
    return str(connection.execute(sa.select(settlement_runs.c.partner).where(settlement_runs.c.id == run)).scalar_one())


def _open(connection: Connection, run: str, item: Break, kept: sa.Row[Any] | None, at: datetime) -> int:
    if kept is None:
        values = msgspec.structs.asdict(item) | {"run_id": run, "state": "open", "opened_at": at}
        connection.execute(sa.insert(breaks).values(**values))
        return 1
    if kept.state == "closed" and kept.closed_by_run is not None:
        again = {"state": "open", "closed_at": None, "closed_by_run": None, "close_reason": None}
        connection.execute(sa.update(breaks).where(breaks.c.id == item.id).values(**again))
        return 1
    return 0


def _in_scope(partner: str, run: str, days: tuple[date, date]) -> sa.Select[Any]:
    """Open breaks that a run has judged anew: lone records of its days, and whatever it opened itself."""
    lone = breaks.c.kind.in_(["missing_ours", "missing_theirs"]) & breaks.c.business_date.between(*days)
    return (
        sa.select(breaks.c.id, breaks.c.ours_id, breaks.c.theirs_id)
        .where(breaks.c.partner == partner, breaks.c.state == "open")
        .where(sa.or_(lone, breaks.c.run_id == run))
        .order_by(breaks.c.id)
    )


def _close(connection: Connection, run: str, row: sa.Row[Any], at: datetime) -> None:
    values = {"state": "closed", "closed_at": at, "closed_by_run": run, "close_reason": _reason(connection, row)}
    connection.execute(sa.update(breaks).where(breaks.c.id == row.id).values(**values))


def _reason(connection: Connection, row: sa.Row[Any]) -> str:
    if row.theirs_id is not None:
        state = sa.select(statements.c.state).join(statement_lines).where(statement_lines.c.id == row.theirs_id)
        if connection.execute(state).scalar_one() != "accepted":
            return "superseded"
    pair = settlement_matches.c
    paired = sa.select(pair.outcome).where(sa.or_(pair.ours_id == row.ours_id, pair.theirs_id == row.theirs_id))
    return "matched" if connection.execute(paired).scalars().first() == "matched" else "changed"


def list_breaks(
    connection: Connection,
    *,
    partner: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    until: date | None = None,
    since: date | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[KeptBreak]:
    """List breaks ordered by business date and id.

    Args:
        connection: any.
        partner: only this partner's.
        kind: only this kind.
        state: ``open`` or ``closed``.
        until: business date at most.
        since: business date at least.
        after: the id that a page before ended with.
        limit: at most so many.
    """
    query = sa.select(breaks).order_by(breaks.c.business_date, breaks.c.id)
    for column, value in ((breaks.c.partner, partner), (breaks.c.kind, kind), (breaks.c.state, state)):
        query = query if value is None else query.where(column == value)
    query = query if until is None else query.where(breaks.c.business_date <= until)
    query = query if since is None else query.where(breaks.c.business_date >= since)
    if after is not None:
        day = sa.select(breaks.c.business_date).where(breaks.c.id == after).scalar_subquery()
        later = sa.and_(breaks.c.business_date == day, breaks.c.id > after)
        query = query.where(sa.or_(breaks.c.business_date > day, later))
    rows = connection.execute(query if limit is None else query.limit(limit))
    return [_kept(row) for row in rows]


def _kept(row: sa.Row[Any]) -> KeptBreak:
    values = row._mapping
    item = Break(**{name: values[name] for name in Break.__struct_fields__})
    return KeptBreak(
        item=item,
        run_id=row.run_id,
        state=row.state,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
    )


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
