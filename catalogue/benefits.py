"""Benefits as dated terms: what a member may have, from which partner, how it is paid for and how it ends.

A benefit is a sequence of versions. A version is in force from its effective date until the next one's; what a member
already holds keeps the version it was sold under, so redemptions and vouchers record (benefit id, version).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Literal

import msgspec

from catalogue.benefits_cancellation import Cancellation
from catalogue.eligibility_rules import Eligibility
from catalogue.entitlements_windows import Counting, Quota
from catalogue.texts import Text
from catalogue.values import AtLeastOne, Name, NotNegative


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


class EntitlementTerms(Counting, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Uses by tier in a window of days of the programme's time zone; each use admits up to ``guests`` guests."""

    uses: dict[str, AtLeastOne]
    guests: NotNegative = 0


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


class VoucherTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A desk voucher is issued, valid this many days from the day of the service on, in the place's own time zone.

    ``undo_minutes``: how long after it was consumed the desk can take that back.
    """

    validity_days: AtLeastOne
    undo_minutes: NotNegative = 10


class Benefit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of a benefit's terms.

    Attributes:
        announced_date: the day on which this version was made known; a change is announced before it takes effect.
        valid_from_date: first day of service that can be had, `valid_to_date` the last; None is open.
        notice_days: the next version of these terms is announced at least so many days before it takes effect.
        stock: pieces of this version in all, or ``live``: the partner is asked.
        quotas: how often a member may have it, however it is paid for; all of them hold.
        max_guests: beside the member, however it is paid for; None leaves it to the partner.
        upgrade: the member pays the base price, the difference is funded jointly by ``cost_split_rule``.
        cost_split_rule: the split's name in the partner contract.
    """

    id: Name
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
    notice_days: AtLeastOne = 1
    stock: NotNegative | Literal["live"] = "live"
    quotas: tuple[Quota, ...] = ()
    max_guests: NotNegative | None = None
    voucher: VoucherTerms | None = None
    upgrade: bool = False
    cost_split_rule: str | None = None


def version_on(versions: Sequence[Benefit], on_date: date) -> Benefit | None:
    """Give the version in force on a day; None before the first."""
    begun = [benefit for benefit in versions if benefit.effective_from_date <= on_date]
    return max(begun, key=lambda benefit: benefit.effective_from_date) if begun else None


def announced(versions: Sequence[Benefit], on_date: date) -> Benefit | None:
    """Give the next version that is known on a day and not yet in force; None when no change is announced."""
    coming = [one for one in versions if one.announced_date <= on_date < one.effective_from_date]
    return min(coming, key=lambda benefit: benefit.effective_from_date) if coming else None
