"""Published conversions, each with its own case: public facts, their sources beside them (all read 2026-11-21)."""

from __future__ import annotations

from datetime import date

import pytest

from catalogue.conversion import BlockBonus, ConversionContract, Fee, quote
from catalogue.errors import ConversionRefusedError
from catalogue.programme import EarnRule, Programme, Tier, earn
from catalogue.texts import Text
from catalogue.values import Money, Rate
from tests.unit.catalogue.samples import AT

AMEX_DE = "americanexpress.com/de-de/rewards, January 2026"
JANUARY_2026 = date(2026, 1, 15)
LAST_OLD_DAY = date(2025, 7, 31)
FIRST_NEW_DAY = date(2025, 8, 1)


def contract(
    name: str,
    rate: Rate,
    *,
    source: str,
    minimum: int = 1,
    increment: int = 1,
    bonus: BlockBonus | None = None,
    fee: Fee | None = None,
    first: date | None = None,
    last: date | None = None,
    to_commodity: str | None = None,
) -> ConversionContract:
    return ConversionContract(
        id=name,
        version=1 if last or not first else 2,
        partner=name,
        from_commodity="SOURCE",
        to_commodity=to_commodity or f"MILES:{name}",
        rate=rate,
        minimum=minimum,
        increment=increment,
        bonus=bonus,
        fee=fee,
        effective_from_date=first,
        effective_to_date=last,
        source=source,
    )


FLYING_BLUE = (contract("flying-blue", Rate(5, 4), minimum=625, increment=5, source=AMEX_DE),)
IBERIA = (contract("iberia", Rate(5, 4), minimum=1000, increment=500, source=AMEX_DE),)
CATHAY = (
    contract("cathay", Rate(5, 4), last=LAST_OLD_DAY, source=AMEX_DE),
    contract("cathay", Rate(3, 2), minimum=900, increment=300, first=FIRST_NEW_DAY, source=AMEX_DE),
)
EMIRATES = (
    contract("emirates", Rate(5, 4), last=LAST_OLD_DAY, source=AMEX_DE),
    contract("emirates", Rate(2, 1), minimum=1000, increment=2, first=FIRST_NEW_DAY, source=AMEX_DE),
)
KRISFLYER = (contract("krisflyer", Rate(3, 2), minimum=1500, increment=3, source=AMEX_DE),)
JETBLUE = (contract("jetblue", Rate(5, 3), source="Capital One's partner list, January 2026"),)
ACCOR_FROM_QATAR = (
    contract(
        "accor", Rate(4500, 1000), minimum=4500, increment=4500, source="onemileatatime.com/qatar-accor-partnership"
    ),
)
MARRIOTT = (
    contract(
        "most-airlines",
        Rate(3, 1),
        bonus=BlockBonus(block=60_000, bonus=5_000, counted_in="from"),
        source="thepointsguy.co.uk/guide/marriott-rewards-transfer-times, June 2020",
    ),
)


def refusal(contracts: tuple[ConversionContract, ...], quantity: int, on_date: date) -> dict[str, str | int | None]:
    with pytest.raises(ConversionRefusedError) as refused:
        quote(contracts, quantity, on_date)
    return {key: refused.value.facts[key] for key in ("reason", "nearest", "nearest_to")}


def test_p01_three_points_to_a_mile() -> None:
    assert quote(MARRIOTT, 3_000, date(2020, 6, 20)).to_quantity == 1_000


def test_p02_sixty_thousand_points_get_the_block_bonus() -> None:
    quoted = quote(MARRIOTT, 60_000, date(2020, 6, 20))
    assert (quoted.to_quantity, quoted.bonus_quantity) == (25_000, 5_000)


def test_p02_one_point_less_gets_no_bonus() -> None:
    assert quote(MARRIOTT, 59_999, date(2020, 6, 20)).to_quantity == 19_999


@pytest.mark.parametrize(("points", "fee"), [(50_000, 3_000), (165_000, 9_900), (1_000_000, 9_900)])
def test_p06_fee_per_point_with_a_cap(points: int, fee: int) -> None:
    """0.06 US cents a point, at most 99 dollars: thepointsguy.com/loyalty-programs/amex-excise-tax-offset-fees."""
    excise = Fee(per_unit=Rate(100, 6), currency="USD", cap_minor_units=9_900)
    delta = (contract("delta", Rate(1, 1), fee=excise, source="thepointsguy.com, 2024-09-27"),)
    assert quote(delta, points, date(2024, 9, 27)).fee == Money(fee, "USD")


def test_p09_points_to_cash() -> None:
    """2,000 points are 40 euros: all.accor.com, conditions of the Fliggy partnership."""
    cash = (contract("accor-cash", Rate(2_000, 4_000), to_commodity="EUR", source="all.accor.com"),)
    assert quote(cash, 2_000, JANUARY_2026).to_quantity == 4_000


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
    assert quote(FLYING_BLUE, 625, JANUARY_2026).to_quantity == 500


def test_d02_below_the_minimum() -> None:
    assert refusal(FLYING_BLUE, 624, JANUARY_2026) == {"reason": "below_minimum", "nearest": 625, "nearest_to": 500}


def test_d04_on_the_increment() -> None:
    assert quote(IBERIA, 1_500, JANUARY_2026).to_quantity == 1_200


def test_d05_the_day_before_the_devaluation() -> None:
    assert quote(CATHAY, 10_000, LAST_OLD_DAY).to_quantity == 8_000


def test_d05_the_day_of_the_devaluation() -> None:
    assert refusal(CATHAY, 10_000, FIRST_NEW_DAY) == {"reason": "off_increment", "nearest": 9_900, "nearest_to": 6_600}


def test_d07_the_new_rate_on_its_increment() -> None:
    quoted = quote(CATHAY, 9_900, FIRST_NEW_DAY)
    assert (quoted.to_quantity, quoted.version) == (6_600, 2)


def test_d08_another_contract_of_the_same_change() -> None:
    assert quote(EMIRATES, 10_000, LAST_OLD_DAY).to_quantity == 8_000
    assert quote(EMIRATES, 10_000, FIRST_NEW_DAY).to_quantity == 5_000


def test_d10_off_the_increment_names_the_nearest() -> None:
    assert refusal(KRISFLYER, 1_501, JANUARY_2026) == {"reason": "off_increment", "nearest": 1_500, "nearest_to": 1_000}


def test_d12_rounded_down() -> None:
    assert quote(JETBLUE, 1_001, JANUARY_2026).to_quantity == 600


def test_d14_only_whole_blocks() -> None:
    assert refusal(ACCOR_FROM_QATAR, 8_999, JANUARY_2026) == {
        "reason": "off_increment",
        "nearest": 4_500,
        "nearest_to": 1_000,
    }


def test_d17_two_hops() -> None:
    payback = (contract("payback", Rate(3, 1), minimum=900, increment=3, source=AMEX_DE),)
    miles_and_more = (contract("miles-and-more", Rate(1, 1), source=AMEX_DE),)
    first = quote(payback, 900, JANUARY_2026)
    assert quote(miles_and_more, first.to_quantity, JANUARY_2026).to_quantity == 300
