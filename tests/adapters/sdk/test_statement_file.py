"""The contractual statement file: there and back, and every structural fault."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sdk.errors import StatementError
from adapters.sdk.records import StatementLine
from adapters.sdk.statement_file import KINDS, STATUSES, parse_statement, statement_name, write_statement
from catalogue.values import Money

DAY = date(2026, 11, 22)


def line(row: int = 1, **changes: object) -> StatementLine:
    values: dict[str, object] = {
        "row": row,
        "reference": f"rdm_{row}",
        "partner_reference": f"R-{row}",
        "kind": "visit",
        "service_date": DAY,
        "quantity": 1,
        "amount": Money(12000, "CNY"),
        "status": "used",
        "member_hash": None,
    }
    return StatementLine(**values | changes)  # type: ignore[arg-type]


def written(*lines: StatementLine) -> str:
    return write_statement("skyhub", DAY, 1, "CNY", lines).decode()


def parsed(text: str) -> object:
    return parse_statement("file.csv", text.encode())


def test_the_bytes_of_a_small_file() -> None:
    guests = line(2, kind="guest_visit", quantity=2, amount=Money(24000, "CNY"))
    miles = line(3, kind="mileage", quantity=5000, amount=None, status="posted", member_hash="ab,c")
    assert written(line(), guests, miles) == (
        "H,pbg-statement,1,skyhub,2026-11-22,1,CNY\n"
        "D,1,rdm_1,R-1,visit,2026-11-22,1,CNY,120.00,used,\n"
        "D,2,rdm_2,R-2,guest_visit,2026-11-22,2,CNY,240.00,used,\n"
        'D,3,rdm_3,R-3,mileage,2026-11-22,5000,,,posted,"ab,c"\n'
        "T,3,5003,CNY=360.00\n"
    )


def test_an_empty_day_is_a_file() -> None:
    file = parse_statement("empty.csv", written().encode())
    assert (file.partner, file.business_date, file.sequence, file.lines, file.declared_count) == (
        "skyhub",
        DAY,
        1,
        (),
        0,
    )


def test_crlf_is_read_too() -> None:
    assert len(parse_statement("f.csv", written(line()).replace("\n", "\r\n").encode()).lines) == 1


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
amounts = st.none() | st.builds(Money, st.integers(-(10**12), 10**12), st.sampled_from(["CNY", "JPY", "KWD"]))
lines = st.builds(
    StatementLine,
    row=st.just(0),
    reference=texts,
    partner_reference=st.none() | texts,
    kind=st.sampled_from(sorted(KINDS)),
    service_date=st.dates(),
    quantity=st.integers(-1000, 10**9),
    amount=amounts,
    status=st.sampled_from(sorted(STATUSES)),
    member_hash=st.none() | texts,
)


@given(st.lists(lines, max_size=5))
def test_what_is_written_is_read_back(rows: list[StatementLine]) -> None:
    file = parse_statement("f.csv", write_statement("p", DAY, 2, "CNY", rows))
    again = write_statement("p", DAY, 2, "CNY", file.lines)
    assert [item.row for item in file.lines] == list(range(1, len(rows) + 1))
    assert again == write_statement("p", DAY, 2, "CNY", rows)
    assert file.faults == ()
    assert file.declared_totals["quantity"] == sum(item.quantity for item in rows)


GOOD = written(line(1), line(2))
STRUCTURAL = {
    "empty": ("", "header and a trailer"),
    "no_trailer": (GOOD[: GOOD.index("T,")], "trailer"),
    "cut_in_a_row": (GOOD[: GOOD.index("D,2") + 9], "trailer"),
    "no_header": (GOOD[GOOD.index("\n") + 1 :], "header"),
    "another_version": (GOOD.replace("statement,1,", "statement,2,"), "header"),
    "another_format": (GOOD.replace("pbg-statement", "camt.053"), "header"),
    "bad_business_date": (GOOD.replace(",2026-11-22,1,CNY\n", ",22.11.2026,1,CNY\n", 1), "business date"),
    "sequence_zero": (GOOD.replace("2026-11-22,1,CNY\n", "2026-11-22,0,CNY\n", 1), "count"),
    "count_off": (GOOD.replace("T,2,", "T,3,"), "counts 3 rows"),
    "quantity_off": (GOOD.replace("T,2,2,", "T,2,3,"), "total of quantity"),
    "amount_off": (GOOD.replace("CNY=240.00", "CNY=240.01"), "total of CNY"),
    "total_of_another_currency": (GOOD.replace("CNY=240.00", "CNY=240.00;EUR=0.00"), "total of EUR"),
    "total_twice": (GOOD.replace("CNY=240.00", "CNY=240.00;CNY=240.00"), "twice"),
    "row_missing": (GOOD.replace("D,1,", "D,7,", 1), "row 1 is numbered '7'"),
    "row_of_another_width": (GOOD.replace(",used,\n", ",used\n", 1), "row 1 is not a data record"),
    "unreadable_amount": (GOOD.replace("120.00", "12O.00", 1), "row 1: An amount"),
    "too_many_decimals": (GOOD.replace("120.00", "120.001", 1), "row 1: An amount"),
    "amount_without_currency": (GOOD.replace("CNY,120.00", ",120.00", 1), "row 1"),
    "unreadable_quantity": (GOOD.replace("2026-11-22,1,CNY,120", "2026-11-22,one,CNY,120", 1), "row 1 has a count"),
    "unclosed_quote": (GOOD.replace("rdm_1", '"rdm_1', 1), "CSV"),
}


@pytest.mark.parametrize("kind", STRUCTURAL)
def test_structural_faults_refuse_the_file_and_name_it(kind: str) -> None:
    text, expected = STRUCTURAL[kind]
    with pytest.raises(StatementError) as caught:
        parsed(text)
    assert caught.value.message.startswith("file.csv: ")
    assert expected in caught.value.message


def test_another_encoding_refuses_the_file() -> None:
    with pytest.raises(StatementError, match="not UTF-8"):
        parse_statement("f.csv", GOOD.encode("utf-16"))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (",visit,", ",sauna,", "kind"),
        (",used,", ",lost,", "status"),
        (",2026-11-22,1,CNY,120", ",2026-11-31,1,CNY,120", "service_date"),
        ("rdm_1,R-1", ",", "no_reference"),
    ],
)
def test_row_faults_are_data_and_the_rest_proceeds(old: str, new: str, code: str) -> None:
    file = parse_statement("f.csv", GOOD.replace(old, new, 1).encode())
    assert [(fault.row, fault.code) for fault in file.faults] == [(1, code)]
    assert [item.row for item in file.lines] == [2]
    assert file.declared_totals == {"quantity": 2, "CNY": 24000}


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\tb", "a\0b", "a\x7fb"])
def test_control_characters_are_neither_written_nor_taken(text: str) -> None:
    with pytest.raises(StatementError, match="row 1: a text holds"):
        written(line(reference=text))
    file = parse_statement("f.csv", written(line(reference="marker")).replace("marker", f'"{text}"').encode())
    assert [fault.code for fault in file.faults] == ["control_character"]


def test_file_names() -> None:
    assert statement_name("skyhub-lounge", DAY, 2) == "skyhub-lounge_2026-11-22_2.csv"
