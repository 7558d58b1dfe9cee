"""Bulk files of the programme's systems: accruals and opening balances, as CSV or as JSON lines. Pure.

A file is a header, data records numbered from 1 without a gap, and a trailer with the count and the control totals::

    H,accruals,1,dealer-77-20261122                       {"file": "accruals", "version": 1, "reference": "..."}
    D,1,liu-1,parts,125000,CNY,2026-11-21T08:00:00Z,...   {"row": 1, "member": "liu-1", "activity": "parts", ...}
    T,1,CNY=125000                                        {"rows": 1, "totals": {"CNY": 125000}}

What cannot be counted is a structural fault and refuses the whole file: encoding, header, trailer, numbering, a number
that is none, a count or total that differs. What is wrong with one row alone is that row's fault. Amounts are whole
minor units, points are whole.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, Literal, Never, TypeVar

import msgspec

from catalogue.errors import BulkFileError
from catalogue.values import Money

Format = Literal["csv", "jsonl"]
VERSION = 1
ROW_LIMIT = 100_000
"""More rows than this are sent as several files."""
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,14})", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Fields = dict[str, str]
R = TypeVar("R", bound=msgspec.Struct)


class RowFault(msgspec.Struct, frozen=True):
    """What is wrong with one row: a stable code and a sentence that says what to do."""

    code: str
    message: str


class AccrualRow(msgspec.Struct, frozen=True, kw_only=True):
    """One activity; ``member`` is our id or the club's own."""

    member: str
    activity: str
    amount: Money
    occurred_at: datetime
    reference: str
    dealer: str | None = None


class OpeningRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a member brings: a lot, qualifying points of a day, or an earned tier.

    Attributes:
        on_date: last day of a lot (None: never expires), day of qualifying points, first day of a tier.
        until_date: last day of a tier.
    """

    member: str
    kind: Literal["lot", "qualifying", "tier"]
    quantity: int = 0
    tier: str | None = None
    on_date: date | None = None
    until_date: date | None = None


class BulkRow(msgspec.Struct, frozen=True):
    """A numbered row: what was read, or why not."""

    number: int
    content: AccrualRow | OpeningRow | RowFault


class BulkFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file whose count and control totals are right."""

    kind: str
    reference: str
    rows: tuple[BulkRow, ...]
    totals: dict[str, int]


class _Layout(msgspec.Struct, frozen=True):
    """The columns of a kind of file, how a row is read, and which control total its quantity belongs to."""

    kind: str
    columns: tuple[str, ...]
    quantity: str
    bucket: Callable[[Fields], str]
    read: Callable[[Fields], AccrualRow | OpeningRow | RowFault]


def read_accruals(content: bytes, format_: Format) -> BulkFile:
    """Read a file of activities; columns: member, activity, amount, currency, occurred_at, reference, dealer.

    Control totals: the amount per currency.

    Raises:
        BulkFileError: a structural fault; names the row.
    """
    return _read(_ACCRUALS, content, format_)


def read_opening(content: bytes, format_: Format) -> BulkFile:
    """Read a file of opening balances; columns: member, kind, quantity, tier, on_date, until_date.

    Control totals: the quantity per kind (``lot``, ``qualifying``; a tier has the quantity 0).

    Raises:
        BulkFileError: a structural fault; names the row.
    """
    return _read(_OPENING, content, format_)


def _read(layout: _Layout, content: bytes, format_: Format) -> BulkFile:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BulkFileError(f"The file is not UTF-8 (byte {error.start}); save it as UTF-8.") from error
    header, data, trailer = _csv_parts(layout, text) if format_ == "csv" else _json_parts(layout, text)
    if header.get("file") != layout.kind or header.get("version") != str(VERSION):
        raise BulkFileError(f"The first record is not a header of {layout.kind}, version {VERSION}.")
    reference = header.get("reference", "")
    if not _IDENTIFIER.fullmatch(reference):
        raise BulkFileError("The header's reference is not an identifier of at most 64 letters, digits and . _ -")
    if len(data) > ROW_LIMIT:
        raise BulkFileError(f"The file has {len(data)} rows; {ROW_LIMIT} are the most, send several files.")
    totals: dict[str, int] = {}
    rows = [_row(layout, number, fields, totals) for number, fields in enumerate(data, start=1)]
    _check_trailer(trailer, len(data), totals)
    return BulkFile(kind=layout.kind, reference=reference, rows=tuple(rows), totals=totals)


