"""What a benefit costs a member, in each way of paying that is open to him."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from catalogue.benefits import Benefit, PayWith
from catalogue.eligibility import NO_TABLES, NOTHING_TAKEN, MemberContext, Refusal, ServiceFacts, Taken, refusals
from catalogue.entitlements import EntitlementGrant, entitled
from catalogue.lounge_access import LoungeTables
from catalogue.programme import Programme, points_for
from catalogue.values import Money, Points
from config.errors import RuleError


class Price(msgspec.Struct, frozen=True):
    """One way of paying. ``points`` is the price per use or visitor; None when a quote tells it or none is paid."""

    pay_with: PayWith
    points: int | None = None
    per: str | None = None
    grant: EntitlementGrant | None = None


class Assessed(msgspec.Struct, frozen=True):
    """A benefit as one member sees it: what it costs, and everything against it."""

    benefit: Benefit
    refusals: tuple[Refusal, ...]
    prices: tuple[Price, ...]


FREE = Price(PayWith.FREE)
AT_PARTNER = Price(PayWith.AT_PARTNER)


def assess(
    benefits: Iterable[Benefit],
    member: MemberContext,
    service: ServiceFacts,
    today: date,
    taken: Mapping[str, Taken],
    lounges: LoungeTables = NO_TABLES,
) -> list[Assessed]:
    """Judge and price benefits for a member, in their order.

    Args:
        benefits: the versions in force.
        member: on the day on which it is asked.
        service: as far as it is known.
        today: by which uses of a right are told when no day of service is known.
        taken: by benefit id; a benefit of which nothing stands may be absent.
        lounges: what lounge rules are judged by.
    """
    day = service.service_date or today
    return [
        Assessed(
            benefit,
            refusals(benefit, member, service, taken.get(benefit.id, NOTHING_TAKEN), lounges),
            prices(benefit, member.tier, day),
        )
        for benefit in benefits
    ]


def prices(benefit: Benefit, tier: str, on_date: date) -> tuple[Price, ...]:
    """List the open ways of paying with their prices for a tier, in the order in which an app should offer them."""
    payment, found = benefit.payment, []
    if payment.free:
        found.append(FREE)
    if payment.entitlement is not None:
        found.append(Price(PayWith.ENTITLEMENT, grant=entitled(benefit, tier, on_date)))
    if payment.points is not None:
        price = payment.points.price
        found.append(Price(PayWith.POINTS, None if price == "live" else price, payment.points.per))
    if payment.at_partner:
        found.append(AT_PARTNER)
    return tuple(found)


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
