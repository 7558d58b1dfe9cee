"""What each lot of points gave to a conversion and was worth: parts that sum to the whole, whatever the rounding.

Points of one wallet differ in what they cost: a lot that was sold, given or bought from a partner carries its own
value. A conversion takes from lots first-expiring-first; what it credits and what it relieves is divided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import msgspec

from catalogue.values import AtLeastOne, Money, Rate, whole


class LotPart(msgspec.Struct, frozen=True):
    """What a conversion took from a lot; ``value`` is minor units (``to_units``) per points (``from_units``)."""

    lot_id: str
    quantity: AtLeastOne
    value: Rate


class LotShare(msgspec.Struct, frozen=True):
    """A lot's part of a conversion: what it gave, what it received, what it was worth."""

    lot_id: str
    from_quantity: int
    to_quantity: int
    value: Money


def by_lot(parts: Iterable[LotPart], to_quantity: int, currency: str) -> tuple[LotShare, ...]:
    """Divide a conversion between the lots it took from, by largest remainder, the earlier lot first on a tie.

    The target units sum to ``to_quantity``; the values sum to the exact value of all parts, rounded down once.

    Raises:
        ValueError: there is no part, or one takes nothing.
    """
    taken = tuple(parts)
    if not taken or any(whole(part.quantity) < 1 for part in taken):
        raise ValueError("a conversion takes at least one unit from each lot it names")
    total = sum(part.quantity for part in taken)
    received = _divide([Fraction(whole(to_quantity) * part.quantity, total) for part in taken])
    worth = _divide([part.quantity * part.value.fraction for part in taken])
    return tuple(
        LotShare(part.lot_id, part.quantity, units, Money(value, currency))
        for part, units, value in zip(taken, received, worth, strict=True)
    )


def _divide(exact: Sequence[Fraction]) -> list[int]:
    """Round parts so that they sum to their exact sum rounded down."""
    parts = [share.numerator // share.denominator for share in exact]
    whole_sum = sum(exact, Fraction(0))
    left = whole_sum.numerator // whole_sum.denominator - sum(parts)
    order = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    for index in order[:left]:
        parts[index] += 1
    return parts
