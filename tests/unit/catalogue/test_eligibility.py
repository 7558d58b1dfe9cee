"""Who may have a benefit: every rule by itself, at its edges, and all of them told together."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import msgspec
import pytest

from catalogue.benefits import Benefit, EntitlementTerms, Payment, PayWith, PointsTerms, announced
from catalogue.benefits_pricing import assess
from catalogue.eligibility import MemberContext, ServiceFacts, Taken, refusals
from catalogue.eligibility_rules import (
    Eligibility,
    Energy,
    Hours,
    Period,
    StatusRule,
    Vehicle,
    VehicleRule,
    Weekday,
)
from catalogue.entitlements_windows import Quota, Use, WindowKind
from catalogue.lounge_access import Cabin, Flight, Journey
from catalogue.tier_match import HeldStatus, Provenance
from tests.unit.catalogue.samples import CATALOGUE, TODAY

FOUND = CATALOGUE.benefit("lounge-visit", TODAY)
assert FOUND is not None
PLAIN = msgspec.structs.replace(FOUND, eligibility=Eligibility(), payment=Payment(points=PointsTerms(600)))
MEMBER = MemberContext(member_id="m", tier="gold", city="Changchun")
DAY = date(2026, 12, 1)
"""A Tuesday."""


def having(**rules: object) -> Benefit:
    return msgspec.structs.replace(PLAIN, eligibility=Eligibility(**rules))  # type: ignore[arg-type]


def codes(benefit: Benefit, member: MemberContext = MEMBER, taken: Taken | None = None, **facts: Any) -> list[str]:
    asked = ServiceFacts(**{"service_date": DAY, **facts})
    return [one.code for one in refusals(benefit, member, asked, taken or Taken(), CATALOGUE.lounges)]


@pytest.mark.parametrize(
    ("rules", "facts", "against"),
    [
        ({"weekdays": (Weekday.TUE, Weekday.WED)}, {}, []),
        ({"weekdays": (Weekday.MON, Weekday.SUN)}, {}, ["weekday_not_served"]),
        ({"weekdays": (Weekday.MON,)}, {"service_date": None}, []),
        ({"periods": (Period(DAY, DAY),)}, {}, []),
        ({"periods": (Period(date(2026, 11, 1), date(2026, 11, 30)), Period(DAY, date(2026, 12, 31)))}, {}, []),
        ({"periods": (Period(date(2026, 11, 1), date(2026, 11, 30)),)}, {}, ["date_not_served"]),
        ({"closed_periods": (Period(date(2026, 11, 30), DAY),)}, {}, ["date_not_served"]),
        ({"closed_periods": (Period(date(2026, 12, 2), date(2026, 12, 5)),)}, {}, []),
        ({"hours": (Hours(time(10), time(16)),)}, {"local_time": time(10)}, []),
        ({"hours": (Hours(time(10), time(16)),)}, {"local_time": time(15, 59)}, []),
        ({"hours": (Hours(time(10), time(16)),)}, {"local_time": time(16)}, ["time_not_served"]),
        ({"hours": (Hours(time(10), time(16)),)}, {"local_time": time(9, 59)}, ["time_not_served"]),
        ({"hours": (Hours(time(22), time(5)),)}, {"local_time": time(22)}, []),
        ({"hours": (Hours(time(22), time(5)),)}, {"local_time": time(4, 59)}, []),
        ({"hours": (Hours(time(22), time(5)),)}, {"local_time": time(5)}, ["time_not_served"]),
        ({"hours": (Hours(time(10), time(12)), Hours(time(14), time(16)))}, {"local_time": time(15)}, []),
        ({"hours": (Hours(time(10), time(16)),)}, {}, []),
        ({"hours": (Hours(time(10), time(16)),)}, {"complete": True}, ["time_needed"]),
        ({"home_cities": ("Changchun",)}, {}, []),
        ({"home_cities": ("Shanghai",)}, {}, ["home_city_not_served"]),
        ({"linked_account": True}, {}, ["account_required"]),
        ({"cities": ("Shanghai",)}, {"city": "Shanghai"}, []),
        ({"cities": ("Shanghai",), "airports": ("PVG",)}, {"city": "Beijing", "airport": "PEK"},
         ["city_not_served", "airport_not_served"]),
    ],
)  # fmt: skip
def test_one_rule_at_a_time(rules: dict[str, Any], facts: dict[str, Any], against: list[str]) -> None:
    assert codes(having(**rules), **facts) == against


def test_a_linked_account_is_one_at_this_partner() -> None:
    linked = msgspec.structs.replace(MEMBER, partner_accounts={PLAIN.partner: "1"})
    elsewhere = msgspec.structs.replace(MEMBER, partner_accounts={"another": "1"})
    assert codes(having(linked_account=True), linked) == []
    assert codes(having(linked_account=True), elsewhere) == ["account_required"]


def held(tier: str, provenance: Provenance = Provenance.EARNED, until: date | None = None) -> HeldStatus:
    return HeldStatus(
        programme="skyward",
        tier=tier,
        provenance=provenance,
        valid_from_date=date(2026, 1, 1),
        valid_to_date=until,
        edge_id="edge" if provenance == Provenance.MATCHED else None,
    )


@pytest.mark.parametrize(
    ("status", "against"),
    [
        (held("gold"), []),
        (held("silver"), []),
        (held("bronze"), ["status_required"]),
        (held("gold", Provenance.MATCHED), ["status_required"]),
        (held("gold", until=DAY), []),
        (held("gold", until=date(2026, 11, 30)), ["status_required"]),
        (msgspec.structs.replace(held("gold"), programme="host"), ["status_required"]),
    ],
)
def test_a_partner_status_that_was_earned_and_holds_on_the_day(status: HeldStatus, against: list[str]) -> None:
    rule = StatusRule("skyward", ("gold", "silver"), (Provenance.EARNED,))
    assert codes(having(statuses=(rule,)), msgspec.structs.replace(MEMBER, statuses=(status,))) == against


def test_any_provenance_and_any_of_several_statuses() -> None:
    rules = (StatusRule("host", ("diamond",)), StatusRule("skyward", ("gold",)))
    matched = msgspec.structs.replace(MEMBER, statuses=(held("gold", Provenance.MATCHED),))
    assert codes(having(statuses=rules), matched) == []
    assert codes(having(statuses=rules)) == ["status_required"]
    assert codes(having(statuses=rules), service_date=None) == [], "without a day nothing is judged"
    assert codes(having(statuses=rules), service_date=None, today=DAY) == ["status_required"]


@pytest.mark.parametrize(
    ("rule", "against"),
    [
        (VehicleRule(), []),
        (VehicleRule(models=("Magotan", "Tayron")), []),
        (VehicleRule(models=("Tayron",)), ["vehicle_required"]),
        (VehicleRule(energies=(Energy.PETROL,)), []),
        (VehicleRule(energies=(Energy.ELECTRIC,)), ["vehicle_required"]),
        (VehicleRule(from_months=9), []),
        (VehicleRule(from_months=10), ["vehicle_required"]),
        (VehicleRule(to_months=9), []),
        (VehicleRule(to_months=8), ["vehicle_required"]),
    ],
)
def test_a_car_of_a_model_an_energy_and_an_age(rule: VehicleRule, against: list[str]) -> None:
    """Registered on 1 March it is nine months old on 1 December, and that day is in both ranges that end at nine."""
    owner = msgspec.structs.replace(MEMBER, vehicles=(Vehicle("Magotan", Energy.PETROL, date(2026, 3, 1)),))
    assert codes(having(vehicle=rule), owner) == against
    assert codes(having(vehicle=rule)) == ["vehicle_required"]


def test_stock_and_guests() -> None:
    two = msgspec.structs.replace(PLAIN, stock=2, max_guests=1)
    assert codes(two, taken=Taken(pieces=1), guests=1) == []
    assert codes(two, taken=Taken(pieces=2)) == ["sold_out"]
    assert codes(two, taken=Taken(pieces=3), service_date=None) == ["sold_out"]
    assert codes(two, guests=2) == ["too_many_guests"]
    assert codes(msgspec.structs.replace(PLAIN, stock=0)) == ["sold_out"]


def uses(*days: int, guests: int = 0) -> tuple[Use, ...]:
    return tuple(Use(service_date=date(2026, 11, day), stay=f"s{day}", trip="t", guests=guests) for day in days)


@pytest.mark.parametrize(
    ("quota", "standing", "facts", "reached"),
    [
        (Quota(limit=2), uses(1), {}, False),
        (Quota(limit=2), uses(1, 2), {}, True),
        (Quota(limit=2), uses(1, 2), {"service_date": date(2027, 1, 1)}, False),
        (Quota(limit=2), uses(1, 2), {"service_date": None}, False),
        (Quota(limit=0), (), {}, True),
        (Quota(limit=2, window=WindowKind.CALENDAR_MONTH), uses(1, 2), {}, False),
        (Quota(limit=2, window=WindowKind.CALENDAR_MONTH), uses(1, 2), {"service_date": date(2026, 11, 30)}, True),
        (Quota(limit=2, window=WindowKind.ROLLING_DAYS, days=30), uses(2, 3), {}, True),
        (Quota(limit=2, window=WindowKind.ROLLING_DAYS, days=29), uses(2, 3), {}, False),
        (Quota(limit=1, window=WindowKind.STAY), uses(1, 2), {"stay": "s3"}, False),
        (Quota(limit=1, window=WindowKind.STAY), uses(1, 2), {"stay": "s2"}, True),
        (Quota(limit=2, window=WindowKind.TRIP), uses(1, 2), {"trip": "t"}, True),
        (Quota(limit=2, window=WindowKind.TRIP), uses(1, 2), {"trip": "u"}, False),
        (Quota(limit=3, counts="guests"), uses(1, 2, guests=1), {"guests": 1}, False),
        (Quota(limit=3, counts="guests"), uses(1, 2, guests=1), {"guests": 2}, True),
        (Quota(limit=5, counts="visitors"), uses(1, 2, guests=1), {}, False),
        (Quota(limit=4, counts="visitors"), uses(1, 2, guests=1), {}, True),
    ],
)
def test_quotas_in_every_window(quota: Quota, standing: tuple[Use, ...], facts: dict[str, Any], reached: bool) -> None:
    limited = msgspec.structs.replace(PLAIN, quotas=(quota,))
    assert codes(limited, taken=Taken(uses=standing), **facts) == (["quota_reached"] if reached else [])


def test_a_right_that_rolls_is_judged_by_its_own_uses() -> None:
    terms = EntitlementTerms(uses={"gold": 1}, guests=1, window=WindowKind.ROLLING_DAYS, days=90)
    rolling = msgspec.structs.replace(PLAIN, payment=Payment(points=PointsTerms(600), entitlement=terms))
    by_right: dict[str, Any] = {"pay_with": PayWith.ENTITLEMENT}
    assert codes(rolling, **by_right) == []
    assert codes(rolling, taken=Taken(uses=uses(1), entitlement_uses=uses(1)), **by_right) == ["entitlement_used_up"]
    assert codes(rolling, taken=Taken(uses=uses(1)), **by_right) == [], "what was paid in points does not count"
    assert codes(rolling, taken=Taken(uses=uses(1), entitlement_uses=uses(1)), pay_with=PayWith.POINTS) == []
    assert codes(rolling, service_date=None, **by_right) == []


AT_SINGAPORE: dict[str, Any] = {"airport": "SIN", "lounge_id": "SQ-KRISFLYER-GOLD-T3"}
FLIGHT = Flight(
    operated_by="SQ",
    marketed_by="SQ",
    cabin=Cabin.ECONOMY,
    origin="SIN",
    destination="PVG",
    departs_at=datetime(2026, 12, 1, 1, 0, tzinfo=UTC),
    scheduled_minutes=320,
)


def test_lounge_rules_are_told_only_to_who_asks_for_a_visit() -> None:
    ruled = having(lounge_rules=("star-gold", "star-international-business"))
    gold = HeldStatus(
        programme="star-alliance", tier="gold", provenance=Provenance.EARNED, valid_from_date=date(2026, 1, 1)
    )
    golden = msgspec.structs.replace(MEMBER, statuses=(gold,))
    shown: dict[str, Any] = {**AT_SINGAPORE, "journey": Journey(flight=FLIGHT)}
    assert codes(ruled, golden, **AT_SINGAPORE) == [], "a list knows no flight"
    assert codes(ruled, golden, **AT_SINGAPORE, complete=True) == ["flight_needed"]
    assert codes(ruled, golden, **shown) == []
    assert codes(ruled, golden, **shown, service_date=None) == []
    assert codes(ruled, MEMBER, **shown) == ["lounge_level"]
    lapsed = msgspec.structs.replace(
        MEMBER, statuses=(msgspec.structs.replace(gold, valid_to_date=date(2026, 11, 30)),)
    )
    assert codes(ruled, lapsed, **shown) == ["lounge_level"]
    (refusal,) = refusals(
        having(lounge_rules=("star-gold",)),
        golden,
        ServiceFacts(service_date=DAY, guests=2, **shown),
        lounges=CATALOGUE.lounges,
    )
    assert refusal.sentence("en") == "You may bring 1 guests, not 2."
    nowhere = refusals(
        having(lounge_rules=("star-gold",)),
        golden,
        ServiceFacts(service_date=DAY, **(shown | {"airport": "PVG"})),
        lounges=CATALOGUE.lounges,
    )
    assert "Your flight does not leave from PVG." in [one.sentence("en") for one in nowhere]


def test_every_reason_is_told_at_once_in_both_languages() -> None:
    strict = msgspec.structs.replace(
        PLAIN,
        stock=0,
        quotas=(Quota(limit=0),),
        eligibility=Eligibility(
            tiers=("diamond",),
            statuses=(StatusRule("skyward", ("gold",)),),
            home_cities=("Shanghai",),
            weekdays=(Weekday.SUN,),
            closed_periods=(Period(DAY, DAY),),
            hours=(Hours(time(1), time(2)),),
            consent_purpose="booking",
            linked_account=True,
            vehicle=VehicleRule(),
        ),
    )
    found = refusals(strict, MEMBER, ServiceFacts(service_date=DAY, local_time=time(3), pay_with=PayWith.FREE))
    assert [one.code for one in found] == [
        "tier_not_eligible", "home_city_not_served", "consent_missing", "account_required", "status_required",
        "vehicle_required", "weekday_not_served", "date_not_served", "time_not_served", "payment_not_offered",
        "sold_out", "quota_reached",
    ]  # fmt: skip
    for refusal in found:
        for locale in ("zh-CN", "en"):
            sentence = refusal.sentence(locale)
            assert "{" not in sentence
            assert sentence.endswith(("。", "."))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Period(DAY, date(2026, 11, 30)),
        lambda: Hours(time(10), time(10)),
        lambda: Hours(time(10, tzinfo=UTC), time(12)),
        lambda: Hours(time(10), time(12, tzinfo=UTC)),
        lambda: StatusRule("host", ()),
        lambda: VehicleRule(from_months=12, to_months=11),
        lambda: Quota(limit=1, days=30),
        lambda: Quota(limit=1, window=WindowKind.ROLLING_DAYS),
    ],
)
def test_what_is_no_rule(make: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        make()  # type: ignore[operator]


def test_prices_and_reasons_come_together() -> None:
    benefits = CATALOGUE.benefits_on(TODAY)
    silver = msgspec.structs.replace(MEMBER, tier="silver")
    found = {one.benefit.id: one for one in assess(benefits, silver, ServiceFacts(), TODAY, {})}
    assert list(found) == sorted(CATALOGUE.benefits)
    visit = found["lounge-visit"]
    assert [(price.pay_with, price.points, price.per) for price in visit.prices] == [
        (PayWith.ENTITLEMENT, None, None),
        (PayWith.POINTS, 600, "visitor"),
    ]
    assert visit.prices[0].grant is None, "silver has no uses of its own"
    assert [price.pay_with for price in found["hotel-stay"].prices] == [PayWith.POINTS, PayWith.AT_PARTNER]
    assert found["hotel-stay"].prices[0].points is None, "a live price is told by a quote"
    assert [one.code for one in found["hotel-upgrade"].refusals] == ["tier_not_eligible", "consent_missing"]
    free = msgspec.structs.replace(PLAIN, payment=Payment(free=True))
    (gift,) = assess([free], MEMBER, ServiceFacts(service_date=DAY), TODAY, {free.id: Taken(pieces=1)})
    assert [price.pay_with for price in gift.prices] == [PayWith.FREE]


def test_a_change_is_announced_from_its_day_until_it_takes_effect() -> None:
    second = msgspec.structs.replace(
        PLAIN, version=2, announced_date=date(2026, 12, 1), effective_from_date=date(2027, 1, 1)
    )
    third = msgspec.structs.replace(second, version=3, effective_from_date=date(2027, 2, 1))
    versions = (PLAIN, third, second)
    assert announced(versions, date(2026, 11, 30)) is None
    assert announced(versions, date(2026, 12, 1)) is second
    assert announced(versions, date(2026, 12, 31)) is second
    assert announced(versions, date(2027, 1, 1)) is third
    assert announced(versions, date(2027, 2, 1)) is None
    assert announced((PLAIN,), PLAIN.effective_from_date) is None
