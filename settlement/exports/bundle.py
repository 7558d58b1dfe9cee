"""One export: a folder per partner, period and version with the detail, breaks, positions and a control file.

A bundle is written under a temporary name and appears whole, by renaming its folder. The same content again writes
nothing; other content becomes the next version; nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from adapters.sdk.currencies import decimal_text
from config.errors import MalformedError
from settlement.break_store import list_breaks
from settlement.exports.csv_text import BYTE_ORDER_MARK, document, record
from settlement.exports.rows import (
    BREAK_COLUMNS,
    DETAIL_COLUMNS,
    POSITION_COLUMNS,
    DetailRow,
    break_rows,
    detail_rows,
    position_rows,
)
from settlement.exports.workbook import DetailWorkbook
from settlement.positions import period_days, positions

CONTROL = "control.json"
FORMAT_VERSION = 1
_PARTNER = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_VERSION = re.compile(r"v([1-9][0-9]*)")


class ControlFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The control file: what to count and hash after a transfer. Totals are decimal texts per currency."""

    format_version: int
    partner: str
    period: str
    detail_lines: int
    totals: dict[str, dict[str, str]]
    breaks: int
    open_breaks: int
    cut_cells: int
    sha256: dict[str, str]


class Bundle(msgspec.Struct, frozen=True):
    """An export that is there. ``written`` is False when the same content had been exported before."""

    folder: Path
    version: int
    written: bool
    control: ControlFile


def export_period(
    connection: Connection,
    root: Path,
    partner: str,
    period: str,
    *,
    byte_order_mark: bool = True,
    finishing: Callable[[], None] = lambda: None,
) -> Bundle:
    """Export a partner's period into ``root/<partner>/<period>/v<n>``.

    Args:
        connection: of a reading transaction: every file shows the same instant.
        root: folder of all exports.
        partner: whose lines.
        period: ``YYYY-MM``.
        byte_order_mark: begin CSV files with one, which spreadsheets need to read UTF-8.
        finishing: is called when everything is written and nothing is to be seen yet.

    Raises:
        MalformedError: the period is not a month, or the partner not an id.
        ExportError: a figure that must not leave; nothing appears.
    """
    home = _home(root, partner, period)
    home.mkdir(parents=True, exist_ok=True)
    working = Path(tempfile.mkdtemp(prefix=".writing-", dir=home))
    try:
        control = _write(connection, working, partner, period, byte_order_mark=byte_order_mark)
        finishing()
        return _publish(working, home, control)
    finally:
        shutil.rmtree(working, ignore_errors=True)


def list_bundles(root: Path, partner: str, period: str) -> list[Bundle]:
    """List the versions of an export, oldest first."""
    home = _home(root, partner, period)
    return [
        Bundle(folder, version, False, msgspec.json.decode((folder / CONTROL).read_bytes(), type=ControlFile))
        for version, folder in _versions(home)
    ]


def _home(root: Path, partner: str, period: str) -> Path:
    period_days(period)
    if not _PARTNER.fullmatch(partner):
        raise MalformedError(f"{partner[:40]!r} is not a partner's id.")
    return root / partner / period


def _versions(home: Path) -> list[tuple[int, Path]]:
    if not home.is_dir():
        return []
    named = ((_VERSION.fullmatch(folder.name), folder) for folder in home.iterdir())
    return sorted((int(name[1]), folder) for name, folder in named if name is not None)


def _write(connection: Connection, folder: Path, partner: str, period: str, *, byte_order_mark: bool) -> ControlFile:
    totals, cut_cells = _write_detail(folder, detail_rows(connection, partner, period), byte_order_mark)
    first, last = period_days(period)
    kept = list_breaks(connection, partner=partner, since=first, until=last)
    _save(folder / "breaks.csv", document(BREAK_COLUMNS, break_rows(kept), byte_order_mark=byte_order_mark))
    found = positions(connection, period, partner)
    rows = position_rows(found)
    _save(folder / "positions.csv", document(POSITION_COLUMNS, rows, byte_order_mark=byte_order_mark))
    control = ControlFile(
        format_version=FORMAT_VERSION,
        partner=partner,
        period=period,
        detail_lines=sum(sums["lines"] for sums in totals.values()),
        totals={currency: _texts(sums, currency) for currency, sums in sorted(totals.items())},
        breaks=len(kept),
        open_breaks=sum(row.state != "closed" for row in kept),
        cut_cells=cut_cells,
        sha256={path.name: _sha256(path) for path in sorted(folder.iterdir())},
    )
    _save(folder / CONTROL, msgspec.json.format(msgspec.json.encode(control), indent=2) + b"\n")
    return control


def _write_detail(
    folder: Path, rows: Iterator[DetailRow], byte_order_mark: bool
) -> tuple[dict[str, dict[str, int]], int]:
    totals: dict[str, dict[str, int]] = {}
    with (
        (folder / "detail.csv").open("w", encoding="utf-8", newline="") as target,
        DetailWorkbook(folder / "detail.xlsx") as workbook,
    ):
        target.write((BYTE_ORDER_MARK if byte_order_mark else "") + record(DETAIL_COLUMNS))
        for row in rows:
            target.write(record(row.cells))
            workbook.add(row)
            _count(totals, row)
        workbook.write_totals(totals)
    return totals, workbook.cut_cells


def _count(totals: dict[str, dict[str, int]], row: DetailRow) -> None:
    sums = totals.setdefault(row.currency, {"lines": 0, "gross": 0, "tax": 0, "net": 0})
    sums["lines"] += 1
    sums["gross"] += row.gross
    sums["tax"] += row.tax
    sums["net"] += row.net


def _texts(sums: dict[str, int], currency: str) -> dict[str, str]:
    money = {name: decimal_text(value, currency) for name, value in sums.items() if name != "lines"}
    return {"lines": str(sums["lines"]), **money}


def _publish(working: Path, home: Path, control: ControlFile) -> Bundle:
    versions = _versions(home)
    if versions:
        version, folder = versions[-1]
        if (folder / CONTROL).read_bytes() == (working / CONTROL).read_bytes():
            return Bundle(folder, version, False, control)
    version = versions[-1][0] + 1 if versions else 1
    for path in sorted(working.iterdir()):
        _to_disk(path)
    _to_disk(working)
    working.chmod(0o755)
    folder = home / f"v{version}"
    working.rename(folder)
    _to_disk(home)
    return Bundle(folder, version, True, control)


def _save(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
