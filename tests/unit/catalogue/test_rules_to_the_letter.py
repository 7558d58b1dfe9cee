"""What changing the rules one by one showed to be said by no test: bounds, words and facts of refusals."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Literal

import msgspec
import pytest

from catalogue.conversion import BlockBonus, Cap, Correction
from catalogue.conversion_arithmetic import best_ratio, bonus_reachable
from catalogue.conversion_caps import Used
from catalogue.conversion_corrections import Made, refund_entries
from catalogue.conversion_quotes import Occasion, quote
from catalogue.conversion_transfers import transfer
from catalogue.entitlements import Standing
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
