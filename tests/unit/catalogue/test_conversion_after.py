"""After a conversion: when it must have arrived, what each lot gave, and what a correction refunds."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from catalogue.conversion import BlockBonus, ConversionContract, Correction, Fee, PricePoint
from catalogue.conversion_corrections import Leg, Made, RefundEntry, refund_entries
from catalogue.conversion_lots import LotPart, LotShare, by_lot
from catalogue.conversion_quotes import Occasion, quote
from catalogue.conversion_transfers import due_date, transfer
from catalogue.errors import ConversionRefusedError
from catalogue.values import Money, Rate
from tests.unit.catalogue.samples import plain_contract

FRIDAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 23)
ORDERED = date(2026, 3, 10)
BASE = plain_contract("base", "PTS", "MILES:x", Rate(5, 4))
replace = msgspec.structs.replace


@pytest.mark.parametrize(
    ("ordered", "days", "are", "due"),
    [
        (FRIDAY, None, "working", None),
        (FRIDAY, 0, "working", FRIDAY),
        (FRIDAY, 1, "working", MONDAY),
        (date(2026, 11, 21), 1, "working", MONDAY),
        (FRIDAY, 7, "working", date(2026, 12, 1)),
        (FRIDAY, 3, "calendar", MONDAY),
        (FRIDAY, 0, "calendar", FRIDAY),
    ],
)
def test_days_are_counted_from_the_next_one(ordered: date, days: int | None, are: str, due: date | None) -> None:
    assert due_date(replace(BASE, transfer_days=days, transfer_days_are=are), ordered) == due


def test_closed_days_are_no_working_days() -> None:
    contract = replace(BASE, transfer_days=2)
    assert due_date(contract, FRIDAY, closed={MONDAY}) == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("due", "today", "posted", "state", "over"),
    [
        (MONDAY, MONDAY, None, "awaited", 0),
        (MONDAY, date(2026, 11, 24), None, "overdue", 1),
        (MONDAY, date(2026, 12, 24), MONDAY, "in_time", 0),
        (MONDAY, date(2026, 12, 24), date(2026, 11, 26), "late", 3),
        (None, date(2030, 1, 1), None, "awaited", 0),
        (None, MONDAY, MONDAY, "in_time", 0),
    ],
)
def test_where_a_transfer_stands(due: date | None, today: date, posted: date | None, state: str, over: int) -> None:
    found = transfer(due, today, posted)
    assert (found.state, found.days_over, found.overdue) == (state, over, state == "overdue")


def test_lots_share_what_they_gave_for() -> None:
    parts = (LotPart("old", 334, Rate(5, 100)), LotPart("given", 333, Rate(1, 7)), LotPart("new", 333, Rate(3, 1)))
    assert by_lot(parts, 800, "CNY") == (
        LotShare("old", 334, 267, Money(6_680, "CNY")),
        LotShare("given", 333, 267, Money(2_331, "CNY")),
        LotShare("new", 333, 266, Money(111, "CNY")),
    )


def test_a_rest_goes_to_the_largest_remainder_and_on_a_tie_to_the_earlier_lot() -> None:
    parts = tuple(LotPart(name, quantity, Rate(10, 1)) for name, quantity in (("a", 1), ("b", 3), ("c", 3), ("d", 4)))
    shares = by_lot(parts, 1, "CNY")
    assert [share.to_quantity for share in shares] == [0, 0, 0, 1]
    assert [share.value.amount for share in shares] == [0, 0, 0, 1]
    even = by_lot(parts[1:3], 1, "CNY")
    assert [share.to_quantity for share in even] == [1, 0]


@pytest.mark.parametrize("parts", [(), (LotPart("a", 0, Rate(1, 1)),)])
def test_nothing_is_no_conversion(parts: tuple[LotPart, ...]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        by_lot(parts, 1, "CNY")


def made(contract: ConversionContract, quantity: int, on_date: date = ORDERED) -> Made:
    return Made(conversion_id="cnv_1", quote=quote([contract], quantity, Occasion(on_date)), on_date=on_date)


def corrected(version: int = 2, corrects: int = 1, **changes: object) -> ConversionContract:
    return replace(BASE, version=version, correction=Correction(corrects, MONDAY, "misprint"), **changes)


def only(contracts: list[ConversionContract], conversion: Made) -> RefundEntry:
    (entry,) = refund_entries(contracts, [conversion])
    return entry


def test_what_a_better_rate_would_have_given_is_credited() -> None:
    entry = only([BASE, corrected(rate=Rate(1, 1))], made(BASE, 1_000))
    assert entry == RefundEntry(
        key="cnv_1:correct:2",
        conversion_id="cnv_1",
        contract_id="base",
        version=2,
        reason="misprint",
        given_back=0,
        credited=200,
        fee_returned=None,
        legs=(Leg("member", "MILES:x", 200), Leg("partner", "MILES:x", -200)),
        kept=0,
        fee_waived=0,
    )


def test_what_a_worse_rate_would_not_have_given_is_kept_and_reported() -> None:
    entry = only([BASE, corrected(rate=Rate(2, 1))], made(BASE, 1_000))
    assert (entry.legs, entry.kept) == ((), 300)


def test_a_fee_is_refunded_when_it_was_too_high_and_waived_when_it_was_too_low() -> None:
    high, low = (Fee(currency="USD", fixed_minor_units=fixed) for fixed in (300, 100))
    paid_high, paid_low = replace(BASE, fee=high), replace(BASE, fee=low)
    refund = only([paid_high, corrected(fee=low)], made(paid_high, 1_000))
    assert refund.legs == (Leg("member", "USD", 200), Leg("partner", "USD", -200))
    assert refund.fee_returned == Money(200, "USD")
    assert only([paid_high, corrected()], made(paid_high, 1_000)).legs[0] == Leg("member", "USD", 300)
    waived = only([paid_low, corrected(fee=high)], made(paid_low, 1_000))
    assert (waived.legs, waived.fee_waived) == ((), 200)
    assert only([BASE, corrected(fee=high)], made(BASE, 1_000)).fee_waived == 300


def test_a_price_point_that_asks_less_gives_back_the_difference() -> None:
    wrong = replace(BASE, rate=None, price_points=(PricePoint(140_000, 50_000),))
    right = corrected(rate=None, price_points=(PricePoint(112_000, 50_000), PricePoint(200_000, 90_000)))
    entry = only([wrong, right], made(wrong, 140_000))
    assert entry.legs == (Leg("member", "PTS", 28_000), Leg("partner", "PTS", -28_000))
    assert (entry.given_back, entry.credited) == (28_000, 0)
    poorer = corrected(rate=None, price_points=(PricePoint(112_000, 40_000),))
    kept = only([wrong, poorer], made(wrong, 140_000))
    assert (kept.legs, kept.kept) == ((), 10_000)


def test_corrections_build_on_each_other_under_keys_of_their_own() -> None:
    versions = [BASE, corrected(rate=Rate(1, 1)), corrected(3, 2, rate=Rate(4, 5)), corrected(4, 3, rate=Rate(1, 1))]
    entries = refund_entries(versions, [made(BASE, 1_000)])
    assert [(entry.key, [leg.amount for leg in entry.legs], entry.kept) for entry in entries] == [
        ("cnv_1:correct:2", [200, -200], 0),
        ("cnv_1:correct:3", [250, -250], 0),
        ("cnv_1:correct:4", [], 250),
    ]


def test_only_what_was_converted_by_the_wrong_version_on_its_days_is_corrected() -> None:
    better = corrected(rate=Rate(1, 1), effective_from_date=ORDERED)
    assert refund_entries([BASE, better], [made(BASE, 1_000, date(2026, 3, 9))]) == ()
    assert len(refund_entries([BASE, better], [made(BASE, 1_000)])) == 1
    other = replace(BASE, id="other")
    assert refund_entries([other, better], [made(other, 1_000)]) == ()
    assert refund_entries([better], [made(better, 1_000)]) == ()


def test_the_same_terms_refund_nothing_and_limits_do_not_apply_backwards() -> None:
    assert refund_entries([BASE, corrected()], [made(BASE, 1_000)]) == ()
    strict = corrected(rate=Rate(1, 1), minimum=5_000, increment=5_000)
    assert only([BASE, strict], made(BASE, 1_000)).legs[0].amount == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"to_commodity": "MILES:y"},
        {"fee": Fee(currency="EUR", fixed_minor_units=1)},
        {"bonus": BlockBonus(10, 1)},
    ],
)
def test_what_cannot_be_compared_is_refused(changes: dict[str, object]) -> None:
    paid = replace(BASE, fee=Fee(currency="USD", fixed_minor_units=1))
    with pytest.raises(ConversionRefusedError) as refused:
        refund_entries([paid, replace(corrected(), **changes)], [made(paid, 1_000)])
    assert refused.value.facts["reason"] == "not_comparable"
