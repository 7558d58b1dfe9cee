"""Properties of conversion contracts, each against an independent statement of the same rule."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from math import floor

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from catalogue.conversion import Cap, ConversionContract, Correction, PricePoint, Promotion
from catalogue.conversion_arithmetic import best_ratio, convert, largest, quantities, smallest_for
from catalogue.conversion_caps import Used
from catalogue.conversion_corrections import Made, refund_entries
from catalogue.conversion_lots import LotPart, by_lot
from catalogue.conversion_quotes import ConversionQuote, Occasion, in_force, quote
from catalogue.errors import ConversionRefusedError
from catalogue.values import Rate
from tests.property.catalogue.conversion_strategies import caps, contracts, days, earlier, rates
from tests.unit.catalogue.samples import TODAY

NOW = Occasion(TODAY)


def expected(contract: ConversionContract, quantity: int, on_date: date) -> int:
    """The published order of the arithmetic, said a second time."""
    if contract.rate is None:
        converted = max((one.to_quantity for one in contract.price_points if one.from_quantity <= quantity), default=0)
    else:
        converted = floor(quantity * contract.rate.fraction)
    bonus = 0
    if contract.bonus is not None:
        counted = {"from": quantity, "to": converted}[contract.bonus.counted_in or ""]
        bonus = contract.bonus.bonus * floor(Fraction(counted, contract.bonus.block))
    extras = [
        min(floor(converted * one.extra.fraction), one.most if one.most is not None else 10**18)
        for one in contract.promotions
        if one.from_date <= on_date <= one.to_date and quantity >= one.minimum
    ]
    return converted + bonus + max(extras, default=0)


@given(contracts(), st.integers(-10, 600_000), days, st.lists(caps, max_size=2), earlier)
def test_a_conversion_is_exact_or_refused_with_a_quantity_that_works(
    contract: ConversionContract, quantity: int, on_date: date, limits: list[Cap], used: tuple[Used, ...]
) -> None:
    contract = msgspec.structs.replace(contract, caps=tuple(limits))
    occasion = Occasion(on_date, used=used)
    quoted = _answer([contract], quantity, occasion)
    if not isinstance(quoted, ConversionQuote):
        nearest = quoted["nearest"]
        if nearest is None:
            assert not isinstance(_answer([contract], contract.smallest, occasion), ConversionQuote)
            return
        assert isinstance(nearest, int)
        assert quote([contract], nearest, occasion).to_quantity == quoted["nearest_to"]
        return
    assert quoted.to_quantity == expected(contract, quantity, on_date)
    assert quoted.to_quantity > 0
    assert type(quoted.to_quantity) is int
    parts = quoted.bonus_quantity + quoted.promotion_quantity
    assert quoted.to_quantity - parts == convert(contract, quantity, on_date).converted
    for cap in contract.caps:
        assert {"from": quantity, "to": quoted.to_quantity, "conversions": 1}[cap.counted_in] <= cap.most


@given(contracts(), st.integers(1, 600_000), st.integers(0, 100_000), days)
def test_more_never_becomes_less(contract: ConversionContract, quantity: int, more: int, on_date: date) -> None:
    assert convert(contract, quantity, on_date).total <= convert(contract, quantity + more, on_date).total


@given(contracts(), st.integers(1, 600_000), days)
def test_the_bound_of_the_lint_holds_for_every_allowed_quantity(
    contract: ConversionContract, quantity: int, on_date: date
) -> None:
    allowed = largest(contract, quantity)
    assume(allowed is not None)
    assert allowed is not None
    assert convert(contract, allowed, on_date).total <= allowed * best_ratio(contract, on_date)


@given(contracts(), st.integers(1, 50_000), days)
def test_the_smallest_quantity_for_a_result_is_the_smallest(
    contract: ConversionContract, wanted: int, on_date: date
) -> None:
    found = smallest_for(contract, wanted, on_date)
    if found is None:
        top = quantities(contract, contract.maximum or 10_000)[-1]
        assert convert(contract, top, on_date).total < wanted
        return
    assert convert(contract, found, on_date).total >= wanted
    below = largest(contract, found - 1)
    assert below is None or convert(contract, below, on_date).total < wanted


@given(contracts(), st.floats())
def test_no_float_is_ever_converted(contract: ConversionContract, quantity: float) -> None:
    with pytest.raises(TypeError):
        quote([contract], quantity, NOW)  # type: ignore[arg-type]


@given(contracts(), contracts(), days, days, st.integers(1, 600_000), st.booleans())
def test_what_is_published_later_changes_no_earlier_answer(
    old: ConversionContract, new: ConversionContract, on_date: date, change: date, quantity: int, correct: bool
) -> None:
    """A later version leaves the days before it alone; a correction leaves what was known before it alone."""
    alone = _answer([old], quantity, Occasion(on_date))
    if correct:
        new = msgspec.structs.replace(new, version=2, correction=Correction(1, change, "why"))
        before = Occasion(on_date, known_on_date=change - timedelta(days=1))
        assert _answer([old, new], quantity, before) == alone
        assert in_force([old, new], Occasion(on_date, known_on_date=change)) is new
        return
    assume(on_date < change)
    ended = msgspec.structs.replace(old, effective_to_date=change - timedelta(days=1))
    new = msgspec.structs.replace(new, version=2, effective_from_date=change)
    assert _answer([ended, new], quantity, Occasion(on_date)) == alone
    assert in_force([ended, new], Occasion(change)) is new


def _answer(
    contracts: list[ConversionContract], quantity: int, occasion: Occasion
) -> ConversionQuote | dict[str, str | int | None]:
    try:
        return quote(contracts, quantity, occasion)
    except ConversionRefusedError as refused:
        return refused.facts


@given(st.lists(st.tuples(st.integers(1, 10**6), rates), min_size=1, max_size=8), st.integers(0, 10**7))
def test_lots_share_the_whole_to_the_last_unit(taken: list[tuple[int, Rate]], received: int) -> None:
    parts = [LotPart(str(number), quantity, value) for number, (quantity, value) in enumerate(taken)]
    shares = by_lot(parts, received, "CNY")
    total = sum(part.quantity for part in parts)
    exact = [part.quantity * part.value.fraction for part in parts]
    assert sum(share.to_quantity for share in shares) == received
    assert sum(share.value.amount for share in shares) == floor(sum(exact))
    for part, share, value in zip(parts, shares, exact, strict=True):
        assert abs(share.to_quantity - Fraction(received * part.quantity, total)) < 1
        assert abs(share.value.amount - value) < 1


ONE_TO_ONE = ConversionContract(
    id="any", version=1, partner="any", from_commodity="PTS", to_commodity="MILES", rate=Rate(1, 1)
)
PROMOTED_POINTS = msgspec.structs.replace(
    ONE_TO_ONE,
    rate=None,
    price_points=(PricePoint(1, 1), PricePoint(3, 2)),
    promotions=(Promotion(id="p", extra=Rate(1, 1), from_date=TODAY, to_date=TODAY, minimum=2),),
)
"""Two points are between two price points and get the promotion, which is more than the next point is asked for."""


@example(ONE_TO_ONE, [PROMOTED_POINTS], 2, TODAY)
@given(contracts(), st.lists(contracts(), min_size=1, max_size=3), st.integers(1, 600_000), days)
def test_corrections_conserve_and_leave_the_member_with_the_best_of_all_terms(
    wrong: ConversionContract, terms: list[ConversionContract], quantity: int, on_date: date
) -> None:
    asked = largest(wrong, quantity)
    assume(asked is not None)
    assert asked is not None
    made = Made(conversion_id="cnv", quote=quote([wrong], asked, Occasion(on_date)), on_date=on_date)
    versions = [
        msgspec.structs.replace(one, version=number, correction=Correction(number - 1, TODAY, "why"))
        for number, one in enumerate(terms, 2)
    ]
    entries = refund_entries([wrong, *versions], [made])
    assert entries == refund_entries([*reversed(versions), wrong], [made]), "the order of the files is no matter"
    assert len({entry.key for entry in entries}) == len(entries)
    member: dict[str, int] = {}
    for entry in entries:
        balance: dict[str, int] = {}
        for leg in entry.legs:
            balance[leg.commodity] = balance.get(leg.commodity, 0) + leg.amount
            if leg.party == "member":
                assert leg.amount > 0, "nothing is ever taken back"
                member[leg.commodity] = member.get(leg.commodity, 0) + leg.amount
        assert set(balance.values()) <= {0}
    given_at_last = asked - member.get("PTS", 0)
    got_at_last = made.quote.to_quantity + member.get("MILES", 0)
    assert 0 < given_at_last <= asked
    assert got_at_last >= expected(versions[-1], given_at_last, on_date)
    paid = made.quote.fee.amount if made.quote.fee else 0
    charges = [one.fee.charge(asked).amount if one.fee else 0 for one in versions]
    assert 0 <= paid - member.get("USD", 0) <= min([paid, *charges])
