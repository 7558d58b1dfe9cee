"""Whether this member may have this benefit for this service: every reason against it, never only the first."""

from __future__ import annotations

from datetime import date, time

import msgspec

from catalogue.benefits import Benefit, PayWith
from catalogue.eligibility_rules import WEEKDAYS, Eligibility, Hours, Vehicle
from catalogue.entitlements import entitled, has_room
from catalogue.entitlements_windows import Use, counted, weight
from catalogue.lounge_access import Journey, LoungeTables
from catalogue.lounge_admission import Visit, admission
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
        vehicles: his cars.
    """

    member_id: str
    tier: str
    state: str = ACTIVE
    locale: str = "zh-CN"
    city: str | None = None
    statuses: tuple[HeldStatus, ...] = ()
    consents: frozenset[tuple[str, str]] = frozenset()
    partner_accounts: dict[str, str] = {}
    vehicles: tuple[Vehicle, ...] = ()


class ServiceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, as far as it is known: a list knows less than a quote, and what is None is not judged.

    Attributes:
        today: the day on which it is asked; statuses and cars are judged by it when no day of service is known.
        local_time: of the service, at its place.
        lounge_id: the partner's id of the lounge; with ``journey`` what lounge rules are judged by.
        stay, trip: what quotas per stay and trip count together.
        complete: everything is known that ever will be: a fact that a rule needs and that is missing is a reason.
    """

    today: date | None = None
    service_date: date | None = None
    local_time: time | None = None
    city: str | None = None
    airport: str | None = None
    lounge_id: str | None = None
    journey: Journey | None = None
    guests: int = 0
    pay_with: PayWith | None = None
    stay: str = ""
    trip: str = ""
    complete: bool = False

    @property
    def wanted(self) -> Use | None:
        """The use that would be added; None without a day."""
        if self.service_date is None:
            return None
        return Use(service_date=self.service_date, stay=self.stay, trip=self.trip, guests=self.guests)


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What stands already: pieces of this version by anybody, uses of this benefit by this member.

    ``entitlement_uses`` are those of `uses` that were paid for with the right itself.
    """

    pieces: int = 0
    uses: tuple[Use, ...] = ()
    entitlement_uses: tuple[Use, ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """One reason. ``code`` is stable for programs, ``text_key`` names the sentence, ``facts`` fill it."""

    code: str
    text_key: str
    facts: dict[str, str | int] = {}

    def sentence(self, locale: str) -> str:
        """Give the reason as a sentence for the member."""
        return REFUSAL_TEXTS[self.code].fill(locale, self.facts)


NOTHING_TAKEN = Taken()
NO_TABLES = LoungeTables()


def refusals(
    benefit: Benefit,
    member: MemberContext,
    service: ServiceFacts,
    taken: Taken = NOTHING_TAKEN,
    lounges: LoungeTables = NO_TABLES,
) -> tuple[Refusal, ...]:
    """List everything that keeps a member from a benefit; empty when nothing does.

    Args:
        benefit: the version that would be sold.
        member: on the day on which it is asked.
        service: as far as it is known.
        taken: what stands already, of which stock and quotas are judged.
        lounges: what lounge rules are judged by.
    """
    found: list[Refusal] = []
    rule = benefit.eligibility
    _of_member(found, benefit, rule, member, service)
    if rule.statuses or rule.vehicle is not None:
        _of_holdings(found, rule, member, service)
    if service.service_date is not None:
        _of_dates(found, benefit, rule, service.service_date)
    if rule.hours:
        _of_hours(found, rule.hours, service)
    if service.city is not None or service.airport is not None:
        _of_place(found, rule, service)
    if service.pay_with is not None:
        _of_payment(found, benefit, member, service, taken)
    if benefit.stock != "live" or benefit.quotas or benefit.max_guests is not None:
        _of_quantities(found, benefit, service, taken)
    if rule.lounge_rules:
        _of_lounge(found, rule, member, service, lounges)
    return tuple(found)


def refusals_of_quotas(benefit: Benefit, wanted: Use, taken: Taken) -> list[Refusal]:
    """List the quotas that a use would break; asked once more under the member's lock when the use is recorded."""
    found = []
    for quota in benefit.quotas:
        used = counted(quota, wanted, taken.uses, quota.counts)
        if used + weight(wanted, quota.counts) > quota.limit:
            found.append(_refusal("quota_reached", limit=quota.limit, used=used))
    return found


def _refusal(code: str, **facts: str | int) -> Refusal:
    return Refusal(code, f"refusal.{code}", facts)


def _of_member(
    found: list[Refusal], benefit: Benefit, rule: Eligibility, member: MemberContext, service: ServiceFacts
) -> None:
    if member.state != ACTIVE:
        found.append(_refusal("member_not_active"))
    if rule.tiers and member.tier not in rule.tiers:
        found.append(_refusal("tier_not_eligible", tier=member.tier, tiers=", ".join(rule.tiers)))
    if rule.home_cities and member.city not in rule.home_cities:
        found.append(_refusal("home_city_not_served", cities=", ".join(rule.home_cities)))
    purpose = rule.consent_purpose
    if purpose is not None and (benefit.partner, purpose) not in member.consents:
        found.append(_refusal("consent_missing", partner=benefit.partner, purpose=purpose))
    if rule.linked_account and benefit.partner not in member.partner_accounts:
        found.append(_refusal("account_required", partner=benefit.partner))


