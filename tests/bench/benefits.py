"""Eligibility and price of 200 benefits for one member, against the same decisions in straight-line Python.

The floor asks what this member and this service need, in straight lines, and makes no objects but the answers. The
peer is what a day's work makes of it: rules as a list of small callables over dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import Any

import msgspec

from catalogue.benefits import Benefit, EntitlementTerms, Payment, PayWith, PointsTerms
from catalogue.benefits_pricing import Assessed, Price, assess
from catalogue.eligibility import MemberContext, Refusal, ServiceFacts, Taken
from catalogue.eligibility_rules import WEEKDAYS, Eligibility, Energy, Hours, Period, Vehicle, VehicleRule, Weekday
from catalogue.entitlements import EntitlementGrant
from catalogue.entitlements_windows import Quota, Use, WindowKind, calendar_year, counted
from catalogue.loader import load_catalogue
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from tests.bench.measure import Row

COUNT = 200
DAY = date(2026, 12, 1)
MEMBER = MemberContext(
    member_id="m",
    tier="gold",
    city="Changchun",
    consents=frozenset({("skyhub", "booking")}),
    vehicles=(Vehicle("Magotan", Energy.PETROL, date(2026, 1, 5)),),
)
SERVICE = ServiceFacts(today=DAY, service_date=DAY, city="Changchun", local_time=time(10))
USES = tuple(Use(service_date=date(2026, 11, day)) for day in (1, 8, 15))
TAKEN = {f"benefit-{number:03d}": Taken(pieces=number, uses=USES) for number in range(0, COUNT, 4)}


def benefits() -> tuple[Benefit, ...]:
    """Make 200 benefits as a club has them: most with few rules, some with many, a quarter out of reach."""
    catalogue = load_catalogue(PACKAGED_FOLDER, tuple(read_partner_files(PACKAGED_FOLDER)))
    plain = catalogue.benefits["lounge-visit"][0]
    return tuple(
        msgspec.structs.replace(
            plain,
            id=f"benefit-{number:03d}",
            partner="skyhub",
            stock=500 if number % 4 == 0 else "live",
            quotas=(Quota(limit=4, window=WindowKind.CALENDAR_MONTH),) if number % 4 == 0 else (),
            payment=_payment(number),
            eligibility=_rules(number),
            valid_to_date=date(2026, 12, 31) if number % 2 else None,
        )
        for number in range(COUNT)
    )


def _payment(number: int) -> Payment:
    uses = EntitlementTerms(uses={"gold": 6}, guests=1) if number % 2 == 0 else None
    return Payment(points=PointsTerms(100 + number), entitlement=uses, at_partner=number % 5 == 0)


def _rules(number: int) -> Eligibility:
    if number % 4 == 3:
        return Eligibility()
    return Eligibility(
        tiers=("gold", "platinum", "diamond") if number % 8 else ("diamond",),
        cities=("Changchun", "Beijing") if number % 3 else (),
        weekdays=(Weekday.TUE, Weekday.WED) if number % 5 == 0 else (),
        closed_periods=(Period(date(2026, 10, 1), date(2026, 10, 7)),) if number % 6 == 0 else (),
        hours=(Hours(time(9), time(18)),) if number % 10 == 0 else (),
        consent_purpose="booking" if number % 2 else None,
        vehicle=VehicleRule(models=("Magotan",), to_months=24) if number % 7 == 0 else None,
    )


def straight(sold: tuple[Benefit, ...]) -> list[Assessed]:
    """Decide the same in straight lines, cut only where the house's limit of branches asks for it: the floor."""
    found = []
    for benefit in sold:
        against: list[Refusal] = []
        _who(benefit, against)
        _when(benefit, against)
        if benefit.stock != "live" or benefit.quotas:
            _how_many(benefit, against)
        found.append(Assessed(benefit, tuple(against), _for_what(benefit)))
    return found


def _who(benefit: Benefit, against: list[Refusal]) -> None:
    rule = benefit.eligibility
    if MEMBER.state != "active":
        against.append(Refusal("member_not_active", ""))
    if rule.tiers and MEMBER.tier not in rule.tiers:
        facts: dict[str, str | int] = {"tier": MEMBER.tier, "tiers": ", ".join(rule.tiers)}
        against.append(Refusal("tier_not_eligible", "refusal.tier_not_eligible", facts))
    if rule.consent_purpose is not None and (benefit.partner, rule.consent_purpose) not in MEMBER.consents:
        against.append(Refusal("consent_missing", ""))
    if rule.vehicle is not None and not any(rule.vehicle.met_by(car, DAY) for car in MEMBER.vehicles):
        against.append(Refusal("vehicle_required", ""))


