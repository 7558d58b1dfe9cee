"""Properties of the catalogue's arithmetic, each against an independent statement of the same rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil, floor

from hypothesis import assume, given
from hypothesis import strategies as st

from catalogue.benefits_cancellation import Cancellation, refund_of
from catalogue.entitlements import Standing
from catalogue.errors import VoucherRefusedError
from catalogue.programme import EarnRule, earn, points_for, tier_for, value_of
from catalogue.values import Money, Rate
from catalogue.vouchers import ALPHABET, LENGTH, check_code, make_code, read_code, show_code
from tests.unit.catalogue.samples import AT, PROGRAMME

fen = st.integers(min_value=0, max_value=10**13)
tiers = st.sampled_from(PROGRAMME.tier_ids)
rules = st.sampled_from(PROGRAMME.earn_rules)
shares = st.tuples(st.integers(1, 100), st.integers(1, 100)).map(lambda pair: Rate(max(pair), min(pair)))
rates = st.builds(Rate, st.integers(1, 10_000), st.integers(1, 10_000))


@given(rules, fen, tiers)
def test_earning_is_two_floors_of_the_exact_product(rule: EarnRule, amount: int, tier: str) -> None:
    earned = earn(PROGRAMME, rule.activity, Money(amount, "CNY"), tier, AT)
    stepped = Fraction(floor(Fraction(amount, rule.step_minor_units)) * rule.step_minor_units, 100)
    base = floor(stepped * Fraction(rule.rate.to_units, rule.rate.from_units) * 5)
    assert earned.points == floor(base * PROGRAMME.tier(tier).multiplier.fraction)
    assert earned.qualifying == floor(stepped)
    assert type(earned.points) is int
    assert type(earned.qualifying) is int


@given(rules, fen, fen, tiers)
def test_earning_more_never_earns_less(rule: EarnRule, one: int, more: int, tier: str) -> None:
    low = earn(PROGRAMME, rule.activity, Money(one, "CNY"), tier, AT)
    high = earn(PROGRAMME, rule.activity, Money(one + more, "CNY"), tier, AT)
    assert low.points <= high.points
    assert low.qualifying <= high.qualifying
    assert low.points * 100 <= one * 5, "nobody earns more than the amount is worth at these rates"


@given(rules, fen)
def test_a_higher_tier_never_earns_less(rule: EarnRule, amount: int) -> None:
    points = [earn(PROGRAMME, rule.activity, Money(amount, "CNY"), tier, AT).points for tier in PROGRAMME.tier_ids]
    assert points == sorted(points)


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9))
def test_tiers_never_fall_with_more_points(total: int, more: int) -> None:
    assert PROGRAMME.rank(tier_for(PROGRAMME, total)) <= PROGRAMME.rank(tier_for(PROGRAMME, total + more))


@given(fen)
def test_a_price_in_points_covers_the_price_by_less_than_a_point(amount: int) -> None:
    points = points_for(PROGRAMME, Money(amount, "CNY"))
    assert points == ceil(Fraction(amount * 5, 100))
    assert 0 <= value_of(PROGRAMME, points).amount - amount < 20
    assert points_for(PROGRAMME, value_of(PROGRAMME, points)) == points


@given(rates, st.integers(0, 10**12))
def test_floor_and_ceiling_meet_around_the_exact_product(rate: Rate, quantity: int) -> None:
    exact = quantity * rate.fraction
    assert rate.floor(quantity) <= exact <= rate.ceil(quantity)
    assert rate.ceil(quantity) - rate.floor(quantity) == (0 if exact.denominator == 1 else 1)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_remaining_is_never_negative_nor_more_than_the_total(total: int, used: int, pending: int) -> None:
    remaining = Standing(total=total, used=used, pending=pending).remaining
    assert 0 <= remaining <= total
    if used + pending <= total:
        assert remaining + used + pending == total


@given(
    st.builds(Cancellation, st.none() | st.integers(0, 100), st.none() | shares),
    st.integers(0, 10**9),
    st.integers(-200, 200),
)
def test_no_more_comes_back_than_was_paid(rule: Cancellation, paid: int, hours: int) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    back = refund_of(rule, paid, start, start - timedelta(hours=hours))
    assert 0 <= back <= paid
    assert back <= refund_of(rule, paid, start, start - timedelta(hours=hours + 1)) or rule.free_until_hours is None


codes = st.binary(min_size=16, max_size=16).map(make_code)


@given(codes)
def test_every_code_made_is_accepted_however_it_is_shown(code: str) -> None:
    assert len(code) == LENGTH
    assert set(code) <= set(ALPHABET)
    assert check_code(code)
    assert check_code(show_code(code).lower())


@given(codes)
def test_every_single_wrong_character_is_caught(code: str) -> None:
    for place in range(LENGTH):
        for other in ALPHABET:
            if other != code[place]:
                assert not check_code(code[:place] + other + code[place + 1 :])


@given(codes, st.integers(0, LENGTH - 1), st.integers(0, LENGTH - 1))
def test_every_exchange_of_two_characters_is_caught(code: str, one: int, other: int) -> None:
    assume(code[one] != code[other])
    characters = list(code)
    characters[one], characters[other] = characters[other], characters[one]
    assert not check_code("".join(characters))


@given(st.text(max_size=40) | st.text(ALPHABET + " -", min_size=12, max_size=13))
def test_reading_never_breaks_on_what_is_typed(text: str) -> None:
    try:
        code = read_code(text)
    except VoucherRefusedError:
        return
    assert len(code) == LENGTH
    assert set(code) <= set(ALPHABET)
