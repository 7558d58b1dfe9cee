"""The contractual statement file, version 1: what a partner that publishes no format agrees to send. Pure.

UTF-8 CSV (RFC 4180, LF or CRLF), three kinds of record:

    H,pbg-statement,1,<partner>,<business date>,<sequence>,<currency>
    D,<row>,<reference>,<partner reference>,<kind>,<service date>,<quantity>,<currency>,<amount>,<status>,<member hash>
    T,<rows>,<total quantity>,<CUR=total;CUR=total, by code>

Amounts are decimal texts with the currency's digits; a row that moves no money leaves currency and amount empty. Rows
are numbered from 1 without a gap. A day without rows is a header and a trailer.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import date

import msgspec

from adapters.sdk.currencies import EXPONENTS, decimal_text, minor_units
from adapters.sdk.errors import ProtocolError, StatementError
from adapters.sdk.records import RowFault, StatementFile, StatementLine
from catalogue.values import Money

FORMAT = "pbg-statement"
VERSION = "1"
STATEMENT_PATH = "/contract/statements/{date}"
"""Where a day's file lies unless the partner file says otherwise."""
KINDS = frozenset({"visit", "guest_visit", "stay", "rental", "ride", "mileage", "fee", "refund", "adjustment"})
"""What a row can account for."""
STATUSES = frozenset({"booked", "used", "completed", "cancelled", "no_show", "posted", "refunded", "failed"})
"""What a row can say became of it."""

_COUNT = re.compile(r"-?(0|[1-9][0-9]{0,14})", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_QUANTITY = "quantity"


class _Parsed(msgspec.Struct):
    lines: list[StatementLine]
    faults: list[RowFault]
    totals: dict[str, int]


def statement_name(partner: str, business_date: date, sequence: int) -> str:
    """Name a file: partner, business date, sequence."""
    return f"{partner}_{business_date.isoformat()}_{sequence}.csv"


def write_statement(
    partner: str, business_date: date, sequence: int, currency: str, lines: Sequence[StatementLine]
) -> bytes:
    """Write a statement; the same lines give the same bytes.

    Args:
        partner: id as in the header of every file of this partner.
        business_date: the day, by the partner's cut-off.
        sequence: 1 for the first file of a day, one more for each correction.
        currency: the contract's currency; a row may state another.
        lines: rows are numbered anew in this order.

    Raises:
        StatementError: a text holds a control character.
    """
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["H", FORMAT, VERSION, partner, business_date.isoformat(), sequence, currency])
    totals: dict[str, int] = {}
    for row, line in enumerate(lines, start=1):
        writer.writerow(_row(row, line))
        if line.amount is not None:
            totals[line.amount.currency] = totals.get(line.amount.currency, 0) + line.amount.amount
    sums = ";".join(f"{code}={decimal_text(total, code)}" for code, total in sorted(totals.items()))
    writer.writerow(["T", len(lines), sum(line.quantity for line in lines), sums])
    return target.getvalue().encode("utf-8")


def parse_statement(name: str, content: bytes) -> StatementFile:
    """Read a statement and check its control totals.

    An unreadable amount or quantity is structural, because the totals can then not be checked; any other fault of one
    row becomes a `RowFault` and its amount still counts towards the totals. ``declared_totals`` holds the trailer's
    sums by currency and the total quantity under ``quantity``.

    Raises:
        StatementError: wrong encoding, header, trailer, numbering, count or total; names file and row.
    """
    records = _records(name, content)
    if len(records) < 2:
        raise StatementError(f"{name}: a statement has a header and a trailer; rows may be missing.")
    partner, business_date, sequence = _header(name, records[0])
    parsed = _Parsed([], [], {})
    for row, record in enumerate(records[1:-1], start=1):
        _take(name, row, record, parsed)
    count, declared = _trailer(name, records[-1])
    found = {_QUANTITY: 0} | parsed.totals
    if count != len(records) - 2:
        raise StatementError(f"{name}: the trailer counts {count} rows, the file has {len(records) - 2}.")
    if declared != found:
        wrong = sorted(key for key in declared.keys() | found.keys() if declared.get(key) != found.get(key))
        raise StatementError(f"{name}: the trailer's total of {', '.join(wrong)} is not the sum of the rows.")
    return StatementFile(
        partner=partner,
        business_date=business_date,
        sequence=sequence,
        lines=tuple(parsed.lines),
        faults=tuple(parsed.faults),
        declared_count=count,
        declared_totals=declared,
    )


