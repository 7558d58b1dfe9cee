"""What changing the rules one by one showed to be said by no test: bounds, words and facts of refusals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Literal

import msgspec
import pytest

from catalogue.conversion import BlockBonus, Cap, ConversionContract, Correction, Fee, PricePoint, Promotion
from catalogue.conversion_arithmetic import best_ratio, bonus_reachable, convert
from catalogue.conversion_caps import Used
from catalogue.conversion_corrections import Made, refund_entries
from catalogue.conversion_quotes import Occasion, quote
from catalogue.conversion_round_trips import RoundTrip, days_of_change, gains, gains_over_time
from catalogue.conversion_transfers import transfer
from catalogue.entitlements import Standing, entitled
from catalogue.entitlements_windows import Counting, Quota, Use, WindowKind, counted
from catalogue.errors import ConversionRefusedError
from catalogue.programme_rules import Comeback, Renewal, birthdays_on
from catalogue.tier_match_challenges import Challenge, kept_status
from catalogue.values import Rate
from tests.unit.catalogue.samples import CATALOGUE, TODAY, plain_contract

BASE = plain_contract("base", "PTS", "MILES:x", Rate(2, 1), increment=100)
ORDERED = date(2026, 3, 10)
replace = msgspec.structs.replace


@pytest.mark.parametrize(
    ("cap", "words"),
    [
        (Cap(1_000, "from", "rolling", 30), "1000 PTS in 30 days, which leaves 400, and more from 2026-12-15 on"),
        (Cap(1_000, "to", "lifetime"), "1000 MILES:x ever, which leaves 700"),
        (Cap(1_000, "from", "month"), "1000 PTS per month, which leaves 400, and more from 2026-12-01 on"),
        (Cap(1, "conversions", "year"), "1 conversions per year, which leaves 0, and more from 2027-01-01 on"),
    ],
)  # fmt: skip
def test_a_cap_that_is_reached_says_what_of_how_long_and_from_when(cap: Cap, words: str) -> None:
    used = (Used(date(2026, 11, 15), "PTS", "MILES:x", 600, 300),)
    with pytest.raises(ConversionRefusedError, match=f"2000 exceeds the cap of {words};"):
        quote([replace(BASE, caps=(cap,))], 2_000, Occasion(TODAY, used=used))


def test_a_rolling_cap_counted_in_what_was_received_opens_again() -> None:
    used = (Used(date(2026, 11, 10), "PTS", "MILES:x", 4, 600), Used(date(2026, 11, 15), "PTS", "MILES:x", 9_999, 300))
    contract = replace(BASE, caps=(Cap(1_000, "to", "rolling", 30),))
    with pytest.raises(ConversionRefusedError) as refused:
        quote([contract], 2_000, Occasion(TODAY, used=used))
    assert (refused.value.facts["left"], refused.value.facts["again_date"]) == (100, "2026-12-10")


def test_what_is_dated_after_the_day_is_not_counted_on_it() -> None:
    """A conversion of another zone's tomorrow lies in tomorrow's period."""
    used = (Used(date(2026, 11, 23), "PTS", "MILES:x", 1_000, 500),)
    contract = replace(BASE, caps=(Cap(1_000, "from", "day"),))
    assert quote([contract], 1_000, Occasion(TODAY, used=used)).from_quantity == 1_000


def test_a_bonus_without_a_maximum_is_always_reachable_and_with_a_price_list_too() -> None:
    bonus = BlockBonus(60_000, 15_000, "from")
    assert bonus_reachable(replace(BASE, bonus=bonus))
    assert not bonus_reachable(replace(BASE, bonus=bonus, maximum=1_000))
    assert not bonus_reachable(replace(BASE, maximum=1_000))


@pytest.mark.parametrize(
    ("unit", "ratio"), [("from", Fraction(1, 2) + Fraction(1, 4)), ("to", Fraction(1, 2) + Fraction(1, 8))]
)
def test_the_best_ratio_counts_the_bonus_in_its_unit(unit: Literal["from", "to"], ratio: Fraction) -> None:
    contract = replace(BASE, bonus=BlockBonus(60_000, 15_000, unit))
    assert best_ratio(contract, TODAY) == ratio


def made(on_date: date = ORDERED) -> Made:
    return Made(conversion_id="cnv_1", quote=quote([BASE], 1_000, Occasion(on_date)), on_date=on_date)


def test_a_correction_of_another_contract_or_of_other_days_hides_none_that_follows() -> None:
    right = replace(BASE, version=4, rate=Rate(1, 1), correction=Correction(1, TODAY, "why"))
    another = replace(right, id="a", version=2)
    over = replace(right, version=2, effective_to_date=date(2026, 3, 9))
    ahead = replace(right, version=3, effective_from_date=date(2026, 3, 11))
    entries = refund_entries([BASE, another, over, ahead, right], [made()])
    assert [entry.key for entry in entries] == ["cnv_1:correct:4"]


def test_a_correction_that_cannot_be_compared_names_itself() -> None:
    wrong = replace(BASE, version=2, to_commodity="MILES:y", correction=Correction(1, TODAY, "why"))
    with pytest.raises(ConversionRefusedError, match=r"base .*cannot correct cnv_1: other commodities") as refused:
        refund_entries([BASE, wrong], [made()])
    assert (refused.value.facts["contract"], refused.value.facts["version"]) == ("base", 2)


@pytest.mark.parametrize("posted", [None, date(2026, 11, 26)])
def test_a_transfer_tells_its_due_date(posted: date | None) -> None:
    assert transfer(TODAY, date(2026, 12, 1), posted).due_date == TODAY


def test_rules_may_go_to_their_bounds() -> None:
    assert Comeback(90, Rate(1, 1)).share == Rate(1, 1)
    renewal = Renewal(
        id="all",
        effective_from_date=date(2027, 1, 1),
        expired_from_date=date(2026, 12, 31),
        expired_to_date=date(2026, 12, 31),
        share=Rate(1, 1),
        lot_months=12,
    )
    assert renewal.renewed(10**9) == 10**9
    assert replace(renewal, limit_points=5).renewed(10**9) == 5


@pytest.mark.parametrize(("year", "leap"), [(1900, False), (2000, True), (2024, True), (2100, False), (2026, False)])
def test_who_was_born_on_29_february_celebrates_on_the_28th_where_there_is_no_29th(year: int, leap: bool) -> None:
    assert birthdays_on(date(year, 2, 28)) == (("02-28",) if leap else ("02-28", "02-29"))


def test_a_met_challenge_keeps_the_edge_that_it_came_by() -> None:
    challenge = Challenge(
        edge_id="trial", programme="host", tier="gold", started_date=ORDERED, deadline_date=TODAY, target=3, months=12
    )
    assert kept_status(challenge, ORDERED).edge_id == "trial"


def test_a_programme_that_nobody_knows_has_no_partner() -> None:
    assert CATALOGUE.tier_matches.partner_of("nobody") is None


@pytest.mark.parametrize("counts", [(-1, 0, 0), (0, -1, 0), (0, 0, -1)])
def test_uses_are_never_negative(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="never negative"):
        Standing(*counts)


def test_a_use_counts_once_unless_its_guests_are_counted() -> None:
    day = date(2026, 12, 1)
    standing = (Use(service_date=day, guests=3), Use(service_date=date(2027, 12, 1), guests=2))
    assert counted(Counting(), Use(service_date=day), standing) == 1
    assert counted(Quota(limit=9, counts="guests"), Use(service_date=day), standing, "guests") == 3
    assert counted(Quota(limit=9, counts="visitors"), Use(service_date=day), standing, "visitors") == 4


def test_rolling_days_reach_both_ways_to_their_last_day() -> None:
    week = Counting(WindowKind.ROLLING_DAYS, days=7)
    wanted = Use(service_date=date(2026, 12, 10))
    for day, counts in ((3, 0), (4, 1), (16, 1), (17, 0)):
        assert counted(week, wanted, [Use(service_date=date(2026, 12, day))]) == counts
    both = [Use(service_date=date(2026, 12, 4)), Use(service_date=date(2026, 12, 16))]
    assert counted(week, wanted, both) == 1, "no seven days hold both"


def test_every_step_of_the_arithmetic_is_told() -> None:
    promotion = Promotion(id="spring", extra=Rate(10, 1), from_date=TODAY, to_date=TODAY, most=None)
    contract = replace(BASE, bonus=BlockBonus(10, 1, "to"), promotions=(promotion,))
    made_of = convert(contract, 100, TODAY)
    assert made_of.quantity == 100
    assert made_of.steps == (
        "100 PTS at 2:1 = floor(100 x 1 / 2) = 50",
        "bonus: 5 whole blocks of 10 MILES:x x 1 = 5",
        "promotion spring: 50 at 10:1 = 5",
        "credited: 60 MILES:x",
    )
    points = replace(
        BASE, rate=None, increment=1, price_points=(PricePoint(10, 4), PricePoint(30, 9), PricePoint(50, 20))
    )
    for quantity, said in ((9, "0 PTS is a price point = 0"), (49, "30 PTS is a price point = 9")):
        assert convert(points, quantity, TODAY).steps[0] == said
    assert convert(points, 9, TODAY).converted == 0


def test_of_promotions_that_give_the_same_the_first_is_named() -> None:
    twins = tuple(Promotion(id=name, extra=Rate(10, 1), from_date=TODAY, to_date=TODAY) for name in ("a", "b"))
    assert convert(replace(BASE, promotions=twins), 100, TODAY).promotion_id == "a"


def test_a_quote_names_partner_and_source_and_a_refusal_its_contract() -> None:
    quoted = quote([BASE], 100, Occasion(TODAY))
    assert (quoted.partner, quoted.source) == ("skyward-miles", "a test's own")
    both = replace(BASE, maximum=500, caps=(Cap(1, "conversions", "year"),))
    used = (Used(TODAY, "PTS", "MILES:x", 100, 50),)
    with pytest.raises(ConversionRefusedError, match="no quantity is possible now") as refused:
        quote([both], 600, Occasion(TODAY, used=used))
    facts = refused.value.facts
    assert (facts["reason"], facts["contract"], facts["version"]) == ("above_maximum", "base", 1)
    ambiguous = replace(BASE, bonus=BlockBonus(10, 1))
    with pytest.raises(ConversionRefusedError) as refused:
        quote([ambiguous], 100, Occasion(TODAY))
    assert (refused.value.facts["contract"], refused.value.facts["version"]) == ("base", 1)
    with pytest.raises(ConversionRefusedError, match=f"in force on {TODAY}"):
        quote([], 100, Occasion(TODAY))


def test_an_equal_fee_returns_nothing() -> None:
    fee = Fee(currency="USD", fixed_minor_units=100)
    paid = replace(BASE, fee=fee)
    wrong = Made(conversion_id="cnv_1", quote=quote([paid], 1_000, Occasion(ORDERED)), on_date=ORDERED)
    right = replace(paid, version=2, rate=Rate(1, 1), correction=Correction(1, TODAY, "why"))
    [entry] = refund_entries([paid, right], [wrong])
    assert entry.fee_returned is None


def way(source: str, target: str, rate: Rate, **changes: object) -> ConversionContract:
    return plain_contract(f"{source}-{target}-{rate}", source, target, rate, **changes)


def names(trips: Iterable[RoundTrip]) -> list[set[str]]:
    return [{leg.id for leg in trip.legs} for trip in trips]


def test_every_round_trip_that_gains_is_found_by_the_best_terms_and_none_twice() -> None:
    pairs = [way("A", "B", Rate(1, 2)), way("A", "B", Rate(1, 1)), way("B", "A", Rate(5, 3))]
    other = [way("C", "D", Rate(1, 2)), way("D", "C", Rate(1, 1))]
    assert names(gains([*pairs, *other])) == [{"A-B-1:2", "B-A-5:3"}, {"C-D-1:2", "D-C-1:1"}]


def test_a_way_through_a_round_trip_that_gains_is_not_told_as_another() -> None:
    around = [
        way("A", "B", Rate(1, 1)),
        way("B", "A", Rate(10, 9)),
        way("B", "C", Rate(1, 1)),
        way("C", "B", Rate(1, 2)),
    ]
    elsewhere = [way("D", "E", Rate(1, 1)), way("E", "F", Rate(1, 1))]
    assert names(gains([*around, *elsewhere])) == [{"B-C-1:1", "C-B-1:2"}]


def test_each_gain_of_waiting_is_found() -> None:
    there = {"effective_to_date": date(2026, 6, 30)}
    back = {"effective_from_date": date(2026, 7, 1)}
    contracts = [
        way("A", "B", Rate(1, 2), **there), way("B", "A", Rate(1, 1), **back),
        way("C", "D", Rate(1, 2), **there), way("D", "C", Rate(1, 1), **back),
    ]  # fmt: skip
    assert gains(contracts) == ()
    assert names(gains_over_time(contracts)) == [{"A-B-1:2", "B-A-1:1"}, {"C-D-1:2", "D-C-1:1"}]
    regional = [replace(one, region="CN") for one in contracts[:2]]
    assert names(gains_over_time(regional)) == [{"A-B-1:2", "B-A-1:1"}]


def test_a_contract_until_the_end_of_all_days_changes_nothing_after_it() -> None:
    assert days_of_change([way("A", "B", Rate(1, 1), effective_to_date=date.max)]) == [date.min]


def test_a_right_names_the_tier_that_gives_it() -> None:
    benefit = CATALOGUE.benefits["lounge-visit"][0]
    grant = entitled(benefit, "gold", date(2026, 12, 1))
    assert grant is not None
    assert grant.tier == "gold"


def test_days_belong_to_rolling_windows_alone() -> None:
    for wrong in ({"window": WindowKind.ROLLING_DAYS}, {"days": 7}):
        with pytest.raises(ValueError, match="days belongs to"):
            Counting(**wrong)
