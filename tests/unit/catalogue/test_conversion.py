"""Conversion contracts: which one holds, what is refused and which quantity is offered instead."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from catalogue.conversion import BlockBonus, in_force, quote
from catalogue.errors import ConversionRefusedError
from catalogue.values import Rate
from tests.unit.catalogue.samples import CATALOGUE, TODAY, plain_contract

MILES = CATALOGUE.conversion_contracts("skyward-miles")
BASE = plain_contract("base", "PTS", "MILES:x", Rate(5, 4))


def test_the_airlines_contract_to_the_mile() -> None:
    quoted = quote(MILES, 10_000, TODAY)
    assert (quoted.to_quantity, quoted.bonus_quantity, quoted.fee, quoted.transfer_days) == (8_000, 0, None, 1)
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
    with pytest.raises(ConversionRefusedError) as refused:
        quote(MILES, quantity, TODAY)
    facts = refused.value.facts
    assert (facts["reason"], facts["nearest"], facts["nearest_to"]) == (reason, nearest, nearest_to)
    assert quote(MILES, nearest, TODAY).to_quantity == nearest_to


def test_the_largest_quantity_is_on_the_increment() -> None:
    contract = msgspec.structs.replace(BASE, maximum=1_099, increment=100)
    with pytest.raises(ConversionRefusedError) as refused:
        quote([contract], 1_100, TODAY)
    assert refused.value.facts["nearest"] == 1_000


def test_the_smallest_quantity_is_on_the_increment() -> None:
    contract = msgspec.structs.replace(BASE, minimum=950, increment=100)
    with pytest.raises(ConversionRefusedError) as refused:
        quote([contract], 960, TODAY)
    assert refused.value.facts["nearest"] == 1_000


def test_limits_that_nothing_can_meet_are_no_contract() -> None:
    with pytest.raises(ValueError, match="maximum"):
        plain_contract("none", "PTS", "MILES:x", Rate(1, 1), minimum=950, maximum=999, increment=500)


def test_no_contract_before_it_begins() -> None:
    with pytest.raises(ConversionRefusedError) as refused:
        quote(MILES, 10_000, date(2025, 12, 31))
    assert refused.value.facts["reason"] == "no_contract"


def test_the_members_region_goes_before_everywhere() -> None:
    regional = msgspec.structs.replace(BASE, id="dach", region="DACH", rate=Rate(2, 1))
    assert in_force([BASE, regional], TODAY, "DACH").id == "dach"
    assert in_force([BASE, regional], TODAY, "US").id == "base"
    assert in_force([BASE, regional], TODAY).id == "base"
    with pytest.raises(ConversionRefusedError):
        in_force([regional], TODAY, "US")


def test_a_bonus_may_be_counted_in_what_is_received() -> None:
    bonus = BlockBonus(block=20_000, bonus=5_000, counted_in="to")
    contract = msgspec.structs.replace(BASE, rate=Rate(3, 1), bonus=bonus)
    assert quote([contract], 59_997, TODAY).to_quantity == 19_999
    assert quote([contract], 60_000, TODAY).to_quantity == 25_000
    assert contract.best_ratio * 60_000 == 25_000


@pytest.mark.parametrize("quantity", [1_000.0, True])
def test_a_quantity_is_whole(quantity: int) -> None:
    with pytest.raises(TypeError):
        quote(MILES, quantity, TODAY)
