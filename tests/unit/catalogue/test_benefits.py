"""Benefits, eligibility and entitlements, with the packaged benefits."""

from __future__ import annotations

import string
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from catalogue.benefits import (
    Benefit,
    EntitlementTerms,
    PayWith,
    Way,
    version_on,
)
from catalogue.benefits_cancellation import Cancellation, RefundStep, refund_of
from catalogue.benefits_pricing import price_in_points
from catalogue.eligibility import MemberContext, ServiceFacts, refusals
from catalogue.entitlements import Standing, entitled, uses_to_grant
from catalogue.entitlements_windows import Quota, Window, WindowKind, calendar_month, calendar_year, window_of
from catalogue.refusals import REFUSAL_TEXTS
from catalogue.values import Money, Rate
from config.errors import RuleError
from tests.unit.catalogue.samples import CATALOGUE, PROGRAMME, TODAY


def benefit(benefit_id: str) -> Benefit:
    found = CATALOGUE.benefit(benefit_id, TODAY)
    assert found is not None
    return found


LOUNGE = benefit("lounge-visit")
GOLD = MemberContext(member_id="m", tier="gold", consents=frozenset({("expedia-rapid", "booking")}))
SILVER = msgspec.structs.replace(GOLD, tier="silver")


def codes(of: Benefit, member: MemberContext, **service: object) -> list[str]:
    return [refusal.code for refusal in refusals(of, member, msgspec.convert(service, ServiceFacts))]


def test_all_three_ways_of_working_are_there() -> None:
    assert {one.way for one in CATALOGUE.benefits_on(TODAY)} == set(Way)


def test_every_benefit_can_be_read_in_both_languages() -> None:
    for one in CATALOGUE.benefits_on(TODAY):
        assert one.title.choose("zh-CN") != one.title.choose("en")
        assert one.description.choose("zh_Hans_CN") == one.description.zh_cn


@pytest.mark.parametrize(
    ("member", "service", "expected"),
    [
        (GOLD, {}, []),
        (GOLD, {"pay_with": "entitlement", "service_date": TODAY, "airport": "PVG", "guests": 1}, []),
        (GOLD, {"pay_with": "entitlement", "service_date": TODAY, "guests": 2}, ["too_many_guests"]),
        (GOLD, {"pay_with": "points", "service_date": TODAY, "guests": 2}, []),
        (SILVER, {"pay_with": "entitlement", "service_date": TODAY}, ["no_entitlement"]),
        (GOLD, {"pay_with": "free"}, ["payment_not_offered"]),
        (GOLD, {"airport": "LHR"}, ["airport_not_served"]),
        (GOLD, {"airport": "LHR", "pay_with": "free"}, ["airport_not_served", "payment_not_offered"]),
    ],
)
def test_lounge_rules(member: MemberContext, service: dict[str, object], expected: list[str]) -> None:
    assert codes(LOUNGE, member, **service) == expected


def test_tier_and_consent_of_the_upgrade() -> None:
    upgrade = benefit("hotel-upgrade")
    assert codes(upgrade, GOLD) == []
    assert codes(upgrade, SILVER) == ["tier_not_eligible"]
    stranger = MemberContext(member_id="m", tier="silver", state="closed")
    assert codes(upgrade, stranger) == ["member_not_active", "tier_not_eligible", "consent_missing"]
    elsewhere = msgspec.structs.replace(GOLD, consents=frozenset({("skyhub-lounge", "booking")}))
    assert codes(upgrade, elsewhere) == ["consent_missing"], "a consent is to one partner"


def test_dates_and_cities() -> None:
    dated = msgspec.structs.replace(
        LOUNGE,
        valid_from_date=date(2026, 12, 1),
        valid_to_date=date(2026, 12, 31),
        eligibility=msgspec.structs.replace(LOUNGE.eligibility, cities=("Shanghai",)),
    )
    assert codes(dated, GOLD, service_date=date(2026, 11, 30)) == ["not_yet_valid"]
    assert codes(dated, GOLD, service_date=date(2026, 12, 1)) == []
    assert codes(dated, GOLD, service_date=date(2026, 12, 31)) == []
    assert codes(dated, GOLD, service_date=date(2027, 1, 1)) == ["no_longer_valid"]
    assert codes(dated, GOLD, city="Beijing") == ["city_not_served"]


