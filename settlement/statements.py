"""Statements in: a partner's file is kept as it came, checked whole, and only then becomes lines.

Everything a file can be: new and accepted; known (same bytes: nothing happens); a correction (higher sequence of the
same day: supersedes); stale (lower sequence: kept as superseded); quarantined (structural fault: kept with the reason,
no line of it is used). Row faults go back to the partner in a handback; the other rows proceed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.errors import StatementError
from adapters.sdk.records import RowFault, StatementFile, StatementLine
from catalogue.identifiers import PREFIXES
from settlement.derived import derived_id
from settlement.exports.csv_text import document
from settlement.night_tables import statement_lines, statements

Parse = Callable[[str, bytes], StatementFile]
"""An adapter's ``parse_statement``."""

State = Literal["accepted", "superseded", "quarantined"]
_FACTS = [column for column in statements.c if column.name not in {"content", "handback"}]
INSERT_ROWS = 2_000
LIMIT = 2**62
"""Amounts and quantities are smaller than this either way."""


class IngestReport(msgspec.Struct, frozen=True):
    """What became of a file. ``known``: the same bytes had been received before, nothing was done now."""

    statement_id: str
    partner: str
    name: str
    state: State
    known: bool
    business_date: date | None
    sequence: int | None
    line_count: int
    fault_count: int
    reason: str | None
    superseded: str | None = None


def ingest(
    connection: Connection,
    parse: Parse,
    partner: str,
    name: str,
    content: bytes,
    at: datetime,
    expected_date: date | None = None,
) -> IngestReport:
    """Take in a statement file.

    Args:
        connection: of a writing transaction; the file, its lines and what it supersedes are stored in it together.
        parse: the adapter's parser; it checks control totals.
        partner: whose file it should be.
        name: as the partner named it.
        content: the raw bytes; kept, and with the partner the key under which a second delivery is a no-op.
        at: when it was received.
        expected_date: the business day that was asked for; a file of another day is quarantined.
    """
    digest = hashlib.sha256(content).hexdigest()
    _one_at_a_time(connection, partner)
    known = connection.execute(
        sa.select(*_FACTS).where(statements.c.partner == partner, statements.c.sha256 == digest)
    ).one_or_none()
    if known is not None:
        return _report(known, known=True)
    row: dict[str, Any] = {
        "id": derived_id(PREFIXES["statement"], partner, digest),
        "partner": partner,
        "name": name.replace("\x00", "")[:255],
        "sha256": digest,
        "content": content,
        "received_at": at,
        "line_count": 0,
        "fault_count": 0,
        "declared_totals": {},
    }
    file = _read(parse, name, content)
    refusal = file if isinstance(file, str) else _refusal(connection, file, partner, at, expected_date)
    if isinstance(file, str) or refusal is not None:
        dated = {} if isinstance(file, str) else {"business_date": file.business_date, "sequence": file.sequence}
        connection.execute(sa.insert(statements).values(**row, **dated, state="quarantined", reason=refusal))
        return _stored(connection, row["id"])
    return _accept(connection, row, file)


def read_handback(connection: Connection, statement_id: str) -> bytes | None:
    """Answer the CSV of row faults to send back to the partner; None when there are none."""
    query = sa.select(statements.c.handback).where(statements.c.id == statement_id)
    content = connection.execute(query).scalar_one_or_none()
    return None if content is None else bytes(content)


def accepted_statement(connection: Connection, partner: str, business_date: date) -> str | None:
    """Answer the id of the file that accounts for a day now; None when none does."""
    query = sa.select(statements.c.id).where(
        statements.c.partner == partner,
        statements.c.business_date == business_date,
        statements.c.state == "accepted",
    )
    return connection.execute(query).scalar_one_or_none()


def list_statements(connection: Connection, partner: str | None, limit: int) -> list[IngestReport]:
    """List the newest files first, without their content."""
    query = sa.select(*_FACTS).order_by(statements.c.received_at.desc(), statements.c.id.desc()).limit(limit)
    if partner is not None:
        query = query.where(statements.c.partner == partner)
    return [_report(row, known=True) for row in connection.execute(query)]


def handback_document(faults: tuple[RowFault, ...]) -> bytes:
    """Write the handback: row number, code, message and the row as it came; formulas in it are made harmless."""
    rows = [(fault.row, fault.code, fault.message, fault.raw) for fault in faults]
    return document(("row", "code", "message", "raw"), rows)


