"""Exact arithmetic of money: one rounding rule, one way to divide a whole into parts. No float anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TypeVar

Name = TypeVar("Name", bound=str)


def round_half_even(exact: Fraction) -> int:
    """Round to whole minor units, a half to the even neighbour.

    Source: IEEE 754-2019 roundTiesToEven, the rule every contract here states for prices and tax.
    """
    return round(exact)


def split(amount: int, weights: Mapping[Name, int]) -> dict[Name, int]:
    """Divide an amount by weights so that the parts sum to it exactly.

    The largest-remainder method (Hamilton): everybody gets the whole part of the exact share, and the units left over
    go one each to the largest remainders, the one named first on a tie. A negative amount is divided as its positive.

    Raises:
        ValueError: no weight is positive, or one is negative.
    """
    whole = sum(weights.values())
    if whole <= 0 or min(weights.values()) < 0:
        raise ValueError("a split needs weights of which none is negative and one is positive")
    sign = -1 if amount < 0 else 1
    parts = {name: divmod(abs(amount) * weight, whole) for name, weight in weights.items()}
    left = abs(amount) - sum(quotient for quotient, _ in parts.values())
    favoured = set(sorted(parts, key=lambda name: -parts[name][1])[:left])
    return {name: sign * (quotient + (name in favoured)) for name, (quotient, _) in parts.items()}