def test_every_refusal_is_a_whole_sentence_in_both_languages() -> None:
    closed = MemberContext(member_id="m", tier="silver", state="closed")
    found = refusals(benefit("hotel-upgrade"), closed, ServiceFacts(pay_with=PayWith.FREE))
    assert len(found) == 4
    for refusal in found:
        assert refusal.text_key == f"refusal.{refusal.code}"
        for locale in ("zh-CN", "en"):
            sentence = refusal.sentence(locale)
            assert "{" not in sentence
            assert sentence.endswith(("。", "."))
    assert (
        refusals(LOUNGE, GOLD, ServiceFacts(airport="LHR"))[0].sentence("en") == "This benefit is not offered at LHR."
    )


def test_refusal_texts_name_the_same_places_in_both_languages() -> None:
    for code, text in REFUSAL_TEXTS.items():
        places = [
            {name for _, name, _, _ in string.Formatter().parse(sentence) if name} for sentence in (text.zh_cn, text.en)
        ]
        assert places[0] == places[1], code


@pytest.mark.parametrize(("tier", "uses"), [("silver", None), ("gold", 6), ("platinum", 12), ("diamond", 24)])
def test_entitlement_by_tier(tier: str, uses: int | None) -> None:
    grant = entitled(LOUNGE, tier, TODAY)
    assert (grant.uses if grant else None) == uses
    if grant is not None:
        assert (grant.guests, grant.window.key, grant.commodity) == (1, "2026", "VISIT:lounge-visit")


def test_a_benefit_without_entitlement_gives_none() -> None:
    assert entitled(benefit("hotel-stay"), "diamond", TODAY) is None


def test_the_window_is_the_calendar_year_of_the_place() -> None:
    window = calendar_year(date(2026, 12, 31))
    assert (window.start_date, window.last_date) == (date(2026, 1, 1), date(2026, 12, 31))
    assert window.starts_at("Asia/Shanghai") == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert window.ends_at("Asia/Shanghai") == datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert calendar_year(date(2027, 1, 1)).key == "2027"


def test_a_better_tier_adds_the_difference_and_a_lower_one_takes_nothing() -> None:
    gold, platinum = entitled(LOUNGE, "gold", TODAY), entitled(LOUNGE, "platinum", TODAY)
    assert gold is not None
    assert platinum is not None
    assert uses_to_grant(gold, 0) == 6
    assert uses_to_grant(platinum, 6) == 6
    assert uses_to_grant(gold, 12) == 0
    assert Standing(total=6, used=8, pending=1).remaining == 0
    with pytest.raises(ValueError, match="negative"):
        Standing(total=6, used=-1, pending=0)


def test_a_fixed_price_counts_visitors_or_uses() -> None:
    parts = benefit("lounge-for-parts")
    for guests, lounge, exchange in ((0, 600, 300), (2, 1_800, 300)):
        asked = {"partner_price": None, "base_price": None, "guests": guests}
        assert price_in_points(PROGRAMME, LOUNGE, **asked) == lounge  # type: ignore[arg-type]
        assert price_in_points(PROGRAMME, parts, **asked) == exchange  # type: ignore[arg-type]


def test_a_live_price_is_the_partners_and_an_upgrade_costs_the_base() -> None:
    price, base = Money(88_001, "CNY"), Money(60_000, "CNY")
    stay = price_in_points(PROGRAMME, benefit("hotel-stay"), partner_price=price, base_price=None, guests=1)
    assert stay == 4_401
    upgrade = price_in_points(PROGRAMME, benefit("hotel-upgrade"), partner_price=price, base_price=base, guests=1)
    assert upgrade == 3_000
    with pytest.raises(RuleError) as refused:
        price_in_points(PROGRAMME, benefit("hotel-upgrade"), partner_price=price, base_price=None, guests=0)
    assert refused.value.facts["reason"] == "no_price"


def test_what_takes_no_points_has_no_price_in_points() -> None:
    no_points = msgspec.structs.replace(LOUNGE, payment=msgspec.structs.replace(LOUNGE.payment, points=None))
    with pytest.raises(RuleError) as refused:
        price_in_points(PROGRAMME, no_points, partner_price=None, base_price=None, guests=0)
    assert refused.value.facts["reason"] == "payment_not_offered"


def test_fewer_than_no_guests_have_no_price() -> None:
    with pytest.raises(RuleError) as refused:
        price_in_points(PROGRAMME, LOUNGE, partner_price=None, base_price=None, guests=-1)
    assert refused.value.facts["reason"] == "guests"


