"""The detail as a workbook: rows are written as they come, memory stays flat, the same rows give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from adapters.sdk.currencies import decimal_text, exponent
from catalogue.values import Money
from settlement.exports.csv_text import Cell
from settlement.exports.rows import DETAIL_COLUMNS, NUMBER_COLUMNS, DetailRow

CREATED_AT = datetime(2026, 1, 1, tzinfo=UTC)
"""Written as the creation date of every workbook, so that repeating an export repeats its bytes."""
IDENTIFIER_WIDTH, TEXT_WIDTH, NARROW_WIDTH = 36, 20, 13
MAX_TEXT = 32_767
MAX_ROWS = 1_048_575
"""Data rows of one sheet; further ones go to the next."""
MAX_DIGITS = 15
"""A spreadsheet's numbers are doubles: an amount with more digits is written as text, exactly."""
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


class DetailWorkbook:
    """Writes one workbook: a context manager; `add` each row, then `write_totals`; leaving it finishes the file."""

    def __init__(self, path: Path, *, max_rows: int = MAX_ROWS) -> None:
        """Start the file; ``max_rows`` per sheet."""
        self._book = xlsxwriter.Workbook(str(path), {**_OPTIONS, "tmpdir": str(path.parent)})
        self._book.set_properties({"title": "Settlement detail", "created": CREATED_AT.replace(tzinfo=None)})
        self._head = self._book.add_format({"bold": True, "bg_color": "#DDE3EA", "border": 1})
        self._text = self._book.add_format({"num_format": "@"})
        self._date = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._numbers: dict[int, Any] = {}
        self._max_rows = max_rows
        self._sheets = 0
        self._row = 0
        self._sheet: Any = None
        self.cut_cells = 0
        self._next_sheet()

    def add(self, detail: DetailRow) -> None:
        """Write one line; a text longer than a cell holds is cut and counted in ``cut_cells``."""
        if self._row == self._max_rows:
            self._next_sheet()
        self._row += 1
        for column, cell in enumerate(detail.cells):
            self._write(self._sheet, self._row, column, cell)

    def __enter__(self) -> DetailWorkbook:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the file and close what it had open; after an error the file is there and worth nothing."""
        self._book.close()

    def write_totals(self, totals: Mapping[str, Mapping[str, int]]) -> None:
        """Write the totals sheet, once, at the end.

        Args:
            totals: per currency the sums by column, in minor units, and ``lines``.
        """
        sheet = self._book.add_worksheet("totals")
        columns = ("currency", "lines", "gross", "tax", "net")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(columns) - 1, 18)
        for column, name in enumerate(columns):
            sheet.write_string(0, column, name, self._head)
        for row, (currency, sums) in enumerate(sorted(totals.items()), start=1):
            cells: tuple[Cell, ...] = (currency, sums["lines"], *(Money(sums[name], currency) for name in columns[2:]))
            for column, cell in enumerate(cells):
                self._write(sheet, row, column, cell)

    def _next_sheet(self) -> None:
        self._sheets += 1
        self._row = 0
        self._sheet = self._book.add_worksheet("detail" if self._sheets == 1 else f"detail {self._sheets}")
        self._sheet.freeze_panes(1, 1)
        self._sheet.set_landscape()
        self._sheet.fit_to_pages(1, 0)
        self._sheet.repeat_rows(0)
        for column, name in enumerate(DETAIL_COLUMNS):
            self._sheet.set_column(column, column, _width(name))
            self._sheet.write_string(0, column, name, self._head)

    def _write(self, sheet: Any, row: int, column: int, cell: Cell) -> None:
        if cell is None:
            return
        if isinstance(cell, Money):
            self._write_number(sheet, row, column, decimal_text(cell.amount, cell.currency), exponent(cell.currency))
        elif isinstance(cell, int):
            self._write_number(sheet, row, column, str(cell), 0)
        elif isinstance(cell, date):
            sheet.write_datetime(row, column, datetime(cell.year, cell.month, cell.day), self._date)  # noqa: DTZ001
        else:
            self._write_text(sheet, row, column, str(cell))

    def _write_number(self, sheet: Any, row: int, column: int, text: str, decimals: int) -> None:
        if sum(character.isdigit() for character in text) > MAX_DIGITS:
            sheet.write_string(row, column, text, self._text)
        else:
            sheet.write_number(row, column, Decimal(text), self._number_format(decimals))

    def _write_text(self, sheet: Any, row: int, column: int, text: str) -> None:
        if len(text) > MAX_TEXT:
            self.cut_cells += 1
            text = text[: MAX_TEXT - 1] + "…"
        sheet.write_string(row, column, text, self._text)

    def _number_format(self, decimals: int) -> Any:
        if decimals not in self._numbers:
            pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
            self._numbers[decimals] = self._book.add_format({"num_format": f"{pattern};[Red]-{pattern}"})
        return self._numbers[decimals]


def _width(column: str) -> int:
    """Wide enough for what the column holds: identifiers whole, dates and numbers narrow."""
    if column.endswith(("_id", "reference")):
        return IDENTIFIER_WIDTH
    return NARROW_WIDTH if column in NUMBER_COLUMNS or column.endswith("_date") else TEXT_WIDTH
