"""Published conversions, each case under its own name; the contracts and their sources are in published_contracts."""

from __future__ import annotations

from datetime import date

import pytest

from catalogue.conversion_quotes import Occasion, quote
from catalogue.conversion_routes import routes
from catalogue.errors import ConversionRefusedError
from catalogue.programme import EarnRule, Programme, Tier, earn
from catalogue.texts import Text
from catalogue.values import Money, Rate
from tests.unit.catalogue.published import FILES, TERMS_OF_2013, TODAYS, between, quoted
from tests.unit.catalogue.samples import AT

AMEX = "AMEX-MR"
JUNE_2020 = date(2020, 6, 20)
JANUARY_2026 = date(2026, 1, 15)
LAST_OLD_DAY = date(2025, 7, 31)
FIRST_NEW_DAY = date(2025, 8, 1)


def refusal(
    source: str, target: str, quantity: int, on_date: date, region: str | None = None
) -> dict[str, str | int | None]:
    with pytest.raises(ConversionRefusedError) as refused:
        quoted(source, target, quantity, on_date, region)
    return {key: refused.value.facts[key] for key in ("reason", "nearest", "nearest_to")}


def test_p01_three_points_to_a_mile() -> None:
    assert quoted("MARRIOTT", "MOST-AIRLINES", 3_000, JUNE_2020).to_quantity == 1_000


def test_p02_sixty_thousand_points_get_the_block_bonus() -> None:
    found = quoted("MARRIOTT", "MOST-AIRLINES", 60_000, JUNE_2020)
    assert (found.to_quantity, found.bonus_quantity) == (25_000, 5_000)


def test_p02_one_point_less_gets_no_bonus() -> None:
    assert quoted("MARRIOTT", "MOST-AIRLINES", 59_999, JUNE_2020).to_quantity == 19_999


@pytest.mark.parametrize(("points", "fee"), [(50_000, 3_000), (165_000, 9_900), (1_000_000, 9_900)])
def test_p06_fee_per_point_with_a_cap(points: int, fee: int) -> None:
    assert quoted(AMEX, "DELTA", points, date(2024, 9, 27), "US").fee == Money(fee, "USD")


def test_p09_points_to_cash() -> None:
    assert quoted("ACCOR", "EUR", 2_000, JANUARY_2026).to_quantity == 4_000


def test_p10_a_price_point_is_no_ratio() -> None:
    """112,000 points with linked accounts, 140,000 without, are 50,000 miles; no other quantity is anything."""
    contracts = FILES[TERMS_OF_2013]
    linked = Occasion(date(2013, 8, 15), linked=frozenset({"RewardsPlus"}))
    assert quote(contracts, 112_000, linked).to_quantity == 50_000
    assert quote(contracts, 140_000, Occasion(date(2013, 8, 15))).to_quantity == 50_000
    for quantity, occasion, nearest in (
        (112_000, Occasion(date(2013, 8, 15)), 140_000),
        (280_000, linked, 112_000),
        (56_000, linked, 112_000),
    ):
        with pytest.raises(ConversionRefusedError) as refused:
            quote(contracts, quantity, occasion)
        assert (refused.value.facts["reason"], refused.value.facts["nearest"]) == ("no_price_point", nearest)


def test_p12_a_step_earn_floors_to_the_step() -> None:
    """5 points per 2.50: 3.00 earns 5, not 6: github.com/nopSolutions/nopCommerce/issues/5235."""
    name = Text("银卡", "Silver")
    rule = EarnRule(
        id="step",
        activity="spend",
        effective_from_date=date(2020, 1, 1),
        rate=Rate(5, 2),
        lot_months=12,
        step_minor_units=250,
    )
    programme = Programme(
        id="p12",
        name=name,
        time_zone="UTC",
        points_per_cny=5,
        tier_validity_months=12,
        tiers=(Tier(id="silver", name=name, qualifying_from=0, multiplier=Rate(1, 1)),),
        earn_rules=(rule,),
    )
    earned = {fen: earn(programme, "spend", Money(fen, "CNY"), "silver", AT).points for fen in (249, 250, 300, 500)}
    assert earned == {249: 0, 250: 5, 300: 5, 500: 10}


def test_d01_the_minimum_itself() -> None:
    assert quoted(AMEX, "FLYING-BLUE", 625, JANUARY_2026, "DACH").to_quantity == 500


def test_d02_below_the_minimum() -> None:
    assert refusal(AMEX, "FLYING-BLUE", 624, JANUARY_2026, "DACH") == {
        "reason": "below_minimum",
        "nearest": 625,
        "nearest_to": 500,
    }


def test_d04_on_the_increment() -> None:
    assert quoted(AMEX, "IBERIA", 1_500, JANUARY_2026, "DACH").to_quantity == 1_200


def test_d05_the_day_before_the_devaluation() -> None:
    assert quoted(AMEX, "CATHAY", 10_000, LAST_OLD_DAY, "DACH").to_quantity == 8_000


def test_d05_the_day_of_the_devaluation() -> None:
    assert refusal(AMEX, "CATHAY", 10_000, FIRST_NEW_DAY, "DACH") == {
        "reason": "off_increment",
        "nearest": 9_900,
        "nearest_to": 6_600,
    }


def test_d07_the_new_rate_on_its_increment() -> None:
    found = quoted(AMEX, "CATHAY", 9_900, FIRST_NEW_DAY, "DACH")
    assert (found.to_quantity, found.version) == (6_600, 2)


def test_d08_another_contract_of_the_same_change() -> None:
    assert quoted(AMEX, "EMIRATES", 10_000, LAST_OLD_DAY, "DACH").to_quantity == 8_000
    assert quoted(AMEX, "EMIRATES", 10_000, FIRST_NEW_DAY, "DACH").to_quantity == 5_000


def test_d10_off_the_increment_names_the_nearest() -> None:
    assert refusal(AMEX, "KRISFLYER", 1_501, JANUARY_2026, "DACH") == {
        "reason": "off_increment",
        "nearest": 1_500,
        "nearest_to": 1_000,
    }


def test_d12_rounded_down() -> None:
    assert quoted("C1", "JETBLUE", 1_001, JANUARY_2026, "US").to_quantity == 600


def test_d14_only_whole_blocks() -> None:
    assert refusal("QATAR", "ACCOR", 8_999, JANUARY_2026) == {
        "reason": "off_increment",
        "nearest": 4_500,
        "nearest_to": 1_000,
    }


def test_d17_two_hops() -> None:
    found = routes(TODAYS, AMEX, "MILES-AND-MORE", 900, Occasion(JANUARY_2026, "DACH"))
    assert found.best is not None
    assert [(leg.to_commodity, leg.to_quantity) for leg in found.best.legs] == [
        ("PAYBACK", 300),
        ("MILES-AND-MORE", 300),
    ]


def test_what_two_years_contradict_is_reported_and_not_guessed() -> None:
    every = (*TODAYS, *FILES[TERMS_OF_2013])
    with pytest.raises(ConversionRefusedError) as refused:
        quote(between("MARRIOTT", "UNITED", every), 140_000, Occasion(date(2013, 8, 15)))
    assert refused.value.facts["reason"] == "conflicting_contracts"
    assert refused.value.facts["contracts"] == "marriott-united version 2, marriott-united-2013 version 1"