START = datetime(2026, 12, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "hours_before", "back"),
    [
        (Cancellation(), 1_000, 0),
        (Cancellation(free_until_hours=24), 24, 999),
        (Cancellation(free_until_hours=24, refund_after=Rate(2, 1)), 23, 499),
        (Cancellation(free_until_hours=24), 23, 0),
        (Cancellation(refund_after=Rate(2, 1)), 1_000, 499),
        (Cancellation(refund_after=Rate(1, 1)), 1, 999),
        (Cancellation(free_until_hours=0), 0, 999),
    ],
)
def test_what_comes_back(rule: Cancellation, hours_before: int, back: int) -> None:
    assert refund_of(rule, 999, START, START - timedelta(hours=hours_before)) == back


def test_the_version_in_force() -> None:
    second = msgspec.structs.replace(LOUNGE, version=2, effective_from_date=date(2027, 1, 1))
    versions = (LOUNGE, second)
    assert version_on(versions, date(2025, 12, 31)) is None
    assert version_on(versions, date(2026, 12, 31)) is LOUNGE
    assert version_on(versions, date(2027, 1, 1)) is second
    assert CATALOGUE.benefit_version("lounge-visit", 1) == LOUNGE
    assert CATALOGUE.benefit_version("lounge-visit", 2) is None


STEPPED = Cancellation(
    free_until_hours=72,
    steps=(RefundStep(48, Rate(4, 3)), RefundStep(24, Rate(2, 1))),
    refund_after=Rate(10, 1),
    no_show=Rate(100, 1),
)


@pytest.mark.parametrize(
    ("hours_before", "back"),
    [(72, 1_000), (71, 750), (48, 750), (47, 500), (24, 500), (23, 100), (0, 100), (-23, 100), (-24, 10), (-999, 10)],
)
def test_a_refund_goes_down_by_steps_and_ends_with_the_service(hours_before: int, back: int) -> None:
    now = START - timedelta(hours=hours_before)
    assert refund_of(STEPPED, 1_000, START, now, START + timedelta(days=1)) == back


def test_without_a_share_for_it_nothing_comes_back_once_the_time_is_over() -> None:
    generous = Cancellation(free_until_hours=0, refund_after=Rate(1, 1))
    ends = START + timedelta(hours=1)
    assert refund_of(generous, 500, START, ends - timedelta(microseconds=1), ends) == 500
    assert refund_of(generous, 500, START, ends, ends) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"refund_after": Rate(1, 2)},
        {"no_show": Rate(1, 2)},
        {"steps": (RefundStep(24, Rate(1, 2)),)},
        {"free_until_hours": 24, "steps": (RefundStep(24, Rate(2, 1)),)},
        {"steps": (RefundStep(24, Rate(2, 1)), RefundStep(24, Rate(4, 1)))},
        {"steps": (RefundStep(24, Rate(4, 1)), RefundStep(12, Rate(2, 1)))},
        {"steps": (RefundStep(24, Rate(4, 1)),), "refund_after": Rate(2, 1)},
        {"refund_after": Rate(4, 1), "no_show": Rate(2, 1)},
    ],
)
def test_what_is_no_cancellation_rule(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"steps|more than was paid|never rises"):
        Cancellation(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("window", "days", "first", "last", "key", "whole"),
    [
        (WindowKind.CALENDAR_YEAR, None, date(2026, 1, 1), date(2026, 12, 31), "2026", True),
        (WindowKind.CALENDAR_MONTH, None, date(2026, 11, 1), date(2026, 11, 30), "2026-11", True),
        (WindowKind.ROLLING_DAYS, 30, date(2026, 10, 24), date(2026, 11, 22), "2026-11-22", False),
        (WindowKind.STAY, None, TODAY, TODAY, "2026-11-22", False),
        (WindowKind.TRIP, None, TODAY, TODAY, "2026-11-22", False),
    ],
)
def test_the_window_of_a_right(
    window: WindowKind, days: int | None, first: date, last: date, key: str, whole: bool
) -> None:
    terms = EntitlementTerms(uses={"gold": 2}, window=window, days=days)
    payment = msgspec.structs.replace(LOUNGE.payment, entitlement=terms)
    grant = entitled(msgspec.structs.replace(LOUNGE, payment=payment), "gold", TODAY)
    assert grant is not None
    assert (grant.window, grant.granted_whole) == (Window(key, first, last), whole)


def test_a_month_ends_on_its_last_day() -> None:
    assert window_of(Quota(limit=1, window=WindowKind.CALENDAR_MONTH), date(2028, 2, 29)).last_date == date(2028, 2, 29)
    assert calendar_month(date(2026, 12, 31)) == Window("2026-12", date(2026, 12, 1), date(2026, 12, 31))
