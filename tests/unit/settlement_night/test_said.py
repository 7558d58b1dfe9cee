"""What all rows that name one key of ours say together."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from catalogue.values import Money
from settlement.said import judge

DAY = date(2026, 11, 22)
PRICE = Money(12_000, "CNY")


def row(status: str = "booked", name: str | None = "P-1", kind: str = "visit", **changes: Any) -> dict[str, Any]:
    told = {"status": status, "partner_reference": name, "kind": kind, "quantity": 1, "amount": 12_000}
    return told | {"currency": "CNY"} | changes


def refund(amount: int = 12_000, name: str | None = "P-1", **changes: Any) -> dict[str, Any]:
    return row("refunded", name, "refund", amount=-amount, **changes)


FREE: dict[str, Any] = {"amount": None, "currency": None}
CASES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "booked": ("stands", [row()]),
    "nobody came": ("stands", [row("no_show")]),
    "cancelled": ("gone", [row(), row("cancelled")]),
    "cancelled without a name": ("gone", [row(), row("cancelled", None)]),
    "cancelled, the booking has no name": ("gone", [row(name=None), row("cancelled")]),
    "the name is written otherwise": ("gone", [row(), row("cancelled", "p1")]),
    "given back": ("gone", [row(), refund()]),
    "given back before it is listed": ("gone", [refund(), row()]),
    "given back in parts": ("gone", [row(), refund(5_000), refund(7_000)]),
    "given back under a name of its own": ("gone", [row(), refund(name="R-7")]),
    "given back without a name": ("gone", [row(), refund(name=None)]),
    "given back and not listed": ("gone", [refund(name="R-7")]),
    "given back, and cancelled too": ("gone", [row(), refund(), row("cancelled")]),
    "cancelled, then given back": ("gone", [row("cancelled"), refund()]),
    "cancelled, given back in part": ("gone", [row("cancelled"), refund(5_000)]),
    "both of two": ("gone", [row(), row(name="P-2"), row("cancelled"), refund(name="P-2")]),
    "cancelled, and a failed try": ("gone", [row("cancelled"), row("failed", None)]),
    "free and given back": ("gone", [row(**FREE, quantity=2), row("refunded", kind="refund", **FREE, quantity=-2)]),
    "cancelled, booked again, given back": ("gone", [row(), row("cancelled"), row(), refund()]),
    "booked again": ("stands", [row(), row("cancelled"), row()]),
    "booked again under another name": ("stands", [row("cancelled"), row(name="P-2")]),
    "given back and booked again": ("stands", [row(), refund(), row()]),
    "cancelled, given back and booked again": ("stands", [row(), row("cancelled"), refund(), row()]),
    "cancelled, given back in part and booked again": ("stands", [row("cancelled"), refund(5_000), row()]),
    "the second of two cancelled": ("stands", [row(), row("cancelled", "P-2")]),
    "the second of two given back": ("stands", [row(), row(name="P-2"), refund(name="P-2")]),
    "one of two, nobody knows which": ("stands", [row(), row(name="P-2"), row("cancelled", None)]),
    "one of two given back, nobody knows which": ("stands", [row(), row(name="P-2"), refund(name=None)]),
    "a failed try beside it": ("stands", [row(), row("failed", None)]),
    "a refund that failed": ("stands", [row(), row("failed", kind="refund", amount=-12_000)]),
    "given back in part": ("in_part", [row(), refund(5_000)]),
    "a part, and not listed": ("in_part", [refund(5_000)]),
    "listed twice and given back once": ("in_part", [row(), row("used"), refund()]),
    "given back in other money": ("in_part", [row(), refund(currency="USD")]),
    "free and one of two given back": (
        "in_part",
        [row(**FREE, quantity=2), row("refunded", kind="refund", **FREE, quantity=-1)],
    ),
    "a word that nobody knows": ("unclear", [row(), row("mislaid")]),
    "failed": ("never", [row("failed")]),
    "booked, then failed": ("never", [row(), row("failed")]),
}


def said(rows: list[dict[str, Any]]) -> Any:
    days = [SimpleNamespace(id=f"l{n}", business_date=DAY + timedelta(days=n), **one) for n, one in enumerate(rows)]
    return judge(days, PRICE)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_all_rows_together(case: tuple[str, list[dict[str, Any]]]) -> None:
    verdict, rows = case
    assert said(rows).verdict == verdict


def test_the_row_that_decides_is_the_evidence() -> None:
    found = said([row("cancelled"), row(name="P-2"), row("cancelled", "P-3")])
    assert (found.line_id, found.business_date) == ("l1", DAY + timedelta(days=1))
    assert (found.partner_reference, found.references) == ("P-2", {"p1", "p2", "p3"})


def test_its_name_is_the_booking_s_and_not_that_of_a_refund() -> None:
    found = said([row(), row("used", None), refund(5_000, "R-7"), row("failed", None)])
    assert (found.verdict, found.partner_reference, found.listed) == ("in_part", "P-1", True)
    assert (found.line_id, found.told_until) == ("l2", DAY + timedelta(days=3))
    alone = said([refund(name="R-7")])
    assert (alone.verdict, alone.partner_reference, alone.listed) == ("gone", None, False)


def test_nothing_is_said_by_no_rows_and_by_what_counts_for_nothing() -> None:
    assert said([]) is None
    assert said([row("failed", kind="refund")]) is None


def test_a_refund_of_what_is_not_listed_needs_a_price_to_be_whole() -> None:
    (one,) = [SimpleNamespace(id="l", business_date=DAY, **refund())]
    found = judge([one], None)
    assert found is not None
    assert found.verdict == "in_part"
