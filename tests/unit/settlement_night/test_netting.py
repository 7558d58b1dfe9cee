"""Netting and rounding. S01: a published payout whose lines have four decimals. ST-12: sums are exact."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.netting import NetPosition, NettingLine, net, round_payout


def test_s01_four_decimal_lines_pay_out_two_decimals_and_leave_a_residual() -> None:
    """Source: Mollie API documentation, get-settlement sample stl_jDk30akdN: 86.1000 less 43.2000, 2.5410, 0.6050."""
    payout = round_payout([861_000, -432_000, -25_410, -6_050], scale=4, payout_scale=2)
    assert (payout.amount, payout.residual) == (3975, 40)


@pytest.mark.parametrize(
    ("exact", "paid"), [(50, 0), (150, 2), (250, 2), (-50, 0), (-150, -2), (51, 1), (-51, -1), (149, 1), (0, 0)]
)
def test_half_goes_to_even(exact: int, paid: int) -> None:
    assert round_payout([exact], scale=4, payout_scale=2).amount == paid


@given(st.lists(st.integers(-(10**18), 10**18)), st.integers(0, 6), st.integers(0, 6))
def test_st_12_rounding_never_creates_money(amounts: list[int], one: int, other: int) -> None:
    scale, payout_scale = max(one, other), min(one, other)
    payout = round_payout(amounts, scale, payout_scale)
    unit = 10 ** (scale - payout_scale)
    assert payout.amount * unit + payout.residual == sum(amounts)
    assert abs(payout.residual) * 2 <= unit


def test_a_payout_finer_than_its_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="finer"):
        round_payout([1], scale=2, payout_scale=4)


def line(bearer: str, standing: str, amount: int, currency: str = "CNY") -> NettingLine:
    return NettingLine("aurora", "2026-11", currency, bearer, standing, amount)  # type: ignore[arg-type]


def test_positions_are_split_by_bearer_currency_and_standing() -> None:
    lines = [
        line("maker", "agreed", 700),
        line("maker", "agreed", -200),
        line("maker", "disputed", 50),
        line("dealer", "unreconciled", 9),
        line("maker", "agreed", 3, "JPY"),
    ]
    assert net(lines) == (
        NetPosition("aurora", "2026-11", "CNY", "dealer", 0, 0, 9, 1),
        NetPosition("aurora", "2026-11", "CNY", "maker", 500, 50, 0, 3),
        NetPosition("aurora", "2026-11", "JPY", "maker", 3, 0, 0, 1),
    )


@given(
    st.lists(
        st.builds(
            line,
            st.sampled_from(["maker", "dealer", "partner"]),
            st.sampled_from(["agreed", "disputed", "unreconciled"]),
            st.integers(-(10**15), 10**15),
            st.sampled_from(["CNY", "JPY"]),
        )
    ),
    st.randoms(),
)
def test_st_12_positions_sum_to_the_lines_in_any_order(lines: list[NettingLine], chance: random.Random) -> None:
    found = net(lines)
    assert sum(position.total for position in found) == sum(one.amount for one in lines)
    assert sum(position.lines for position in found) == len(lines)
    shuffled = list(lines)
    chance.shuffle(shuffled)
    assert net(shuffled) == found
