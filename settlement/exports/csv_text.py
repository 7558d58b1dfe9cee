"""CSV that a spreadsheet opens without running it. Pure.

RFC 4180: CRLF, fields quoted where needed, quotes doubled. A text that a spreadsheet could take for a formula gets one
single quote before it and is quoted; so does a text that begins with a single quote, which makes the guard reversible
(`unguarded`). Amounts are written from integers and stay numbers.

Source: OWASP ASVS 5.0.0 V1.2.10 and the OWASP page on CSV injection, RFC 4180 sections 2.6 and 2.7; read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from adapters.sdk.currencies import decimal_text
from catalogue.values import Money
from settlement.errors import ExportError

BYTE_ORDER_MARK = "\ufeff"
_DANGEROUS = frozenset("=+-@\t\r\n\x00\uff1d\uff0b\uff0d\uff20")
_SKIPPED = " \u00a0\ufeff\u3000"
_NEEDS_QUOTES = re.compile(r'[",\r\n]')
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_NUL_SHOWN = "\u2400"

Cell = str | int | date | Money | Decimal | None
"""What a cell may hold: text is guarded, integers and money are numbers, a date is ISO text, None is empty."""


def is_dangerous(text: str) -> bool:
    """Say whether any line of a text, leading blanks aside, begins as a formula does."""
    if text[:1] in _DANGEROUS and text:
        return True
    lines = re.split(r"[\r\n]", text)
    return any(line.lstrip(_SKIPPED)[:1] in _DANGEROUS for line in lines if line.lstrip(_SKIPPED))


def guarded(text: str) -> str:
    """Make a text harmless in a spreadsheet; NUL, which no CSV reader agrees on, is shown as its symbol."""
    shown = text.replace("\x00", _NUL_SHOWN)
    return "'" + shown if is_dangerous(text) or text.startswith("'") else shown


def unguarded(cell: str) -> str:
    """Give back the text that was guarded."""
    return cell[1:] if cell.startswith("'") else cell


def number(text: str) -> str:
    """Pass a numeric cell.

    Raises:
        ExportError: anything but ``-?digits(.digits)?``: no exponent, no plus.
    """
    if not _NUMBER.fullmatch(text):
        raise ExportError(f"{text[:40]!r} is not a number that a numeric column may hold.")
    return text


def field(cell: Cell) -> str:
    """Write one field, quoted where it must be.

    Raises:
        ExportError: a number that is not plain, or a type that does not belong into a file (floats, booleans).
    """
    if cell is None:
        return ""
    if isinstance(cell, str):
        text = guarded(cell)
        quoted = text is not cell and text != cell
        return '"' + text.replace('"', '""') + '"' if quoted or _NEEDS_QUOTES.search(text) else text
    if isinstance(cell, Money):
        return number(decimal_text(cell.amount, cell.currency))
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, bool) or not isinstance(cell, int | Decimal):
        raise ExportError(f"A {type(cell).__name__} does not belong into an export.")
    return number(str(cell))


def record(cells: Sequence[Cell]) -> str:
    """Write one record with its line end."""
    return ",".join(map(field, cells)) + "\r\n"


def document(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, byte_order_mark: bool = False) -> bytes:
    """Write a whole small file; see `record` for streaming."""
    start = BYTE_ORDER_MARK if byte_order_mark else ""
    return (start + record(header) + "".join(map(record, rows))).encode()
