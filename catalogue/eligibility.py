"""Whether this member may have this benefit for this service: every reason against it, never only the first."""

from __future__ import annotations

from datetime import date

import msgspec

from catalogue.benefits import Benefit, PayWith
from catalogue.entitlements import entitled
from catalogue.refusals import REFUSAL_TEXTS
from catalogue.tier_match import HeldStatus

ACTIVE = "active"


class MemberContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules may know of a member: nothing that identifies a person.

    Attributes:
        tier: of the host programme, on the day the context was made for.
        statuses: every status that is or was held, here and in partner programmes.
        consents: (partner, purpose) pairs that are consented to now.
        partner_accounts: partner id to the member's account there.
    """

    member_id: str
    tier: str
    state: str = ACTIVE
    locale: str = "zh-CN"
    city: str | None = None
    statuses: tuple[HeldStatus, ...] = ()
    consents: frozenset[tuple[str, str]] = frozenset()
    partner_accounts: dict[str, str] = {}


class ServiceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, as far as it is known: a list knows less than a quote, and what is None is not judged."""

    service_date: date | None = None
    city: str | None = None
    airport: str | None = None
    guests: int = 0
    pay_with: PayWith | None = None


class Refusal(msgspec.Struct, frozen=True):
    """One reason. ``code`` is stable for programs, ``text_key`` names the sentence, ``facts`` fill it."""

    code: str
    text_key: str
    facts: dict[str, str | int] = {}

    def sentence(self, locale: str) -> str:
        """Give the reason as a sentence for the member."""
        return REFUSAL_TEXTS[self.code].fill(locale, self.facts)


def refusals(benefit: Benefit, member: MemberContext, service: ServiceFacts) -> tuple[Refusal, ...]:
    """List everything that keeps a member from a benefit; empty when nothing does."""
    found = [*_of_member(benefit, member), *_of_dates(benefit, service), *_of_place(benefit, service)]
    found.extend(_of_payment(benefit, member, service))
    return tuple(found)


def _refusal(code: str, **facts: str | int) -> Refusal:
    return Refusal(code, f"refusal.{code}", facts)


def _of_member(benefit: Benefit, member: MemberContext) -> list[Refusal]:
    found = []
    rule = benefit.eligibility
    if member.state != ACTIVE:
        found.append(_refusal("member_not_active"))
    if rule.tiers and member.tier not in rule.tiers:
        found.append(_refusal("tier_not_eligible", tier=member.tier, tiers=", ".join(rule.tiers)))
    purpose = rule.consent_purpose
    if purpose is not None and (benefit.partner, purpose) not in member.consents:
        found.append(_refusal("consent_missing", partner=benefit.partner, purpose=purpose))
    return found


def _of_dates(benefit: Benefit, service: ServiceFacts) -> list[Refusal]:
    day = service.service_date
    if day is None or benefit.serves(day):
        return []
    if benefit.valid_from_date is not None and day < benefit.valid_from_date:
        return [_refusal("not_yet_valid", date=benefit.valid_from_date.isoformat())]
    assert benefit.valid_to_date is not None
    return [_refusal("no_longer_valid", date=benefit.valid_to_date.isoformat())]


def _of_place(benefit: Benefit, service: ServiceFacts) -> list[Refusal]:
    found = []
    rule = benefit.eligibility
    if service.city is not None and rule.cities and service.city not in rule.cities:
        found.append(_refusal("city_not_served", city=service.city))
    if service.airport is not None and rule.airports and service.airport not in rule.airports:
        found.append(_refusal("airport_not_served", airport=service.airport))
    return found


def _of_payment(benefit: Benefit, member: MemberContext, service: ServiceFacts) -> list[Refusal]:
    if service.pay_with is None:
        return []
    if service.pay_with not in benefit.payment.options:
        return [_refusal("payment_not_offered", pay_with=service.pay_with.value)]
    if service.pay_with is not PayWith.ENTITLEMENT or service.service_date is None:
        return []
    grant = entitled(benefit, member.tier, service.service_date)
    if grant is None:
        return [_refusal("no_entitlement", tier=member.tier)]
    if service.guests > grant.guests:
        return [_refusal("too_many_guests", guests=service.guests, allowed=grant.guests)]
    return []
