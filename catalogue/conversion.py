"""Conversion contracts: what one programme's units become in another's, as published data.

A contract is a ratio with limits, or a list of price points that follow no ratio. Everything about it is declared,
nothing is inferred: the unit that a bonus block is counted in, what a cap counts, whether a source that contradicts
another has been superseded. What is made of it is in `catalogue.conversion_arithmetic` (exact amounts),
`catalogue.conversion_quotes` (which contract holds, what is refused), `catalogue.conversion_routes` (several hops),
`catalogue.conversion_corrections` (after the fact), `catalogue.conversion_transfers` (when it must have arrived),
`catalogue.conversion_lots` (what each lot gave) and `catalogue.conversion_lints`.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Literal

import msgspec

from catalogue.currencies import EXPONENTS
from catalogue.values import AtLeastOne, Commodity, Money, Name, NotNegative, Rate

Side = Literal["from", "to"]


class BlockBonus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``bonus`` target units for every whole ``block``.

    Attributes:
        counted_in: whether a block is counted in source units or in converted target units; None: the source of the
            terms does not say, so that nothing is quoted and the lint shows what the two readings give.
    """

    block: AtLeastOne
    bonus: AtLeastOne
    counted_in: Side | None = None


class Promotion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Extra target units between two days, both included; of several that fit, only the one that gives most applies.

    Attributes:
        extra: of the converted units, before any block bonus: ``{ from_units = 100, to_units = 20 }`` is 20 %.
        minimum: source units from which it applies.
        most: extra target units that one conversion gets at most.
    """

    id: Name
    extra: Rate
    from_date: date
    to_date: date
    minimum: AtLeastOne = 1
    most: AtLeastOne | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a window without days."""
        if self.to_date < self.from_date:
            raise ValueError("to_date is before from_date; exchange them")


class PricePoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly this quantity becomes exactly that one."""

    from_quantity: AtLeastOne
    to_quantity: AtLeastOne


class Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one member may convert between the two commodities in a period, all versions and regions together.

    Attributes:
        counted_in: source units, target units (bonuses included) or the number of conversions.
        period: of the calendar, or ``rolling``: the last ``days`` days, the day itself included.
    """

    most: AtLeastOne
    counted_in: Literal["from", "to", "conversions"]
    period: Literal["day", "month", "year", "rolling", "lifetime"]
    days: AtLeastOne | None = None

    def __post_init__(self) -> None:
        """Refuse days without a rolling period, and the reverse."""
        if (self.period == "rolling") != (self.days is not None):
            raise ValueError('days belongs to period = "rolling", and only to it')


