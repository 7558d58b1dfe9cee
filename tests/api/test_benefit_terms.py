"""What the member app is told of terms: stock, quotas, announced changes, cars, lounge rules."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import msgspec

from catalogue.benefits import Benefit, EntitlementTerms
from catalogue.benefits_cancellation import Cancellation, RefundStep
from catalogue.book import CatalogueBook
from catalogue.eligibility_rules import Eligibility, Hours, VehicleRule
from catalogue.entitlements_windows import Quota, WindowKind
from catalogue.values import Rate
from tests.api.conftest import Stack


def change(stack: Stack, *following: Benefit, **terms: Any) -> Benefit:
    """Exchange the terms of the lounge visit in this stack's catalogue."""
    catalogue = stack.gateway.catalogue
    visit = msgspec.structs.replace(catalogue.benefits["lounge-visit"][0], **terms)
    benefits = catalogue.benefits | {visit.id: (visit, *following)}
    changed = msgspec.structs.replace(catalogue, benefits=benefits)
    stack.gateway.book = CatalogueBook(stack.gateway.book.number, changed, catalogue.partners)
    return visit


async def shown(stack: Stack, member: dict[str, str]) -> dict[str, Any]:
    answer = await stack.client.get("/v1/benefits/lounge-visit", headers=member)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_stock_quotas_and_refund_steps_are_told(stack: Stack) -> None:
    rolling = Quota(limit=4, counts="visitors", window=WindowKind.ROLLING_DAYS, days=30)
    steps = Cancellation(free_until_hours=48, steps=(RefundStep(24, Rate(2, 1)),), refund_after=Rate(10, 1))
    change(stack, stock=5, quotas=(rolling,), cancellation=steps)
    benefit = await shown(stack, stack.member(await stack.add_member()))
    assert (benefit["stock_left"], benefit["eligible"]) == (5, True)
    assert benefit["quotas"] == [{"limit": 4, "counts": "visitors", "window": "rolling_days", "window_days": 30}]
    assert benefit["cancellation"] == {
        "free_until_hours": 48,
        "refund_numerator": 1,
        "refund_denominator": 10,
        "steps": [{"until_hours": 24, "refund_numerator": 1, "refund_denominator": 2}],
        "no_show_numerator": 0,
        "no_show_denominator": 1,
    }


async def test_what_is_sold_out_says_so(stack: Stack) -> None:
    change(stack, stock=0)
    benefit = await shown(stack, stack.member(await stack.add_member()))
    assert [reason["code"] for reason in benefit["reasons"]] == ["sold_out"]
    assert benefit["reasons"][0]["text"] == "此权益已售罄。"


async def test_a_change_is_announced_before_it_takes_effect(stack: Stack) -> None:
    visit = stack.gateway.catalogue.benefits["lounge-visit"][0]
    later = msgspec.structs.replace(
        visit, version=2, announced_date=date(2026, 11, 22), effective_from_date=date(2026, 12, 22)
    )
    change(stack, later)
    member_id = await stack.add_member()
    told = await shown(stack, stack.member(member_id))
    assert (told["version"], told["announced"]["version"]) == (1, 2)
    assert told["announced"]["effective_from_date"] == "2026-12-22"
    stack.clock.move(days=30)
    now = await shown(stack, stack.member(member_id))
    assert (now["version"], now["announced"]) == (2, None)


async def test_a_car_opens_what_is_for_its_owners(stack: Stack) -> None:
    change(stack, eligibility=Eligibility(vehicle=VehicleRule(models=("Magotan",), to_months=12)))
    member_id = await stack.add_member()
    assert (await shown(stack, stack.member(member_id)))["eligible"] is False
    car = {"reference": "order-1", "model": "Magotan", "energy": "petrol", "registered_date": "2026-01-05"}
    await stack.add_member(vehicles=[car])
    assert (await shown(stack, stack.member(member_id)))["eligible"] is True
    await stack.add_member()
    assert (await shown(stack, stack.member(member_id)))["eligible"] is True, "what is not named stays"
    twice = {"vehicles": [car, car | {"model": "ID.4"}]}
    refused = await stack.client.put("/v1/members/liu", json=twice, headers=stack.crm)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/vehicles")
    plate = {"vehicles": [car | {"plate": "A12345"}]}
    assert (await stack.client.put("/v1/members/liu", json=plate, headers=stack.crm)).status_code == 400


async def test_a_rolling_right_is_told_with_its_window(stack: Stack) -> None:
    visit = stack.gateway.catalogue.benefits["lounge-visit"][0]
    terms = EntitlementTerms(uses={"silver": 2}, guests=1, window=WindowKind.ROLLING_DAYS, days=90)
    change(stack, payment=msgspec.structs.replace(visit.payment, entitlement=terms))
    member = stack.member(await stack.add_member())
    (item,) = (await stack.client.get("/v1/entitlements", headers=member)).json()["items"]
    assert {name: item[name] for name in ("total", "used", "pending", "remaining", "window")} == {
        "total": 2, "used": 0, "pending": 0, "remaining": 2, "window": "rolling_days",
    }  # fmt: skip
    assert (item["window_start_date"], item["window_last_date"]) == ("2026-08-25", "2026-11-22")
    (option,) = (one for one in (await shown(stack, member))["options"] if one["pay_with"] == "entitlement")
    assert (option["uses"], option["window"], option["window_days"], option["uses_per_year"]) == (
        2, "rolling_days", 90, None,
    )  # fmt: skip


FLIGHT = {
    "operated_by": "SQ",
    "marketed_by": "SQ",
    "cabin": "economy",
    "origin": "SIN",
    "destination": "PVG",
    "departs_at": "2026-12-01T01:00:00Z",
    "scheduled_minutes": 320,
}


async def quote(stack: Stack, member: dict[str, str], journey: dict[str, Any] | None) -> tuple[int, str]:
    service = {"kind": "visit", "airport": "SIN", "lounge_id": "SQ-KRISFLYER-GOLD-T3", "visit_date": "2026-12-01"}
    body = {"benefit_id": "lounge-visit", "service": service, "journey": journey}
    answer = await stack.client.post("/v1/quotes", json=body, headers=member)
    return answer.status_code, answer.json().get("reasons") or answer.json()["code"]


async def test_a_quote_is_judged_by_lounge_rules_and_hours(stack: Stack) -> None:
    """Who passes every rule is only stopped by the partner, which nobody runs here."""
    member = stack.member(await stack.add_member())
    change(stack, eligibility=Eligibility(lounge_rules=("star-gold",)))
    assert await quote(stack, member, None) == (422, "lounge_level, flight_needed")
    assert await quote(stack, member, {"flight": FLIGHT}) == (422, "lounge_level")
    assert (await quote(stack, member, {"flight": FLIGHT | {"departs_at": "2026-12-01T01:00:00"}}))[0] == 400
    change(stack, eligibility=Eligibility(hours=(Hours(*map(clock, ("08:00", "09:00"))),)))
    assert await quote(stack, member, None) == (422, "time_needed")
    arriving = {"flight": FLIGHT, "arrives_at": "2026-12-01T01:30:00Z"}
    assert await quote(stack, member, arriving) == (422, "time_not_served"), "09:30 in Singapore"
    in_time = {"flight": FLIGHT, "arrives_at": "2026-12-01T00:30:00Z"}
    assert (await quote(stack, member, in_time))[0] in {502, 503}


def clock(text: str) -> time:
    """Read a local time as a file has it."""
    return time.fromisoformat(text)