def _one_at_a_time(connection: Connection, partner: str) -> None:
    """Let two deliveries of one partner queue; SQLite's writers queue anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"statements/{partner}"))))


def _read(parse: Parse, name: str, content: bytes) -> StatementFile | str:
    try:
        return parse(name, content)
    except StatementError as error:
        return error.message
    except Exception as error:  # noqa: BLE001 - an adapter is foreign code; its fault must not stop the night
        return f"The adapter's parser failed on this file: {type(error).__name__}: {error}"


def _refusal(
    connection: Connection, file: StatementFile, partner: str, at: datetime, expected_date: date | None
) -> str | None:
    if file.partner != partner:
        return f"The file says it is {file.partner!r}'s, it came as {partner!r}'s."
    if expected_date is not None and file.business_date != expected_date:
        return f"The file is of {file.business_date}, {expected_date} was asked for."
    if file.business_date > at.date() + timedelta(days=1):
        return f"The file is of {file.business_date}, which is in the future."
    if file.declared_count != len(file.lines) + len(file.faults):
        return f"The file declares {file.declared_count} rows and has {len(file.lines) + len(file.faults)}."
    rows = [line.row for line in file.lines] + [fault.row for fault in file.faults]
    if len(set(rows)) != len(rows):
        return "The file numbers two rows alike."
    for line in file.lines:
        if problem := _unstorable(line):
            return f"Row {line.row}: {problem}."
    same = sa.and_(
        statements.c.partner == partner,
        statements.c.business_date == file.business_date,
        statements.c.sequence == file.sequence,
        statements.c.state != "quarantined",
    )
    if connection.execute(sa.select(statements.c.id).where(same)).first():
        return f"A file of {file.business_date} with sequence {file.sequence} and other content was received before."
    return None


def _unstorable(line: StatementLine) -> str | None:
    texts = (line.reference, line.partner_reference, line.kind, line.status, line.member_hash)
    if any("\x00" in text for text in texts if text):
        return "a text holds a NUL character"
    amount = line.amount.amount if line.amount else 0
    return "a figure is too large" if max(abs(amount), abs(line.quantity)) >= LIMIT else None


def _accept(connection: Connection, row: dict[str, Any], file: StatementFile) -> IngestReport:
    day = sa.and_(
        statements.c.partner == file.partner,
        statements.c.business_date == file.business_date,
        statements.c.state == "accepted",
    )
    current = connection.execute(sa.select(statements.c.id, statements.c.sequence).where(day)).one_or_none()
    stale = current is not None and current.sequence > file.sequence
    replaced = current.id if current is not None and not stale else None
    if replaced is not None:
        connection.execute(sa.update(statements).where(day).values(state="superseded", superseded_by=row["id"]))
    row |= {
        "business_date": file.business_date,
        "sequence": file.sequence,
        "state": "superseded" if stale else "accepted",
        "superseded_by": current.id if current is not None and stale else None,
        "line_count": len(file.lines),
        "fault_count": len(file.faults),
        "declared_totals": {key: str(value) for key, value in sorted(file.declared_totals.items())},
        "handback": handback_document(file.faults) if file.faults else None,
    }
    connection.execute(sa.insert(statements).values(**row))
    for rows in _line_rows(row["id"], file):
        connection.execute(sa.insert(statement_lines), rows)
    report = _stored(connection, row["id"])
    return msgspec.structs.replace(report, superseded=replaced)


def _line_rows(statement_id: str, file: StatementFile) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(file.lines), INSERT_ROWS):
        yield [_line_row(statement_id, file, line) for line in file.lines[start : start + INSERT_ROWS]]


def _line_row(statement_id: str, file: StatementFile, line: StatementLine) -> dict[str, Any]:
    return {
        "id": f"{statement_id}.{line.row:08d}",
        "statement_id": statement_id,
        "row": line.row,
        "partner": file.partner,
        "business_date": file.business_date,
        "reference": line.reference,
        "partner_reference": line.partner_reference,
        "kind": line.kind,
        "service_date": line.service_date,
        "quantity": line.quantity,
        "amount": line.amount.amount if line.amount else None,
        "currency": line.amount.currency if line.amount else None,
        "status": line.status,
        "member_hash": line.member_hash,
    }


def _stored(connection: Connection, statement_id: str) -> IngestReport:
    row = connection.execute(sa.select(*_FACTS).where(statements.c.id == statement_id)).one()
    return _report(row, known=False)


def _report(row: sa.Row[Any], *, known: bool) -> IngestReport:
    return IngestReport(
        statement_id=row.id,
        partner=row.partner,
        name=row.name,
        state=row.state,
        known=known,
        business_date=row.business_date,
        sequence=row.sequence,
        line_count=row.line_count,
        fault_count=row.fault_count,
        reason=row.reason,
    )