class Fee(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the member pays for a conversion: a fixed part and minor units per source unit, together at most the cap.

    Attributes:
        per_unit: ``to_units`` minor units for ``from_units`` source units; the product is rounded down.
    """

    currency: str
    per_unit: Rate | None = None
    fixed_minor_units: NotNegative = 0
    cap_minor_units: NotNegative | None = None

    def __post_init__(self) -> None:
        """Refuse what is no currency, and a fee of nothing."""
        if self.currency not in EXPONENTS:
            raise ValueError(f"currency {self.currency!r} is none of ISO 4217")
        if self.per_unit is None and self.fixed_minor_units == 0:
            raise ValueError("a fee states per_unit, fixed_minor_units or both")

    def charge(self, quantity: int) -> Money:
        """Work out the fee for a quantity of source units."""
        fee = self.fixed_minor_units + (self.per_unit.floor(quantity) if self.per_unit else 0)
        return Money(fee if self.cap_minor_units is None else min(fee, self.cap_minor_units), self.currency)


class Correction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Marks a version that stands in the place of an earlier one on every day on which both hold.

    Attributes:
        version: the one that was wrong; it stays in the file, for what was converted by it names it.
        published_date: from this day on the correction is known; looking back to an earlier day leaves it out.
    """

    version: AtLeastOne
    published_date: date
    reason: str


class ConversionContract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of a contract between two commodities.

    Attributes:
        rate: the ratio; absent when ``price_points`` are all there is.
        price_points: the only quantities there are, rising; no limits beside them.
        minimum: smallest quantity of source units; `maximum` the largest in one conversion, None for no limit.
        increment: only multiples of it are accepted, counted from zero.
        effective_from_date: first day; None: before anything we know of. `effective_to_date` is the last day.
        region: where the contract holds; None: wherever no more particular one does.
        linked: an enrolment that the member must have; a contract for it goes before one for everyone.
        transfer_days: until the partner has posted it; 0 is at once, None is not stated (or sources disagree).
        reversible_hours: how long after it was asked for a conversion may be cancelled although it is credited, where
            the partner takes credits back; 0: never.
        superseded: the source says that it no longer holds, and not since when: never quoted.
        source: where the terms are published; `source_date` is the day for which the source vouches for them.
    """

    id: Name
    version: AtLeastOne
    partner: str
    from_commodity: Commodity
    to_commodity: Commodity
    rate: Rate | None = None
    price_points: tuple[PricePoint, ...] = ()
    minimum: AtLeastOne = 1
    maximum: AtLeastOne | None = None
    increment: AtLeastOne = 1
    bonus: BlockBonus | None = None
    promotions: tuple[Promotion, ...] = ()
    caps: tuple[Cap, ...] = ()
    fee: Fee | None = None
    effective_from_date: date | None = None
    effective_to_date: date | None = None
    region: str | None = None
    linked: str | None = None
    transfer_days: NotNegative | None = None
    transfer_days_are: Literal["working", "calendar"] = "working"
    reversible_hours: NotNegative = 0
    correction: Correction | None = None
    superseded: bool = False
    source: str = ""
    source_date: date | None = None

    def __post_init__(self) -> None:
        """Refuse terms that contradict themselves and limits that no quantity can meet."""
        self._check_dates()
        if self.from_commodity == self.to_commodity:
            raise ValueError("to_commodity is from_commodity; name what it becomes")
        if self.correction is not None and self.correction.version >= self.version:
            raise ValueError("correction.version is not an earlier version; name the version that was wrong")
        names = [promotion.id for promotion in self.promotions]
        if len(set(names)) < len(names):
            raise ValueError("promotions.id is there twice; give each promotion its own")
        if self.price_points:
            self._check_price_points()
        elif self.rate is None:
            raise ValueError("rate is missing; state rate = { from_units, to_units } or price_points")
        elif self.maximum is not None and self.maximum < self.smallest:
            raise ValueError(f"maximum is below {self.smallest}, the first quantity that the other terms allow")

    @property
    def smallest(self) -> int:
        """The smallest quantity that is accepted: on the increment, from the minimum on, and worth a target unit."""
        if self.rate is None:
            return self.price_points[0].from_quantity
        first = -(-self.rate.from_units // self.rate.to_units)
        if self.bonus is not None and self.bonus.counted_in == "from":
            first = min(first, self.bonus.block)
        return -(-max(self.minimum, first) // self.increment) * self.increment

    @property
    def pair(self) -> tuple[str, str]:
        """The commodities, from and to."""
        return self.from_commodity, self.to_commodity

    @property
    def name(self) -> str:
        """Identifier and version in words."""
        return f"{self.id} version {self.version}"

    def _check_dates(self) -> None:
        first, last = self.effective_from_date, self.effective_to_date
        if first is not None and last is not None and last < first:
            raise ValueError("effective_to_date is before effective_from_date; exchange them")
        if self.superseded and last is not None:
            raise ValueError("superseded is for an end that no source states; remove it, effective_to_date says it")

    def _check_price_points(self) -> None:
        if self.rate is not None:
            raise ValueError("rate and price_points exclude each other; keep the one that is published")
        if (self.minimum, self.maximum, self.increment, self.bonus) != (1, None, 1, None):
            raise ValueError("price_points have no minimum, maximum, increment or bonus; remove these")
        if any(
            low.from_quantity >= high.from_quantity or low.to_quantity >= high.to_quantity
            for low, high in pairwise(self.price_points)
        ):
            raise ValueError("price_points do not rise on both sides; list each once, the smallest first")