def _row(layout: _Layout, number: int, fields: Fields, totals: dict[str, int]) -> BulkRow:
    if fields.pop("row", "") != str(number):
        message = f"Row {number} is not numbered so; a row is missing or out of order, number them from 1 on."
        raise BulkFileError(message, row=number)
    quantity = fields.get(layout.quantity, "")
    if not _NUMBER.fullmatch(quantity):
        raise BulkFileError(f"Row {number}: {layout.quantity} is not a whole number of at most 15 digits.", row=number)
    bucket = layout.bucket(fields)
    totals[bucket] = totals.get(bucket, 0) + int(quantity)
    if any(_CONTROL.search(text) for text in fields.values()):
        return BulkRow(number, RowFault("control_character", "A text holds a control character."))
    return BulkRow(number, layout.read(fields))


def _check_trailer(trailer: Fields, count: int, totals: dict[str, int]) -> None:
    declared = {name: text for name, text in trailer.items() if name != "rows"}
    if trailer.get("rows") != str(count):
        counts = f"The trailer counts {trailer.get('rows')!r} rows, the file has {count}"
        raise BulkFileError(f"{counts}; add the rows that are missing, or correct the trailer.")
    found = {name: str(total) for name, total in totals.items() if total}
    stated = {name: text for name, text in declared.items() if text != "0"}
    if stated != found:
        wrong = sorted(name for name in stated.keys() | found.keys() if stated.get(name) != found.get(name))
        told = ", ".join(f"{name} is {stated.get(name, '0')}, the rows sum to {found.get(name, '0')}" for name in wrong)
        raise BulkFileError(f"The trailer's total of {told}; correct the rows or the trailer, whichever is wrong.")


def _csv_parts(layout: _Layout, text: str) -> tuple[Fields, list[Fields], Fields]:
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise BulkFileError(f"The file is not CSV: {error}.") from error
    if len(records) < 2 or records[0][:1] != ["H"] or len(records[0]) != 4:
        raise BulkFileError("The first record is not a header (H,<kind>,<version>,<reference>).")
    if records[-1][:1] != ["T"] or len(records[-1]) != 3:
        raise BulkFileError("The last record is not a trailer (T,<rows>,<totals>); the file may be cut off.")
    data = []
    for number, record in enumerate(records[1:-1], start=1):
        if len(record) != len(layout.columns) + 2 or record[0] != "D":
            raise BulkFileError(
                f"Row {number} is not a data record of {len(layout.columns) + 2} fields: D, number, "
                f"{', '.join(layout.columns)}.",
                row=number,
            )
        data.append(dict(zip(("row", *layout.columns), record[1:], strict=True)))
    header = dict(zip(("file", "version", "reference"), records[0][1:], strict=True))
    return header, data, {"rows": records[-1][1], **_csv_totals(records[-1][2])}


def _csv_totals(text: str) -> Fields:
    totals: Fields = {}
    for item in text.split(";") if text else []:
        name, separator, total = item.partition("=")
        if not separator or name in totals or name == "rows":
            raise BulkFileError("The trailer's totals are not of the form CNY=100;EUR=5, each once.")
        totals[name] = total
    return totals


def _json_parts(layout: _Layout, text: str) -> tuple[Fields, list[Fields], Fields]:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    records = [_json_line(number, line) for number, line in enumerate(lines, start=1)]
    if len(records) < 2:
        raise BulkFileError("The file has no header and trailer.")
    allowed = {"row", *layout.columns}
    for number, record in enumerate(records[1:-1], start=1):
        if not allowed >= record.keys():
            unknown = ", ".join(sorted(record.keys() - allowed))
            raise BulkFileError(f"Row {number} has keys that are not known: {unknown[:80]}.", row=number)
    totals = records[-1].get("totals")
    if records[-1].keys() != {"rows", "totals"} or not isinstance(totals, dict) or "rows" in totals:
        raise BulkFileError('The last line is not a trailer ({"rows": ..., "totals": {...}}); it may be cut off.')
    trailer = {"rows": records[-1]["rows"], **totals}
    data = [_texts(number, record) for number, record in enumerate(records[1:-1], start=1)]
    return _texts(0, records[0]), data, _texts(0, trailer)


