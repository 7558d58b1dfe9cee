"""What the lint of conversion contracts finds, and what it must leave alone."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from catalogue.conversion import BlockBonus, Cap, ConversionContract, Correction, Fee, PricePoint, Promotion
from catalogue.conversion_lints import ContractFault, contract_faults
from catalogue.values import Rate
from tests.unit.catalogue.samples import TODAY, plain_contract

BASE = plain_contract("base", "PTS", "MILES:x", Rate(5, 4))
replace = msgspec.structs.replace


def faults(*contracts: ConversionContract) -> list[ContractFault]:
    return list(contract_faults(contracts))


def only(*contracts: ConversionContract) -> ContractFault:
    found = faults(*contracts)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("changes", "key", "severity", "said"),
    [
        ({"minimum": 950, "increment": 100}, "minimum", "warning", "1000 is the first"),
        ({"minimum": 2, "rate": Rate(200, 1)}, "minimum", "warning", "200 is the first"),
        ({"maximum": 1_050, "increment": 100}, "maximum", "warning", "off the increment"),
        ({"maximum": 50_000, "bonus": BlockBonus(60_000, 1, "from")}, "bonus.block", "warning", "no quantity"),
        ({"maximum": 60_000, "bonus": BlockBonus(60_000, 1, "to")}, "bonus.block", "warning", "no quantity"),
        (
            {"bonus": BlockBonus(60_000, 5_000)},
            "bonus.counted_in",
            "error",
            "60000 PTS give 53000 if source units, 48000",
        ),
        ({"caps": (Cap(500, "from", "year"), Cap(1, "from", "day"))}, "caps[1].most", "error", "below"),
        ({"rate": Rate(1, 5), "caps": (Cap(4, "to", "day"),)}, "caps[0].most", "error", "below"),
        (
            {"rate": None, "price_points": (PricePoint(9, 5),), "caps": (Cap(4, "to", "day"),)},
            "caps[0].most",
            "error",
            "4",
        ),
        ({"source": ""}, "source", "warning", "published"),
        ({"superseded": True}, "effective_to_date", "warning", "since when"),
        ({"correction": Correction(1, TODAY, "why"), "version": 2}, "correction.version", "error", "no version 1"),
    ],
)
def test_one_contract(changes: dict[str, object], key: str, severity: str, said: str) -> None:
    found = only(replace(BASE, **changes))
    assert (found.key, found.severity) == (key, severity)
    assert said in found.message


@pytest.mark.parametrize(
    "changes",
    [
        {"minimum": 1_000, "maximum": 60_000, "increment": 500, "bonus": BlockBonus(60_000, 1, "from")},
        {"maximum": 75_000, "bonus": BlockBonus(60_000, 1, "to")},
        {"caps": (Cap(2, "from", "day"), Cap(1, "to", "day"), Cap(1, "conversions", "day"))},
        {"rate": None, "price_points": (PricePoint(9, 5), PricePoint(10, 8))},
    ],
)
def test_terms_that_can_be_used_to_the_last_are_clean(changes: dict[str, object]) -> None:
    assert faults(replace(BASE, **changes)) == []


def promotion(**changes: object) -> Promotion:
    sale = Promotion(id="sale", extra=Rate(100, 20), from_date=date(2026, 3, 1), to_date=date(2026, 3, 31))
    return replace(sale, **changes)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, None),
        ({"from_date": date(2026, 2, 28)}, "promotions"),
        ({"to_date": date(2026, 4, 1)}, "promotions"),
        ({"minimum": 1_001}, "promotions.minimum"),
        ({"minimum": 1_000}, None),
    ],
)
def test_a_promotion_lies_within_its_contract(changes: dict[str, object], key: str | None) -> None:
    year = {"effective_from_date": date(2026, 3, 1), "effective_to_date": date(2026, 3, 31), "maximum": 1_000}
    found = faults(replace(BASE, **year, promotions=(promotion(**changes),)))
    assert [(one.key, one.severity) for one in found] == ([(key, "warning")] if key else [])


def test_a_promotion_of_price_points_is_reached_by_the_largest() -> None:
    points = replace(BASE, rate=None, price_points=(PricePoint(9, 5), PricePoint(900, 800)))
    assert faults(replace(points, promotions=(promotion(minimum=900),))) == []
    assert only(replace(points, promotions=(promotion(minimum=901),))).key == "promotions.minimum"


def test_a_correction_keeps_to_its_contract() -> None:
    fee = Fee(currency="USD", fixed_minor_units=100)
    wrong = replace(BASE, fee=fee)
    correction = replace(wrong, version=2, correction=Correction(1, TODAY, "why"))
    assert faults(wrong, correction) == []
    euros = replace(correction, fee=replace(fee, currency="EUR"))
    assert only(wrong, euros).key == "correction.version"
    assert "correction.version" in {one.key for one in faults(wrong, replace(correction, to_commodity="MILES:y"))}


def test_a_correction_is_no_overlap_and_its_chain_neither() -> None:
    second = replace(BASE, version=2, correction=Correction(1, TODAY, "why"))
    third = replace(BASE, version=3, correction=Correction(2, TODAY, "why"))
    assert faults(BASE, second, third) == []
    late = replace(second, effective_from_date=date(2026, 6, 1))
    overlap = only(BASE, late, third)
    assert overlap.message == "base version 1 and base version 3 are in force on the same day"


def test_an_overlap_behind_a_long_contract_is_found_and_no_gap_is_invented() -> None:
    long = replace(BASE, effective_from_date=date(2026, 1, 1), effective_to_date=date(2026, 12, 31))
    short = replace(BASE, version=2, effective_from_date=date(2026, 2, 1), effective_to_date=date(2026, 2, 28))
    later = replace(BASE, version=3, effective_from_date=date(2026, 5, 1), effective_to_date=date(2026, 5, 31))
    messages = [one.message for one in faults(long, short, later)]
    assert messages == [
        "base version 1 and base version 2 are in force on the same day",
        "base version 1 and base version 3 are in force on the same day",
    ]


def test_a_gap_is_told_once_with_its_neighbours() -> None:
    first = replace(BASE, effective_to_date=date(2026, 1, 31))
    second = replace(BASE, version=2, effective_from_date=date(2026, 3, 1))
    found = only(second, first)
    assert (found.severity, found.message) == (
        "warning",
        "nothing is in force between base version 1 and base version 2",
    )


@pytest.mark.parametrize("scope", [{"region": "CN"}, {"linked": "plus"}])
def test_regions_and_enrolments_do_not_overlap_with_everyone(scope: dict[str, object]) -> None:
    assert faults(BASE, replace(BASE, id="other", **scope)) == []
    assert only(replace(BASE, **scope), replace(BASE, id="other", **scope)).key == "effective_to_date"


def ring(length: int, last: Rate) -> list[ConversionContract]:
    """A circle of contracts at one to one, but for the last."""
    names = [f"C{number}" for number in range(length)]
    rates = [Rate(1, 1)] * (length - 1) + [last]
    return [
        plain_contract(f"leg-{number}", name, names[(number + 1) % length], rate)
        for number, (name, rate) in enumerate(zip(names, rates, strict=True))
    ]


@pytest.mark.parametrize("length", [2, 3, 5, 9, 14])
def test_a_round_trip_of_any_length_is_found_once(length: int) -> None:
    found = only(*ring(length, Rate(1_000, 1_001)))
    assert (found.severity, found.contract.id) == ("error", "leg-0")
    assert found.message.endswith("turns 1 into up to 1001/1000")
    assert faults(*ring(length, Rate(1, 1))) == []


def test_a_detour_does_not_hide_the_round_trip_inside_it() -> None:
    loop = [
        plain_contract("in", "A", "B", Rate(1, 1)),
        plain_contract("out", "B", "A", Rate(2, 1)),
        plain_contract("up", "B", "C", Rate(1, 1)),
        plain_contract("down", "C", "B", Rate(10, 11)),
    ]
    assert [(one.contract.id, one.message) for one in faults(*loop)] == [
        ("up", "a round trip gains: B to C to B turns 1 into up to 11/10")
    ]


BACK = plain_contract("back", "MILES:x", "PTS", Rate(4, 5))


@pytest.mark.parametrize(
    ("changes", "gains"),
    [
        ({"bonus": BlockBonus(60_000, 1, "from")}, True),
        ({"bonus": BlockBonus(60_000, 1, "from"), "maximum": 59_999}, False),
        ({"bonus": BlockBonus(48_000, 1, "to"), "maximum": 60_000}, True),
        ({"bonus": BlockBonus(48_001, 1, "to"), "maximum": 60_000}, False),
        ({"promotions": (promotion(),)}, True),
        ({"promotions": (promotion(minimum=61_000),), "maximum": 60_000}, False),
        ({"rate": None, "price_points": (PricePoint(10, 8), PricePoint(100, 81))}, True),
        ({"rate": None, "price_points": (PricePoint(10, 8), PricePoint(100, 80))}, False),
        ({"rate": None, "price_points": (PricePoint(10, 8),), "promotions": (promotion(),)}, True),
    ],
)
def test_a_bonus_counts_only_where_a_quantity_reaches_it(changes: dict[str, object], gains: bool) -> None:
    found = [one for one in faults(replace(BASE, **changes), BACK) if "round trip gains" in one.message]
    assert len(found) == int(gains)


def test_an_open_bonus_unit_counts_as_suits_the_member() -> None:
    found = {one.key for one in faults(replace(BASE, bonus=BlockBonus(60_000, 1)), BACK)}
    assert found == {"bonus.counted_in", "rate"}


def test_a_region_shadows_the_general_contract_and_a_superseded_one_counts_for_nothing() -> None:
    generous = replace(BASE, rate=Rate(1, 1))
    regional = replace(BASE, id="regional", region="CN")
    assert "round trip" in only(generous, BACK).message
    elsewhere = replace(generous, region="US")
    assert only(elsewhere, regional, BACK).contract.region == "US"
    assert faults(regional, BACK) == []
    local = replace(BACK, region="CN")
    assert faults(generous, regional, local) == [], "a member in CN has the regional terms, others cannot come back"
    assert [one.key for one in faults(replace(generous, superseded=True), BASE, BACK)] == ["effective_to_date"]


def test_an_enrolment_may_be_had_on_one_leg() -> None:
    linked = replace(BASE, id="linked", linked="plus", rate=Rate(1, 1))
    assert "linked" in {one.contract.id for one in faults(BASE, linked, BACK)}


def test_a_corrected_version_makes_no_round_trip() -> None:
    wrong = replace(BASE, rate=Rate(1, 1))
    right = replace(BASE, version=2, correction=Correction(1, TODAY, "why"))
    assert faults(wrong, right, BACK) == []


def test_a_promotion_that_ends_before_the_way_back_begins_is_a_gain_over_time() -> None:
    spring = replace(BASE, promotions=(promotion(),))
    later = replace(BACK, effective_from_date=date(2026, 9, 1))
    found = only(spring, later)
    assert (found.severity, found.key) == ("warning", "rate")
    assert "PTS to MILES:x to PTS turns 1 into up to 6/5" in found.message
    earlier = replace(BACK, effective_to_date=date(2026, 2, 28))
    assert "MILES:x to PTS to MILES:x turns 1 into up to 6/5" in only(spring, earlier).message


def test_partners_are_checked_only_when_they_are_known() -> None:
    assert [one.key for one in contract_faults([BASE], partners=("other",))] == ["partner"]
    assert list(contract_faults([BASE], partners=("skyward-miles",))) == []