def _when(benefit: Benefit, against: list[Refusal]) -> None:
    rule = benefit.eligibility
    if benefit.valid_from_date is not None and benefit.valid_from_date > DAY:
        against.append(Refusal("not_yet_valid", ""))
    if benefit.valid_to_date is not None and benefit.valid_to_date < DAY:
        against.append(Refusal("no_longer_valid", ""))
    if rule.weekdays and WEEKDAYS[DAY.weekday()] not in rule.weekdays:
        against.append(Refusal("weekday_not_served", ""))
    if rule.closed_periods and any(DAY in period for period in rule.closed_periods):
        against.append(Refusal("date_not_served", ""))
    if rule.hours and not any(time(10) in hours for hours in rule.hours):
        against.append(Refusal("time_not_served", ""))
    if rule.cities and "Changchun" not in rule.cities:
        against.append(Refusal("city_not_served", ""))


def _how_many(benefit: Benefit, against: list[Refusal]) -> None:
    taken = TAKEN[benefit.id]
    if benefit.stock != "live" and taken.pieces >= benefit.stock:
        against.append(Refusal("sold_out", ""))
    for quota in benefit.quotas:
        if counted(quota, Use(service_date=DAY), taken.uses) + 1 > quota.limit:
            against.append(Refusal("quota_reached", ""))


def _for_what(benefit: Benefit) -> tuple[Price, ...]:
    payment, prices = benefit.payment, []
    if payment.entitlement is not None:
        grant = EntitlementGrant(benefit.id, "gold", payment.entitlement.uses["gold"], 1, calendar_year(DAY))
        prices.append(Price(PayWith.ENTITLEMENT, grant=grant))
    if payment.points is not None and payment.points.price != "live":
        prices.append(Price(PayWith.POINTS, payment.points.price, payment.points.per))
    if payment.at_partner:
        prices.append(Price(PayWith.AT_PARTNER))
    return tuple(prices)


def as_dictionaries(sold: tuple[Benefit, ...]) -> Callable[[], list[dict[str, Any]]]:
    """Make the peer: benefits as dictionaries, rules as a list of callables, prices worked out by name."""
    rows = [msgspec.to_builtins(benefit, builtin_types=(date, time)) for benefit in sold]
    checks: list[tuple[str, Callable[[dict[str, Any], dict[str, Any]], bool]]] = [
        ("tier", lambda row, rule: not rule["tiers"] or MEMBER.tier in rule["tiers"]),
        ("city", lambda row, rule: not rule["cities"] or SERVICE.city in rule["cities"]),
        ("weekday", lambda row, rule: not rule["weekdays"] or DAY.strftime("%a").lower() in rule["weekdays"]),
        ("to", lambda row, rule: not row["valid_to_date"] or row["valid_to_date"] >= DAY),
        ("closed", lambda row, rule: not any(
            one["from_date"] <= DAY <= one["to_date"] for one in rule["closed_periods"])),
        ("hours", lambda row, rule: not rule["hours"] or any(
            one["from_time"] <= time(10) < one["to_time"] for one in rule["hours"])),
        ("consent", lambda row, rule: not rule["consent_purpose"] or (
            row["partner"], rule["consent_purpose"]) in MEMBER.consents),
        ("stock", lambda row, rule: row["stock"] == "live" or TAKEN[row["id"]].pieces < row["stock"]),
        ("quota", lambda row, rule: all(
            len([use for use in TAKEN[row["id"]].uses if use.service_date.month == DAY.month]) < one["limit"]
            for one in row["quotas"])),
    ]  # fmt: skip

    def work() -> list[dict[str, Any]]:
        found = []
        for row in rows:
            reasons = [{"code": name, "text": f"refused by {name}"} for name, check in checks
                       if not check(row, row["eligibility"])]  # fmt: skip
            options = [{"pay_with": name, "terms": dict(terms) if isinstance(terms, dict) else terms}
                       for name, terms in row["payment"].items() if terms]  # fmt: skip
            found.append({"id": row["id"], "title": row["title"]["en"], "reasons": reasons, "options": options})
        return found

    return work


def row() -> Row:
    """Make the row, after seeing that floor and ours decide alike."""
    sold = benefits()

    def ours() -> list[Assessed]:
        return assess(sold, MEMBER, SERVICE, DAY, TAKEN)

    for one, other in zip(ours(), straight(sold), strict=True):
        assert [refusal.code for refusal in one.refusals] == [refusal.code for refusal in other.refusals]
        assert one.prices == other.prices
    return Row(
        name=f"eligibility and price of {COUNT} benefits for one member",
        floor=lambda: straight(sold),
        ours=ours,
        peer=as_dictionaries(sold),
        goal=0.6,
        units=COUNT,
    )
