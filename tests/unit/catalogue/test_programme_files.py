"""Bulk files: both forms say the same; what cannot be counted refuses the whole, a row's own fault only the row."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from catalogue.errors import BulkFileError
from catalogue.programme_files import AccrualRow, OpeningRow, RowFault, members_of, read_accruals, read_opening
from catalogue.values import Money

CSV = (
    "H,accruals,1,dealer-77-1\r\n"
    "D,1,liu-1,parts,125000,CNY,2026-11-21T08:00:00Z,inv-1,dealer-77\r\n"
    "D,2,wang-2,service,100,CNY,2026-11-21T16:00:00+08:00,inv-2,\r\n"
    "T,2,CNY=125100\r\n"
)
ROWS = [
    {"row": 1, "member": "liu-1", "activity": "parts", "amount": 125_000, "currency": "CNY",
     "occurred_at": "2026-11-21T08:00:00Z", "reference": "inv-1", "dealer": "dealer-77"},
    {"row": 2, "member": "wang-2", "activity": "service", "amount": 100, "currency": "CNY",
     "occurred_at": "2026-11-21T16:00:00+08:00", "reference": "inv-2", "dealer": None},
]  # fmt: skip
HEADER = {"file": "accruals", "version": 1, "reference": "dealer-77-1"}
TRAILER = {"rows": 2, "totals": {"CNY": 125_100}}


def lines(*records: object) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def test_csv_and_json_lines_say_the_same() -> None:
    file = read_accruals(CSV.encode(), "csv")
    assert file == read_accruals(lines(HEADER, *ROWS, TRAILER), "jsonl")
    assert (file.reference, file.totals) == ("dealer-77-1", {"CNY": 125_100})
    assert file.rows[0].content == AccrualRow(
        member="liu-1",
        activity="parts",
        amount=Money(125_000, "CNY"),
        occurred_at=datetime(2026, 11, 21, 8, tzinfo=UTC),
        reference="inv-1",
        dealer="dealer-77",
    )
    assert members_of(file.rows) == ["liu-1", "wang-2"]
    assert read_accruals(b"\xef\xbb\xbf" + CSV.encode(), "csv") == file, "spreadsheets begin with a byte order mark"


def test_an_empty_file_is_a_file() -> None:
    assert read_accruals(b"H,accruals,1,none\nT,0,\n", "csv").rows == ()


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("H,accruals,1", "H,accruals,2", "header"),
        ("H,accruals,1", "H,opening-balances,1", "header"),
        ("H,accruals,1", "X,accruals,1", "not a header"),
        ("dealer-77-1", "dealer 77", "reference"),
        ("T,2,CNY=125100\r\n", "", "cut off"),
        ("T,2", "T,3", "counts"),
        ("CNY=125100", "CNY=125101", "total of CNY is 125101, the rows sum to 125100; correct"),
        ("CNY=125100", "CNY=125100;EUR=1", "total of EUR is 1, the rows sum to 0"),
        ("CNY=125100", "CNY=125100;CNY=125100", "each once"),
        ("D,2", "D,3", "out of order"),
        ("125000", "1250.00", "Row 1: amount"),
        ("125000", "1e5", "Row 1: amount"),
        ("125000", "-125000", "Row 1: amount"),
        ("125000", "１２５０００", "Row 1: amount"),
        ("inv-2,\r\n", "inv-2\r\n", "Row 2 is not a data record"),
        ('liu-1', '"liu"-1', "not CSV"),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_refuses_the_whole_csv(before: str, after: str, says: str) -> None:
    assert before in CSV
    with pytest.raises(BulkFileError, match=says):
        read_accruals(CSV.replace(before, after).encode(), "csv")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        lines(HEADER),
        lines(HEADER, *ROWS),
        lines(HEADER, ROWS[0] | {"bonus": 1}, ROWS[1], TRAILER),
        lines(HEADER, ROWS[0] | {"amount": 125_000.0}, ROWS[1], TRAILER),
        lines(HEADER, ROWS[0] | {"amount": True}, ROWS[1], TRAILER),
        lines(HEADER, ROWS[0] | {"member": ["liu-1"]}, ROWS[1], TRAILER),
        lines(HEADER, *ROWS, {"rows": 2, "totals": {"CNY": 125_100, "rows": 2}}),
        lines(HEADER, *ROWS, {"rows": 2}),
        lines(HEADER) + b'{"row": 1, "row": 2}\n' + lines(TRAILER),
        lines(HEADER) + b"[1]\n" + lines(TRAILER),
        lines(HEADER) + b"\n" + lines(TRAILER),
        lines(HEADER) + b"[" * 100_000 + b"\n" + lines(TRAILER),
    ],
    ids=range(14),
)
def test_what_cannot_be_counted_refuses_all_json_lines(content: bytes) -> None:
    with pytest.raises(BulkFileError):
        read_accruals(content, "jsonl")


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("liu-1", "=liu", "member"),
        ("liu-1", "", "member"),
        ("parts", "new parts", "activity"),
        ("inv-1", "", "reference"),
        ("dealer-77\r", "the dealer\r", "dealer"),
        ("2026-11-21T08:00:00Z", "2026-11-21", "occurred_at"),
        ("2026-11-21T08:00:00Z", "2026-11-21T08:00:00", "occurred_at"),
        ("2026-11-21T08:00:00Z", "2026-02-30T08:00:00Z", "occurred_at"),
        ("parts", "pa\x07rts", "control_character"),
    ],
)
def test_what_is_wrong_with_one_row_is_that_rows(before: str, after: str, code: str) -> None:
    rows = read_accruals(CSV.replace(before, after, 1).encode(), "csv").rows
    assert isinstance(rows[0].content, RowFault)
    assert rows[0].content.code == code
    assert isinstance(rows[1].content, AccrualRow)


def test_opening_rows() -> None:
    content = (
        "H,opening-balances,1,old-club\n"
        "D,1,liu-1,lot,500,,2027-12-31,\n"
        "D,2,liu-1,lot,70,,,\n"
        "D,3,liu-1,qualifying,160000,,2026-03-01,\n"
        "D,4,liu-1,tier,0,gold,2026-03-01,2028-03-01\n"
        "D,5,liu-1,lot,5,gold,,\n"
        "D,6,liu-1,tier,0,gold,2026-03-01,2026-02-01\n"
        "D,7,liu-1,qualifying,5,,2026-13-01,\n"
        "D,8,liu 1,qualifying,5,,2026-12-01,\n"
        "T,8,lot=575;qualifying=160010\n"
    )
    rows = [row.content for row in read_opening(content.encode(), "csv").rows]
    assert rows[:4] == [
        OpeningRow(member="liu-1", kind="lot", quantity=500, on_date=date(2027, 12, 31)),
        OpeningRow(member="liu-1", kind="lot", quantity=70),
        OpeningRow(member="liu-1", kind="qualifying", quantity=160_000, on_date=date(2026, 3, 1)),
        OpeningRow(member="liu-1", kind="tier", tier="gold", on_date=date(2026, 3, 1), until_date=date(2028, 3, 1)),
    ]
    assert [row.code for row in rows[4:] if isinstance(row, RowFault)] == ["kind", "kind", "date", "member"]


def test_more_rows_than_are_taken_refuse_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalogue.programme_files.ROW_LIMIT", 1)
    with pytest.raises(BulkFileError, match="2 rows; 1 are the most"):
        read_accruals(CSV.encode(), "csv")


def test_the_last_line_of_json_lines_may_end_without_a_line_end() -> None:
    content = lines(HEADER, *ROWS, TRAILER)
    assert read_accruals(content.rstrip(b"\n"), "jsonl").rows == read_accruals(content, "jsonl").rows


def test_a_currency_that_is_none_is_that_rows() -> None:
    rows = read_accruals(CSV.replace("CNY", "CNYX").encode(), "csv").rows
    assert [row.content.code for row in rows if isinstance(row.content, RowFault)] == ["currency", "currency"]
