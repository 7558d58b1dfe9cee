"""Splitting and pricing: the parts are always the whole, whatever the numbers. ST-12."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from catalogue.values import Rate
from settlement.amounts import round_half_even, split
from settlement.journal import totals
from settlement.obligations import obligations
from tests.unit.settlement.samples import HOTEL, UPGRADES, VISITS, contract, fact, yuan

AMOUNTS = st.integers(-(10**15), 10**15)
WEIGHTS = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 10_000), min_size=1, max_size=6).filter(
    lambda weights: sum(weights.values()) > 0
)


@given(amount=AMOUNTS, weights=WEIGHTS)
def test_st_12_parts_sum_to_the_whole_and_are_within_one_unit_of_exact(amount: int, weights: dict[str, int]) -> None:
    parts = split(amount, weights)
    whole = sum(weights.values())
    assert sum(parts.values()) == amount
    assert parts.keys() == weights.keys()
    for name, part in parts.items():
        assert abs(part - Fraction(amount * weights[name], whole)) < 1
        assert part * amount >= 0


@given(amount=AMOUNTS, weights=WEIGHTS)
def test_split_of_the_negative_is_the_negative_of_the_split(amount: int, weights: dict[str, int]) -> None:
    assert split(-amount, weights) == {name: -part for name, part in split(amount, weights).items()}


@given(amount=st.integers(0, 10**9), weight=st.integers(1, 100), names=st.integers(1, 6))
def test_equal_weights_differ_by_one_unit_at_most_and_the_first_named_is_favoured(
    amount: int, weight: int, names: int
) -> None:
    parts = list(split(amount, {str(number): weight for number in range(names)}).values())
    assert max(parts) - min(parts) <= 1
    assert parts == sorted(parts, reverse=True)


def test_st_12_a_hundred_over_three() -> None:
    assert split(100, {"maker": 1, "dealer": 1, "partner": 1}) == {"maker": 34, "dealer": 33, "partner": 33}


@pytest.mark.parametrize("weights", [{}, {"a": 0}, {"a": 2, "b": -1}])
def test_weights_that_divide_nothing_are_refused(weights: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"weights|empty"):
        split(100, weights)


@given(numerator=st.integers(-(10**12), 10**12), denominator=st.integers(1, 10**4))
def test_rounding_is_to_the_nearest_and_a_half_to_even(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    rounded = round_half_even(exact)
    assert abs(exact - rounded) <= Fraction(1, 2)
    if abs(exact - rounded) == Fraction(1, 2):
        assert rounded % 2 == 0


@given(
    price=st.integers(0, 10**9),
    base=st.integers(0, 10**9),
    weights=st.tuples(st.integers(0, 100), st.integers(0, 100), st.integers(1, 100)),
    refund=st.booleans(),
)
def test_joint_line_its_shares_and_its_postings_agree(
    price: int, base: int, weights: tuple[int, int, int], refund: bool
) -> None:
    maker, dealer, partner = weights
    terms = replace(UPGRADES, bearers={"maker": maker, "dealer": dealer, "partner": partner})
    owed = obligations(
        contract("expedia-rapid", terms),
        fact(
            partner="expedia-rapid",
            kind="refund" if refund else "joint",
            benefit_id="hotel-upgrade",
            partner_price=yuan(price),
            base_price=yuan(base),
        ),
    )
    assert sum(share.amount for share in owed.shares) == owed.line.gross == (-price if refund else price)
    assert all(total == 0 for total in totals(owed.postings).values())
    assert all(share.amount * owed.line.gross >= 0 for share in owed.shares)


@given(quantity=st.integers(1, 10**6), from_units=st.integers(1, 1000), to_units=st.integers(1, 1000))
def test_net_and_tax_make_gross_and_tax_is_exact_to_half_a_unit(quantity: int, from_units: int, to_units: int) -> None:
    for included in (True, False):
        terms = replace(VISITS, tax_rate=Rate(from_units, to_units), tax_included=included)
        line = obligations(contract("skyhub-lounge", terms), fact(quantity=quantity)).line
        assert line.net + line.tax == line.gross
        exact = Fraction(line.net * to_units, from_units)
        slack = 1 + Fraction(to_units, from_units) if included else Fraction(1)
        assert abs(line.tax - exact) <= slack / 2


@given(price=st.integers(0, 10**12))
def test_refund_mirrors_the_purchase(price: int) -> None:
    stay = fact(partner="expedia-rapid", benefit_id="hotel-stay", partner_price=yuan(price))
    there, back = obligations(HOTEL, stay), obligations(HOTEL, replace(stay, kind="refund"))
    assert totals((*there.postings, *back.postings)) == ({"CNY": 0} if price else {})
    assert there.line.gross + back.line.gross == 0
    assert there.line.tax + back.line.tax == 0