def _row(row: int, line: StatementLine) -> list[str | int]:
    amount, currency = "", ""
    if line.amount is not None:
        amount, currency = decimal_text(line.amount.amount, line.amount.currency), line.amount.currency
    texts = (line.reference, line.partner_reference, line.kind, line.status, line.member_hash)
    if any(_CONTROL.search(text) for text in texts if text):
        raise StatementError(f"row {row}: a text holds a control character.")
    references: list[str | int] = [line.reference or "", line.partner_reference or "", line.kind]
    rest: list[str | int] = [line.service_date.isoformat(), line.quantity, currency, amount, line.status]
    return ["D", row, *references, *rest, line.member_hash or ""]


def _records(name: str, content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8")
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except UnicodeDecodeError as error:
        raise StatementError(f"{name}: the file is not UTF-8 (byte {error.start}).") from error
    except csv.Error as error:
        raise StatementError(f"{name}: the file is not CSV: {error}.") from error


def _header(name: str, record: list[str]) -> tuple[str, date, int]:
    if len(record) != 7 or record[:3] != ["H", FORMAT, VERSION]:
        raise StatementError(f"{name}: the first record is not a header of {FORMAT} version {VERSION}.")
    partner, business_date, sequence, currency = record[3:]
    day = _date(business_date)
    if not partner or day is None or currency not in EXPONENTS:
        raise StatementError(f"{name}: the header's partner, business date or currency is not valid.")
    return partner, day, _structural_count(name, 0, sequence, minimum=1)


def _trailer(name: str, record: list[str]) -> tuple[int, dict[str, int]]:
    if len(record) != 4 or record[0] != "T":
        raise StatementError(f"{name}: the last record is not a trailer; the file may be cut off.")
    totals = {_QUANTITY: _structural_count(name, 0, record[2], minimum=None)}
    for item in record[3].split(";") if record[3] else []:
        currency, _, text = item.partition("=")
        if currency in totals:
            raise StatementError(f"{name}: the trailer states {currency} twice.")
        totals[currency] = _structural_amount(name, 0, text, currency)
    return _structural_count(name, 0, record[1], minimum=0), totals


def _take(name: str, row: int, record: list[str], parsed: _Parsed) -> None:
    if len(record) != 11 or record[0] != "D":
        raise StatementError(f"{name}: row {row} is not a data record of 11 fields.")
    if record[1] != str(row):
        raise StatementError(f"{name}: row {row} is numbered {record[1]!r}; a row is missing or out of order.")
    _, _, reference, partner_reference, kind, service_date, quantity, currency, amount, status, member = record
    count = _structural_count(name, row, quantity, minimum=None)
    money = Money(_structural_amount(name, row, amount, currency), currency) if currency or amount else None
    parsed.totals[_QUANTITY] = parsed.totals.get(_QUANTITY, 0) + count
    if money is not None:
        parsed.totals[money.currency] = parsed.totals.get(money.currency, 0) + money.amount
    day = _date(service_date)
    fault = _fault(record, day)
    if fault is not None or day is None:
        code, message = fault or ("service_date", "The service date is not a date.")
        parsed.faults.append(RowFault(row=row, code=code, message=message, raw=",".join(record)))
        return
    parsed.lines.append(
        StatementLine(
            row=row,
            reference=reference or None,
            partner_reference=partner_reference or None,
            kind=kind,
            service_date=day,
            quantity=count,
            amount=money,
            status=status,
            member_hash=member or None,
        )
    )


def _fault(record: list[str], day: date | None) -> tuple[str, str] | None:
    _, _, reference, partner_reference, kind, _, _, _, _, status, _ = record
    if any(map(_CONTROL.search, record)):
        return "control_character", "A text holds a control character."
    if not reference and not partner_reference:
        return "no_reference", "The row carries neither our reference nor the partner's."
    if day is None:
        return "service_date", "The service date is not a date of the form YYYY-MM-DD."
    if kind not in KINDS:
        return "kind", "The kind is not one the format knows."
    if status not in STATUSES:
        return "status", "The status is not one the format knows."
    return None


def _date(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _structural_count(name: str, row: int, text: str, *, minimum: int | None) -> int:
    if not _COUNT.fullmatch(text) or (minimum is not None and int(text) < minimum):
        raise StatementError(f"{name}: {_where(row)} has a count that is not a plain integer.")
    return int(text)


def _structural_amount(name: str, row: int, text: str, currency: str) -> int:
    try:
        return minor_units(text, currency)
    except ProtocolError as error:
        raise StatementError(f"{name}: {_where(row)}: {error.message}") from error


def _where(row: int) -> str:
    return f"row {row}" if row else "the header or trailer"
