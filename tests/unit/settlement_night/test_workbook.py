"""The workbook, read back by another library. EX-02 and ST-10 for spreadsheets."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from adapters.sdk.errors import ProtocolError
from catalogue.values import Money
from settlement.exports.csv_text import Cell
from settlement.exports.rows import DETAIL_COLUMNS, DetailRow, amount
from settlement.exports.workbook import MAX_TEXT, DetailWorkbook


def detail(currency: str = "CNY", gross: int = 12_000, **cells: Cell) -> DetailRow:
    values: dict[str, Cell] = {"line_id": "0012", "business_date": date(2026, 11, 22), "gross": Money(gross, currency)}
    values |= cells
    return DetailRow(currency, gross, 0, gross, tuple(values.get(column) for column in DETAIL_COLUMNS))


def write(path: Path, rows: list[DetailRow], **options: int) -> DetailWorkbook:
    with DetailWorkbook(path, **options) as book:
        for row in rows:
            book.add(row)
        book.write_totals({"CNY": {"lines": len(rows), "gross": 12_000, "tax": 0, "net": 12_000}})
    return book


def read(path: Path, sheet: str = "detail") -> list[dict[str, Any]]:
    header, *rows = CalamineWorkbook.from_path(path).get_sheet_by_name(sheet).to_python()
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def test_identifiers_stay_text_and_money_is_a_number(tmp_path: Path) -> None:
    row = detail(reference="12345678901234567890", partner_reference="=1+1", redemption_id="https://example.org")
    write(tmp_path / "a.xlsx", [row])
    (found,) = read(tmp_path / "a.xlsx")
    assert (found["line_id"], found["reference"]) == ("0012", "12345678901234567890")
    assert (found["partner_reference"], found["redemption_id"]) == ("=1+1", "https://example.org")
    assert (found["gross"], found["business_date"]) == (120.0, date(2026, 11, 22))


def test_ex_06_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        write(tmp_path / name, [detail(), detail(gross=-5)])
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


@pytest.mark.parametrize(
    ("units", "currency", "shown"),
    [(5, "JPY", 5.0), (5, "KWD", 0.005), (5, "CLF", 0.0005), (-1, "CNY", -0.01), (10**14, "CNY", 10.0**12)],
)
def test_st_10_amounts_have_their_currencys_scale(tmp_path: Path, units: int, currency: str, shown: float) -> None:
    write(tmp_path / "a.xlsx", [detail(currency, units)])
    (found,) = read(tmp_path / "a.xlsx")
    assert found["gross"] == pytest.approx(shown, rel=1e-15)


@pytest.mark.parametrize("currency", ["XAU", "XXX", "BGN", "ZZZ"])
def test_st_10_what_nobody_settles_in_is_never_shown_as_money(tmp_path: Path, currency: str) -> None:
    assert amount(5, currency) == 5
    with DetailWorkbook(tmp_path / "a.xlsx") as book, pytest.raises(ProtocolError):
        book.add(detail(currency, 5))


def test_an_amount_beyond_a_double_is_exact_text(tmp_path: Path) -> None:
    write(tmp_path / "a.xlsx", [detail(gross=12345678901234567)])
    assert read(tmp_path / "a.xlsx")[0]["gross"] == "123456789012345.67"


def test_ex_02_a_text_longer_than_a_cell_is_cut_and_counted(tmp_path: Path) -> None:
    book = write(tmp_path / "a.xlsx", [detail(reference="x" * (MAX_TEXT + 1)), detail(reference="y" * MAX_TEXT)])
    first, second = read(tmp_path / "a.xlsx")
    assert (len(first["reference"]), first["reference"][-1], len(second["reference"])) == (MAX_TEXT, "…", MAX_TEXT)
    assert book.cut_cells == 1


def test_rows_beyond_one_sheet_go_to_the_next(tmp_path: Path) -> None:
    write(tmp_path / "a.xlsx", [detail(line_id=str(number)) for number in range(5)], max_rows=2)
    assert CalamineWorkbook.from_path(tmp_path / "a.xlsx").sheet_names == ["detail", "detail 2", "detail 3", "totals"]
    assert [row["line_id"] for row in read(tmp_path / "a.xlsx", "detail 3")] == ["4"]
    assert read(tmp_path / "a.xlsx", "totals") == [
        {"currency": "CNY", "lines": 5.0, "gross": 120.0, "tax": 0.0, "net": 120.0}
    ]
