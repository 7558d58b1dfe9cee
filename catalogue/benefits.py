"""Benefits as dated terms: what a member may have, from which partner, how it is paid for and how it ends.

A benefit is a sequence of versions. A version is in force from its effective date until the next one's; what a member
already holds keeps the version it was sold under, so redemptions and vouchers record (benefit id, version).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec

from catalogue.calendar import within
from catalogue.programme import Programme, points_for
from catalogue.texts import Text
from catalogue.values import AtLeastOne, Money, NotNegative, Points, Rate
from config.errors import RuleError


class Vertical(StrEnum):
    """The kinds of service that a benefit can be."""

    HOTEL = "hotel"
    RENTAL_CAR = "rental_car"
    LOUNGE = "lounge"
    FLIGHT = "flight"
    TRANSFER = "transfer"


class Way(StrEnum):
    """How we work with the partner: each has a money flow of its own."""

    PURCHASE = "purchase"
    RESOURCE_EXCHANGE = "resource_exchange"
    JOINT = "joint"


class PayWith(StrEnum):
    """What a member gives for a benefit; ``AT_PARTNER``: money, to the partner, outside the gateway."""

    POINTS = "points"
    ENTITLEMENT = "entitlement"
    FREE = "free"
    AT_PARTNER = "at_partner"


class PointsTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fixed price in points, per use or per visitor, or ``live``: the partner's price at the value of a point."""

    price: AtLeastOne | Literal["live"]
    per: Literal["use", "visitor"] = "use"


class EntitlementTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Uses by tier in a calendar year of the programme's time zone; each use admits up to ``guests`` guests."""

    uses: dict[str, AtLeastOne]
    guests: NotNegative = 0
    window: Literal["calendar_year"] = "calendar_year"


class Payment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ways of paying that are open; at least one."""

    points: PointsTerms | None = None
    entitlement: EntitlementTerms | None = None
    free: bool = False
    at_partner: bool = False

    @property
    def options(self) -> tuple[PayWith, ...]:
        """The open ways, in the order in which an app should offer them."""
        opened = (
            (PayWith.FREE, self.free),
            (PayWith.ENTITLEMENT, self.entitlement is not None),
            (PayWith.POINTS, self.points is not None),
            (PayWith.AT_PARTNER, self.at_partner),
        )
        return tuple(way for way, is_open in opened if is_open)


class Eligibility(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may have it and where; an empty tuple sets no limit.

    ``cities`` are names as the app sends them, ``airports`` IATA codes; ``consent_purpose`` must be consented to for
    the partner before any personal field leaves.
    """

    tiers: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    airports: tuple[str, ...] = ()
    consent_purpose: str | None = None


class Cancellation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What comes back on a cancellation; with neither field nothing does.

    Attributes:
        free_until_hours: everything comes back until so many hours before the service starts.
        refund_after: later than that (or always, without it) this exact share comes back, rounded down.
    """

    free_until_hours: NotNegative | None = None
    refund_after: Rate | None = None

    def __post_init__(self) -> None:
        """Refuse a refund of more than was paid."""
        if self.refund_after is not None and self.refund_after.fraction > 1:
            raise ValueError("refund_after gives back more than was paid")


class VoucherTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A desk voucher is issued, valid this many days from the day of the service on."""

    validity_days: AtLeastOne


class Benefit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of a benefit's terms.

    Attributes:
        announced_date: the day on which this version was made known; a change is announced before it takes effect.
        valid_from_date: first day of service that can be had, `valid_to_date` the last; None is open.
        stock: pieces in all, or ``live``: the partner is asked.
        upgrade: the member pays the base price, the difference is funded jointly by ``cost_split_rule``.
        cost_split_rule: the split's name in the partner contract.
    """

    id: str
    version: AtLeastOne
    announced_date: date
    effective_from_date: date
    vertical: Vertical
    partner: str
    way: Way
    title: Text
    description: Text
    payment: Payment
    eligibility: Eligibility = Eligibility()
    cancellation: Cancellation = Cancellation()
    valid_from_date: date | None = None
    valid_to_date: date | None = None
    stock: NotNegative | Literal["live"] = "live"
    voucher: VoucherTerms | None = None
    upgrade: bool = False
    cost_split_rule: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether price or availability comes from the partner."""
        return self.stock == "live" or (self.payment.points is not None and self.payment.points.price == "live")

    def serves(self, service_date: date) -> bool:
        """Say whether a day of service lies in the benefit's validity."""
        return within(service_date, self.valid_from_date, self.valid_to_date)


def version_on(versions: Sequence[Benefit], on_date: date) -> Benefit | None:
    """Give the version in force on a day; None before the first."""
    begun = [benefit for benefit in versions if benefit.effective_from_date <= on_date]
    return max(begun, key=lambda benefit: benefit.effective_from_date) if begun else None


def price_in_points(
    programme: Programme, benefit: Benefit, *, partner_price: Money | None, base_price: Money | None, guests: int
) -> Points:
    """Price a benefit in points for the member.

    Args:
        programme: gives the value of a point.
        benefit: its terms.
        partner_price: what the partner asks; None when the benefit has a fixed price.
        base_price: for an upgrade, the price of what the member would have had; the rest is funded for him.
        guests: beside the member; they count when the price is per visitor.

    Raises:
        RuleError: points are not taken for it, a live price is missing or cannot be valued, guests are negative.
    """
    terms = benefit.payment.points
    if terms is None:
        raise RuleError("This benefit is not paid for with points.", reason="payment_not_offered")
    if guests < 0:
        raise RuleError("There cannot be fewer than no guests.", reason="guests")
    visitors = 1 + guests if terms.per == "visitor" else 1
    if terms.price != "live":
        return Points(terms.price * visitors)
    price = base_price if benefit.upgrade else partner_price
    if price is None:
        raise RuleError("The partner gave no price to value in points.", reason="no_price")
    return Points(points_for(programme, price) * visitors)


def refund_of(rule: Cancellation, paid: int, service_starts_at: datetime, now: datetime) -> int:
    """Work out what comes back of what was paid (points, fen or uses), rounded down; never more than was paid."""
    if rule.free_until_hours is not None and now <= service_starts_at - timedelta(hours=rule.free_until_hours):
        return paid
    return rule.refund_after.floor(paid) if rule.refund_after is not None else 0
