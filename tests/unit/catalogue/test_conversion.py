"""Conversion quotes: which contract holds, what is refused and which quantity is offered instead."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from catalogue.conversion import BlockBonus, Cap, Correction, Fee, PricePoint, Promotion
from catalogue.conversion_arithmetic import best_ratio, convert
from catalogue.conversion_caps import Used, window
from catalogue.conversion_quotes import Occasion, in_force, quote
from catalogue.errors import ConversionRefusedError
from catalogue.values import Money, Rate
from tests.unit.catalogue.samples import CATALOGUE, TODAY, plain_contract

MILES = CATALOGUE.conversion_contracts("skyward-miles")
BASE = plain_contract("base", "PTS", "MILES:x", Rate(5, 4))
NOW = Occasion(TODAY)
SALE = Promotion(id="sale", extra=Rate(100, 20), from_date=date(2026, 11, 1), to_date=TODAY)


def refused(contracts: object, quantity: int, occasion: Occasion = NOW) -> dict[str, str | int | None]:
    with pytest.raises(ConversionRefusedError) as error:
        quote(contracts, quantity, occasion)  # type: ignore[arg-type]
    return error.value.facts


def test_the_airlines_contract_to_the_mile() -> None:
    quoted = quote(MILES, 10_000, NOW)
    assert (quoted.to_quantity, quoted.bonus_quantity, quoted.fee, quoted.transfer_days) == (8_000, 0, None, 1)
    assert (quoted.contract_id, quoted.version, quoted.due_date) == ("pts-to-skyward-miles", 1, date(2026, 11, 23))
    assert quoted.steps == (
        "10000 PTS at 5:4 = floor(10000 x 4 / 5) = 8000",
        "bonus: 0 whole blocks of 60000 PTS x 5000 = 0",
        "credited: 8000 MILES:skyward-miles",
    )


@pytest.mark.parametrize(
    ("quantity", "reason", "nearest", "nearest_to"),
    [
        (0, "below_minimum", 1_000, 800),
        (-500, "below_minimum", 1_000, 800),
        (999, "below_minimum", 1_000, 800),
        (1_001, "off_increment", 1_000, 800),
        (1_999, "off_increment", 1_500, 1_200),
        (300_001, "above_maximum", 300_000, 265_000),
    ],
)
def test_a_refusal_names_the_nearest_quantity(quantity: int, reason: str, nearest: int, nearest_to: int) -> None:
    facts = refused(MILES, quantity)
    assert (facts["reason"], facts["nearest"], facts["nearest_to"]) == (reason, nearest, nearest_to)
    assert quote(MILES, nearest, NOW).to_quantity == nearest_to


def test_the_largest_quantity_is_on_the_increment() -> None:
    contract = msgspec.structs.replace(BASE, maximum=1_099, increment=100)
    assert refused([contract], 1_100)["nearest"] == 1_000


def test_the_smallest_quantity_is_on_the_increment() -> None:
    contract = msgspec.structs.replace(BASE, minimum=950, increment=100)
    assert refused([contract], 960)["nearest"] == 1_000


def test_what_makes_nothing_is_refused() -> None:
    assert quote([BASE], 2, NOW).to_quantity == 1
    facts = refused([BASE], 1)
    assert (facts["reason"], facts["nearest"], facts["nearest_to"]) == ("yields_nothing", 2, 1)
    blocks = msgspec.structs.replace(BASE, rate=Rate(100, 1), bonus=BlockBonus(10, 3, "from"))
    assert quote([blocks], 10, NOW).to_quantity == 3
    assert refused([blocks], 9)["nearest"] == 10


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"minimum": 950, "maximum": 999, "increment": 500}, "maximum is below 1000"),
        ({"rate": None}, "rate is missing"),
        ({"price_points": (PricePoint(1, 1),)}, "exclude each other"),
        ({"rate": None, "price_points": (PricePoint(1, 1),), "increment": 2}, "have no minimum"),
        ({"rate": None, "price_points": (PricePoint(2, 2), PricePoint(2, 3))}, "do not rise"),
        ({"rate": None, "price_points": (PricePoint(2, 2), PricePoint(3, 2))}, "do not rise"),
        ({"to_commodity": "PTS"}, "to_commodity is from_commodity"),
        ({"effective_from_date": TODAY, "effective_to_date": date(2026, 11, 21)}, "effective_to_date is before"),
        ({"superseded": True, "effective_to_date": TODAY}, "superseded"),
        ({"correction": Correction(1, TODAY, "typing error")}, "not an earlier version"),
        ({"promotions": (SALE, SALE)}, "promotions.id is there twice"),
    ],
)
def test_terms_that_contradict_themselves_are_no_contract(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        msgspec.structs.replace(plain_contract("none", "PTS", "MILES:x", Rate(1, 1)), **changes)


def test_parts_of_a_contract_refuse_what_means_nothing() -> None:
    with pytest.raises(ValueError, match="to_date"):
        msgspec.structs.replace(SALE, to_date=date(2026, 10, 31))
    with pytest.raises(ValueError, match="rolling"):
        Cap(1, "from", "year", days=3)
    with pytest.raises(ValueError, match="rolling"):
        Cap(1, "from", "rolling")
    with pytest.raises(ValueError, match="4217"):
        Fee(currency="dollar", fixed_minor_units=1)
    with pytest.raises(ValueError, match="per_unit"):
        Fee(currency="USD")


def test_no_contract_before_it_begins() -> None:
    assert refused(MILES, 10_000, Occasion(date(2025, 12, 31)))["reason"] == "no_contract"


def test_the_members_region_goes_before_everywhere() -> None:
    regional = msgspec.structs.replace(BASE, id="dach", region="DACH", rate=Rate(2, 1))
    assert in_force([BASE, regional], Occasion(TODAY, "DACH")).id == "dach"
    assert in_force([BASE, regional], Occasion(TODAY, "US")).id == "base"
    assert in_force([BASE, regional], NOW).id == "base"
    assert refused([regional], 10, Occasion(TODAY, "US"))["reason"] == "no_contract"


def test_an_enrolment_goes_before_everyone_and_after_the_region() -> None:
    linked = msgspec.structs.replace(BASE, id="linked", linked="plus")
    regional = msgspec.structs.replace(BASE, id="regional", region="CN")
    member = Occasion(TODAY, "CN", frozenset({"plus"}))
    assert in_force([BASE, linked], member).id == "linked"
    assert in_force([BASE, linked], NOW).id == "base"
    assert in_force([BASE, linked, regional], member).id == "regional"


def test_two_contracts_of_equal_right_are_reported() -> None:
    other = msgspec.structs.replace(BASE, id="other", rate=Rate(5, 3))
    facts = refused([BASE, other], 100)
    assert (facts["reason"], facts["contracts"]) == ("conflicting_contracts", "base version 1, other version 1")


def test_an_open_bonus_unit_is_not_guessed() -> None:
    open_bonus = msgspec.structs.replace(BASE, bonus=BlockBonus(60_000, 5_000))
    assert refused([open_bonus], 100)["reason"] == "ambiguous_bonus"


def test_a_dated_follower_ends_what_was_superseded() -> None:
    old = msgspec.structs.replace(BASE, superseded=True)
    new = msgspec.structs.replace(BASE, version=2, effective_from_date=TODAY)
    assert in_force([old, new], NOW).version == 2
    assert refused([old, new], 100, Occasion(date(2026, 11, 21)))["reason"] == "superseded"
    undated = msgspec.structs.replace(BASE, version=2)
    assert refused([old, undated], 100)["reason"] == "undated_change"


def test_a_correction_stands_in_place_of_what_it_corrects_on_its_days_and_once_it_is_known() -> None:
    correction = Correction(1, date(2026, 11, 20), "the ratio was misprinted")
    right = msgspec.structs.replace(
        BASE, version=2, rate=Rate(1, 1), correction=correction, effective_from_date=date(2026, 11, 10)
    )
    again = msgspec.structs.replace(right, version=3, rate=Rate(1, 2), correction=Correction(2, TODAY, "again"))
    versions = [BASE, right, again]
    assert in_force(versions, NOW).version == 3
    assert in_force(versions, Occasion(date(2026, 11, 9))).version == 1
    assert in_force(versions, Occasion(TODAY, known_on_date=date(2026, 11, 21))).version == 2
    assert in_force(versions, Occasion(TODAY, known_on_date=date(2026, 11, 19))).version == 1


def test_a_bonus_may_be_counted_in_what_is_received() -> None:
    bonus = BlockBonus(block=20_000, bonus=5_000, counted_in="to")
    contract = msgspec.structs.replace(BASE, rate=Rate(3, 1), bonus=bonus)
    assert quote([contract], 59_997, NOW).to_quantity == 19_999
    assert quote([contract], 60_000, NOW).to_quantity == 25_000
    assert best_ratio(contract, TODAY) * 60_000 == 25_000


@pytest.mark.parametrize(
    ("on_date", "quantity", "credited", "promotion"),
    [
        (date(2026, 10, 31), 1_000, 800, None),
        (date(2026, 11, 1), 1_000, 960, "sale"),
        (TODAY, 1_004, 963, "sale"),
        (date(2026, 11, 23), 1_000, 800, None),
        (TODAY, 50_000, 60_000, "big"),
        (TODAY, 49_999, 47_998, "sale"),
        (TODAY, 500_000, 420_000 + 60_000, "sale"),
    ],
)
def test_the_best_promotion_of_the_day_applies_alone(
    on_date: date, quantity: int, credited: int, promotion: str | None
) -> None:
    big = Promotion(id="big", extra=Rate(2, 1), from_date=TODAY, to_date=TODAY, minimum=50_000, most=25_000)
    quoted = quote([msgspec.structs.replace(BASE, promotions=(SALE, big))], quantity, Occasion(on_date))
    assert (quoted.to_quantity, quoted.promotion_id) == (credited, promotion)
    assert quoted.promotion_quantity == credited - quantity * 4 // 5


def test_a_promotion_is_shown_with_its_limit() -> None:
    capped = msgspec.structs.replace(SALE, most=50)
    quoted = quote([msgspec.structs.replace(BASE, promotions=(capped,))], 1_000, NOW)
    assert quoted.steps[1:] == ("promotion sale: 800 at 100:20, at most 50 = 50", "credited: 850 MILES:x")


def test_a_fee_has_a_fixed_part_and_a_cap() -> None:
    fee = Fee(currency="EUR", fixed_minor_units=250, per_unit=Rate(100, 6), cap_minor_units=900)
    contract = msgspec.structs.replace(BASE, fee=fee)
    assert quote([contract], 99, NOW).fee == Money(255, "EUR")
    assert quote([contract], 1_000_000, NOW).fee == Money(900, "EUR")
    assert quote([contract], 99, NOW).steps[-1] == "fee: 255 minor units EUR"
    assert Fee(currency="EUR", fixed_minor_units=250).charge(7) == Money(250, "EUR")


def capped(*caps: Cap) -> list[object]:
    return [msgspec.structs.replace(BASE, rate=Rate(2, 1), increment=100, caps=caps)]


def used(on_date: date, quantity: int, target: str = "MILES:x") -> Used:
    return Used(on_date, "PTS", target, quantity, quantity // 2)


@pytest.mark.parametrize(
    ("cap", "nearest", "left", "again"),
    [
        (Cap(1_000, "from", "year"), 300, 400 - 50, "2027-01-01"),
        (Cap(1_000, "to", "year"), 1_300, 1_000 - 325, "2027-01-01"),
        (Cap(1_000, "from", "month"), 900, 950, "2026-12-01"),
        (Cap(1_000, "from", "day"), 1_000, 1_000, "2026-11-23"),
        (Cap(1_000, "from", "rolling", 30), 900, 950, "2026-12-15"),
        (Cap(1_000, "from", "lifetime"), None, 50, None),
        (Cap(2, "conversions", "year"), None, 0, "2027-01-01"),
        (Cap(2, "conversions", "rolling", 400), None, 0, "2027-02-05"),
    ],
)
def test_a_cap_leaves_what_the_period_has_not_used(cap: Cap, nearest: int | None, left: int, again: str | None) -> None:
    earlier = (
        used(date(2025, 12, 31), 300),
        used(date(2026, 1, 1), 600),
        used(date(2026, 11, 15), 50),
        used(TODAY, 5_000, "MILES:y"),
    )
    facts = refused(capped(cap), 1_400, Occasion(TODAY, used=earlier))
    assert (facts["reason"], facts["nearest"], facts["left"], facts["again_date"]) == (
        "above_cap",
        nearest,
        left,
        again,
    )
    if nearest is not None:
        assert quote(capped(cap), nearest, Occasion(TODAY, used=earlier)).from_quantity == nearest  # type: ignore[arg-type]


def test_of_several_caps_the_tightest_is_named_and_all_bind_the_nearest() -> None:
    caps = (Cap(5_000, "from", "year"), Cap(700, "from", "day"), Cap(6_000, "from", "lifetime"))
    facts = refused(capped(*caps), 7_000)
    assert (facts["left"], facts["nearest"]) == (700, 700)
    assert refused(capped(*caps), 750)["nearest"] == 700, "a refusal for another reason keeps to the caps"


def test_a_rolling_cap_smaller_than_anything_never_opens() -> None:
    facts = refused(capped(Cap(50, "from", "rolling", 7)), 100)
    assert (facts["nearest"], facts["nearest_to"], facts["again_date"]) == (None, None, None)


def test_periods_of_the_calendar() -> None:
    assert window(Cap(1, "from", "month"), date(2028, 2, 29)) == (date(2028, 2, 1), date(2028, 2, 29))
    assert window(Cap(1, "from", "year"), TODAY) == (date(2026, 1, 1), date(2026, 12, 31))
    assert window(Cap(1, "from", "rolling", 1), TODAY) == (TODAY, TODAY)
    assert window(Cap(1, "from", "lifetime"), TODAY) == (None, None)


def test_the_arithmetic_itself_guesses_no_bonus_unit() -> None:
    with pytest.raises(ValueError, match="what its bonus blocks are counted in"):
        convert(msgspec.structs.replace(BASE, bonus=BlockBonus(60_000, 5_000)), 100, TODAY)


@pytest.mark.parametrize("quantity", [1_000.0, True])
def test_a_quantity_is_whole(quantity: int) -> None:
    with pytest.raises(TypeError):
        quote(MILES, quantity, NOW)