def _of_holdings(found: list[Refusal], rule: Eligibility, member: MemberContext, service: ServiceFacts) -> None:
    day = service.service_date or service.today
    if day is None:
        return
    if rule.statuses and not any(one.met_by(status, day) for one in rule.statuses for status in member.statuses):
        found.append(_refusal("status_required", statuses=", ".join(str(one) for one in rule.statuses)))
    if rule.vehicle is not None and not any(rule.vehicle.met_by(car, day) for car in member.vehicles):
        found.append(_refusal("vehicle_required"))


def _of_dates(found: list[Refusal], benefit: Benefit, rule: Eligibility, day: date) -> None:
    if benefit.valid_from_date is not None and day < benefit.valid_from_date:
        found.append(_refusal("not_yet_valid", date=benefit.valid_from_date.isoformat()))
    elif benefit.valid_to_date is not None and day > benefit.valid_to_date:
        found.append(_refusal("no_longer_valid", date=benefit.valid_to_date.isoformat()))
    if rule.weekdays and WEEKDAYS[day.weekday()] not in rule.weekdays:
        found.append(_refusal("weekday_not_served", date=day.isoformat(), weekdays=", ".join(rule.weekdays)))
    if (rule.periods and not any(day in one for one in rule.periods)) or any(day in one for one in rule.closed_periods):
        found.append(_refusal("date_not_served", date=day.isoformat()))


def _of_hours(found: list[Refusal], hours: tuple[Hours, ...], service: ServiceFacts) -> None:
    told = ", ".join(str(one) for one in hours)
    if service.local_time is None:
        if service.complete:
            found.append(_refusal("time_needed", hours=told))
    elif not any(service.local_time in one for one in hours):
        found.append(_refusal("time_not_served", time=f"{service.local_time:%H:%M}", hours=told))


def _of_place(found: list[Refusal], rule: Eligibility, service: ServiceFacts) -> None:
    if service.city is not None and rule.cities and service.city not in rule.cities:
        found.append(_refusal("city_not_served", city=service.city))
    if service.airport is not None and rule.airports and service.airport not in rule.airports:
        found.append(_refusal("airport_not_served", airport=service.airport))


def _of_payment(
    found: list[Refusal], benefit: Benefit, member: MemberContext, service: ServiceFacts, taken: Taken
) -> None:
    assert service.pay_with is not None
    if service.pay_with not in benefit.payment.options:
        found.append(_refusal("payment_not_offered", pay_with=service.pay_with.value))
        return
    terms, wanted = benefit.payment.entitlement, service.wanted
    if service.pay_with is not PayWith.ENTITLEMENT or terms is None or wanted is None:
        return
    grant = entitled(benefit, member.tier, wanted.service_date)
    if grant is None:
        found.append(_refusal("no_entitlement", tier=member.tier))
        return
    if service.guests > grant.guests:
        found.append(_refusal("too_many_guests", guests=service.guests, allowed=grant.guests))
    if not grant.granted_whole and not has_room(terms, member.tier, wanted, taken.entitlement_uses):
        found.append(_refusal("entitlement_used_up", uses=grant.uses))


def _of_quantities(found: list[Refusal], benefit: Benefit, service: ServiceFacts, taken: Taken) -> None:
    if benefit.stock != "live" and taken.pieces >= benefit.stock:
        found.append(_refusal("sold_out"))
    if benefit.max_guests is not None and service.guests > benefit.max_guests:
        found.append(_refusal("too_many_guests", guests=service.guests, allowed=benefit.max_guests))
    wanted = service.wanted
    if wanted is not None:
        found.extend(refusals_of_quotas(benefit, wanted, taken))


def _of_lounge(
    found: list[Refusal], rule: Eligibility, member: MemberContext, service: ServiceFacts, lounges: LoungeTables
) -> None:
    """Judge by the lounge rules; a list that knows neither lounge nor flight is not told that it lacks them."""
    day = service.service_date
    if day is None or service.airport is None or (service.journey is None and not service.complete):
        return
    held = frozenset((one.programme, one.tier) for one in member.statuses if one.holds_on(day))
    visit = Visit(
        airport=service.airport,
        lounge_id=service.lounge_id or "",
        on_date=day,
        guests=service.guests,
        levels=held,
        journey=service.journey,
    )
    judged = admission(lounges, rule.lounge_rules, visit)
    for reason in judged.reasons:
        facts: dict[str, str | int] = {"airport": service.airport}
        if reason == "too_many_guests":
            facts = {"guests": service.guests, "allowed": judged.guests}
        found.append(Refusal(reason, f"refusal.{reason}", facts))
