"""Settlement lines in the database: written in the transaction of the fact they are about."""

from __future__ import annotations

from datetime import date, datetime
from hashlib import sha256

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.identifiers import make_identifier
from config.database import insert_surely_new
from config.prepared import Prepared, inserting
from settlement.errors import LedgerConflictError
from settlement.obligations import Obligation, SettlementLine
from settlement.tables import settlement_line_shares, settlement_lines

_SHARE = Prepared(inserting(settlement_line_shares))


class StoredLine(msgspec.Struct, frozen=True):
    """A line with its identifier and the entry that booked it."""

    id: str
    entry_key: str | None
    line: SettlementLine


def record(connection: Connection, obligation: Obligation, at: datetime, *, entry_key: str | None = None) -> bool:
    """Write a line and its shares; False when exactly this line is there already.

    The caller posts ``obligation.postings`` in the same transaction, in the capture's entry or in one of their own, and
    names that entry; the audit compares the two. The key is ``line.line_key``.

    Raises:
        LedgerConflictError: the line key is known with another content.
    """
    line = obligation.line
    row = msgspec.structs.asdict(line)
    values = {**row, "id": line_id(line), "entry_key": entry_key, "recorded_at": at}
    if not insert_surely_new(connection, settlement_lines, values, unique=["line_key"]):
        _refuse_other(connection, line)
        return False
    for share in obligation.shares:
        _SHARE.later(connection, line_key=line.line_key, **msgspec.structs.asdict(share))
    return True


def line_id(line: SettlementLine) -> str:
    """Derive a line's identifier from its key and instant: the same line has the same one on every machine."""
    return make_identifier("settlement_line", line.occurred_at, sha256(line.line_key.encode()).digest()[:10])


def lines_of(connection: Connection, partner: str, business_date: date) -> tuple[StoredLine, ...]:
    """Read the lines of one partner's business day, by key."""
    rows = connection.execute(
        sa.select(settlement_lines)
        .where(settlement_lines.c.partner == partner, settlement_lines.c.business_date == business_date)
        .order_by(settlement_lines.c.line_key)
    )
    return tuple(StoredLine(row.id, row.entry_key, _line(row._mapping)) for row in rows)


def _refuse_other(connection: Connection, line: SettlementLine) -> None:
    stored = connection.execute(sa.select(settlement_lines).where(settlement_lines.c.line_key == line.line_key)).one()
    known = _line(stored._mapping)
    replayed = msgspec.structs.replace(line, occurred_at=known.occurred_at, business_date=known.business_date)
    if replayed != known:
        raise LedgerConflictError(f"The line {line.line_key} is known with another content.", key=line.line_key)


def _line(values: sa.RowMapping) -> SettlementLine:
    return SettlementLine(**{name: values[name] for name in SettlementLine.__struct_fields__})
