"""Points, money and exact rates. Integers and fractions only: a float is refused wherever one could slip in.

Minor-unit exponents follow ISO 4217 (list one, as published by the maintenance agency, read 2026-11-21).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, NewType

import msgspec

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
"""A whole number from 1 on; checked where data is read."""

NotNegative = Annotated[int, msgspec.Meta(ge=0)]
"""A whole number from 0 on; checked where data is read."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
"""What a thing is known by, in files, addresses and keys of the ledger; checked where data is read."""

Commodity = Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9&-]*(:[a-z0-9][a-z0-9._-]*)?$", max_length=80)]
"""A currency, a partner's currency (``MILES:skyward``) or points; checked where data is read."""

Points = NewType("Points", int)
"""A count of the host programme's points; never negative where a member holds them."""

QualifyingPoints = NewType("QualifyingPoints", int)
"""Points that count towards a tier and can never be spent."""


def whole(quantity: int) -> int:
    """Give a count back, or refuse it: a float or a truth value would be counted wrongly and silently.

    Raises:
        TypeError: it is not exactly an integer.
    """
    if type(quantity) is not int:
        raise TypeError(f"{quantity!r} is not a whole count")
    return quantity


class Money(msgspec.Struct, frozen=True, order=False, forbid_unknown_fields=True):
    """An amount in minor units of an ISO 4217 currency: ``Money(12345, "CNY")`` is 123.45 yuan."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse fractions of a minor unit, truth values and what is no currency code."""
        whole(self.amount)
        if len(self.currency) != 3 or not (self.currency.isascii() and self.currency.isupper()):
            raise ValueError(f"{self.currency!r} is not an ISO 4217 code")

    def __add__(self, other: Money) -> Money:
        """Add within one currency."""
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        """Subtract within one currency."""
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> Money:
        """Turn the sign."""
        return Money(-self.amount, self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add")
        return other.amount


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exact ratio: ``to_units`` of one thing for ``from_units`` of another."""

    from_units: int
    to_units: int

    def __post_init__(self) -> None:
        """Refuse what is no rate."""
        whole(self.from_units)
        whole(self.to_units)
        if self.from_units <= 0 or self.to_units <= 0:
            raise ValueError("a rate is made of positive units")

    @property
    def fraction(self) -> Fraction:
        """Give ``to / from`` exactly."""
        return Fraction(self.to_units, self.from_units)

    def floor(self, quantity: int) -> int:
        """Convert and round down, as every published programme rounds a member's points."""
        return whole(quantity) * self.to_units // self.from_units

    def ceil(self, quantity: int) -> int:
        """Convert and round up, as a price is."""
        return -(-whole(quantity) * self.to_units // self.from_units)

    def __str__(self) -> str:
        """Show it as published rates are shown: ``5:4``."""
        return f"{self.from_units}:{self.to_units}"
