"""Breaks: their names, owners and ages."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from settlement.breaks import OWNERS, Record, age_days, breaks_of, bucket
from settlement.derived import derived_id
from settlement.matching.rules import KINDS, RESULT_COLUMNS, MatchingRules, MatchResult, normalised_prefixes
from settlement.night_store import stands

DAY = date(2026, 11, 22)


def result(outcome: str, ours: str | None, theirs: str | None, group: str | None = None) -> MatchResult:
    values = dict.fromkeys(RESULT_COLUMNS)
    values |= {"record": ours or theirs, "ours_id": ours, "theirs_id": theirs, "outcome": outcome}
    return msgspec.convert(
        values | {"pass_name": "reference", "group_reference": group, "reference": "rdm"}, MatchResult
    )


def record(name: str, amount: int | None, currency: str | None = "CNY") -> Record:
    return Record(name, DAY, "rdm", None, "visit", DAY, 1, amount, currency, "used")


RECORDS = {
    name: record(name, amount) for name, amount in (("o1", 100), ("o2", 20), ("t1", 90), ("t2", 5), ("t3", None))
}


def test_every_kind_has_an_owner() -> None:
    assert set(OWNERS) == set(KINDS)


def test_a_pair_is_one_break_with_both_amounts() -> None:
    (item,) = breaks_of("aurora", [result("amount", "o1", "t1"), result("matched", "o2", "t2")], RECORDS)
    assert (item.ours_amount, item.theirs_amount, item.owner, item.business_date) == (100, 90, "finance", DAY)
    assert [one["id"] for one in item.evidence["theirs"]] == ["t1"]


def test_a_group_is_one_break_with_sums_and_its_duplicate_another() -> None:
    rows = [result("amount", "o1", None, "rdm"), result("amount", "o2", None, "rdm")]
    rows += [result("amount", None, "t1", "rdm"), result("duplicate", None, "t2", "rdm")]
    found = {item.kind: item for item in breaks_of("aurora", rows, RECORDS)}
    assert (found["amount"].ours_amount, found["amount"].theirs_amount) == (120, 90)
    assert (found["duplicate"].ours_id, found["duplicate"].theirs_id) == (None, "t2")


def test_mixed_currencies_are_not_summed() -> None:
    records = RECORDS | {"t2": record("t2", 5, "JPY")}
    rows = [
        result("amount", None, "t1", "rdm"),
        result("amount", None, "t2", "rdm"),
        result("amount", "o1", None, "rdm"),
    ]
    (item,) = breaks_of("aurora", rows, records)
    assert (item.theirs_amount, item.theirs_currency) == (None, None)


def test_the_same_finding_is_the_same_break_and_another_is_not() -> None:
    rows = [result("missing_ours", None, "t1"), result("missing_theirs", "o1", None)]
    one, other = breaks_of("aurora", rows, RECORDS), breaks_of("aurora", rows[::-1], RECORDS)
    assert one == other
    assert len({item.id for item in one}) == 2
    assert {item.id for item in breaks_of("borealis", rows, RECORDS)}.isdisjoint({item.id for item in one})


def test_derived_parts_cannot_run_into_each_other() -> None:
    assert derived_id("brk", "a", "bc") != derived_id("brk", "ab", "c")
    with pytest.raises(ValueError, match="one line"):
        derived_id("brk", "a\nb")


@pytest.mark.parametrize(
    ("age", "name"), [(0, "0-1"), (1, "0-1"), (2, "2-3"), (7, "4-7"), (8, "8-30"), (30, "8-30"), (31, "over 30")]
)
def test_ages_fall_into_buckets(age: int, name: str) -> None:
    assert bucket(age) == name


def test_a_break_has_no_age_before_its_day() -> None:
    assert (age_days(DAY, date(2026, 11, 25)), age_days(DAY, date(2026, 11, 1))) == (3, 0)


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("visit", "used", True),
        ("stay", "no_show", True),
        ("stay", "cancelled", False),
        ("mileage", "failed", False),
        ("refund", "refunded", True),
        ("stay", "refunded", False),
        ("fee", "cancelled", True),
        ("fee", "failed", False),
        ("visit", "wondrous", None),
    ],
)
def test_a_status_says_whether_something_is_due(kind: str, status: str, expected: bool | None) -> None:
    assert stands(kind, status) is expected


def test_known_prefixes_are_cleaned_like_the_references_they_stand_before() -> None:
    assert normalised_prefixes(MatchingRules(reference_prefixes=("ab-", "AB", " c/1", "--"))) == "^(AB|C1)"
    assert normalised_prefixes(MatchingRules(reference_prefixes=("--",))) is None