def _json_line(number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=_unique, parse_float=_no_fraction, parse_constant=_no_fraction)
    except (ValueError, RecursionError) as error:
        raise BulkFileError(f"Line {number} is not JSON with whole numbers and each key once.") from error
    if not isinstance(value, dict):
        raise BulkFileError(f"Line {number} is not a JSON object.")
    return value


def _texts(number: int, record: dict[str, Any]) -> Fields:
    """Give values as CSV would hold them; null is an empty field."""
    found: Fields = {}
    for key, value in record.items():
        if value is not None and type(value) not in (str, int):
            raise BulkFileError(f"Row {number}: {key} is neither a text nor a whole number.", row=number)
        found[key] = "" if value is None else str(value)
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_fraction(text: str) -> Never:
    raise ValueError(f"{text[:20]} is not a whole number")


def _accrual(fields: Fields) -> AccrualRow | RowFault:
    for name in ("member", "activity", "reference"):
        if not _IDENTIFIER.fullmatch(fields.get(name, "")):
            return RowFault(name, f"The {name} is not an identifier of letters, digits and . _ - (at most 64).")
    dealer = fields.get("dealer", "")
    if dealer and not _IDENTIFIER.fullmatch(dealer):
        return RowFault("dealer", "The dealer is not an identifier; leave it empty when there is none.")
    if not _CURRENCY.fullmatch(fields.get("currency", "")):
        return RowFault("currency", "The currency is not an ISO 4217 code of three capital letters.")
    occurred_at = _instant(fields.get("occurred_at", ""))
    if occurred_at is None:
        return RowFault("occurred_at", "The instant is not of the form 2026-11-21T08:00:00Z or with an offset.")
    return AccrualRow(
        member=fields["member"],
        activity=fields["activity"],
        amount=Money(int(fields["amount"]), fields["currency"]),
        occurred_at=occurred_at,
        reference=fields["reference"],
        dealer=dealer or None,
    )


def _opening(fields: Fields) -> OpeningRow | RowFault:
    member, kind, quantity = fields.get("member", ""), fields.get("kind", ""), int(fields["quantity"])
    first, last = _day(fields.get("on_date", "")), _day(fields.get("until_date", ""))
    tier = fields.get("tier", "") or None
    if not _IDENTIFIER.fullmatch(member):
        return RowFault("member", "The member is not an identifier of letters, digits and . _ - (at most 64).")
    if isinstance(first, RowFault) or isinstance(last, RowFault):
        return RowFault("date", "A date is not of the form YYYY-MM-DD; leave it empty when there is none.")
    if kind == "lot" and quantity and tier is None and last is None:
        return OpeningRow(member=member, kind="lot", quantity=quantity, on_date=first)
    if kind == "qualifying" and quantity and tier is None and first and last is None:
        return OpeningRow(member=member, kind="qualifying", quantity=quantity, on_date=first)
    if kind == "tier" and not quantity and tier and first and last and first <= last:
        return OpeningRow(member=member, kind="tier", tier=tier, on_date=first, until_date=last)
    return RowFault(
        "kind",
        "A lot has a quantity and perhaps its last day; qualifying points a quantity and their day; a tier has its "
        "name, first and last day and the quantity 0.",
    )


def _instant(text: str) -> datetime | None:
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _day(text: str) -> date | RowFault | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else RowFault("date", text)
    except ValueError:
        return RowFault("date", text)


def members_of(rows: Iterable[BulkRow]) -> list[str]:
    """List the members that well-formed rows name, each once, in the file's order."""
    named = (row.content.member for row in rows if not isinstance(row.content, RowFault))
    return list(dict.fromkeys(named))


_ACCRUALS = _Layout(
    kind="accruals",
    columns=("member", "activity", "amount", "currency", "occurred_at", "reference", "dealer"),
    quantity="amount",
    bucket=lambda fields: fields.get("currency", ""),
    read=_accrual,
)
_OPENING = _Layout(
    kind="opening-balances",
    columns=("member", "kind", "quantity", "tier", "on_date", "until_date"),
    quantity="quantity",
    bucket=lambda fields: fields.get("kind", ""),
    read=_opening,
)
