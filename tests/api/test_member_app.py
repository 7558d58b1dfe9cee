"""Benefits, entitlements, tier matches, consents and links, as the member app uses them."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

import pytest

from catalogue import statuses
from catalogue.entitlements_windows import calendar_year
from catalogue.tier_match import HeldStatus, Provenance
from settlement import ledger
from settlement.accounts import programme_entitlements
from tests.api.conftest import NOON, Stack


async def gold(stack: Stack) -> str:
    member_id = await stack.add_member("liu", city="上海")
    assert (await stack.earn(member_id, 250_000)).json()["tier"] == "gold"
    return member_id


async def test_benefits_are_priced_and_reasons_shown_on_request(stack: Stack) -> None:
    member_id = await stack.add_member()
    member = stack.member(member_id)
    open_to_all = (await stack.client.get("/v1/benefits", headers=member)).json()
    ids = [item["id"] for item in open_to_all["items"]]
    assert "lounge-visit" in ids
    assert "hotel-upgrade" not in ids
    assert all(item["eligible"] for item in open_to_all["items"])
    query = {"include": "ineligible", "vertical": "hotel"}
    every = (await stack.client.get("/v1/benefits", params=query, headers=member)).json()
    upgrade = next(item for item in every["items"] if item["id"] == "hotel-upgrade")
    assert {reason["code"] for reason in upgrade["reasons"]} == {"tier_not_eligible", "consent_missing"}
    assert {item["vertical"] for item in every["items"]} == {"hotel"}


async def test_a_benefit_speaks_the_language_asked_for(stack: Stack) -> None:
    member = stack.member(await stack.add_member())
    get = partial(stack.client.get, "/v1/benefits/hotel-stay")
    english = await get(headers=member | {"Accept-Language": "fr, en;q=0.8, zh;q=0.1"})
    chinese = await get(headers=member)
    assert (english.json()["title"], chinese.json()["title"]) == ("Hotel stay", "酒店住宿")


async def test_an_unchanged_benefit_is_not_sent_again(stack: Stack) -> None:
    member_id = await stack.add_member()
    member = stack.member(member_id)
    first = await stack.client.get("/v1/benefits/hotel-upgrade", headers=member)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    same = await stack.client.get("/v1/benefits/hotel-upgrade", headers=member | {"If-None-Match": f'"x", {tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    await stack.earn(member_id, 250_000)
    changed = await stack.client.get("/v1/benefits/hotel-upgrade", headers=member | {"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_benefit_pages_by_cursor(stack: Stack) -> None:
    member = stack.member(await stack.add_member())
    seen, cursor = [], None
    for _ in range(10):
        query: dict[str, Any] = {"limit": 1, "include": "ineligible"} | ({"cursor": cursor} if cursor else {})
        page = (await stack.client.get("/v1/benefits", params=query, headers=member)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(stack.gateway.catalogue.benefits)


async def test_an_unknown_benefit_is_not_found(stack: Stack) -> None:
    member = stack.member(await stack.add_member())
    assert (await stack.client.get("/v1/benefits/free-car", headers=member)).status_code == 404


async def test_entitlements_are_counted_from_the_ledger(stack: Stack) -> None:
    member_id = await gold(stack)
    member = stack.member(member_id)
    before = (await stack.client.get("/v1/entitlements", headers=member)).json()["items"]
    lounge = next(item for item in before if item["benefit_id"] == "lounge-visit")
    total = lounge["total"]
    assert total > 2
    assert (lounge["used"], lounge["pending"], lounge["remaining"]) == (0, 0, total)
    window = calendar_year(NOON.date())
    zone = stack.gateway.catalogue.programme.time_zone
    grant = partial(
        ledger.grant_entitlement,
        member_id=member_id,
        benefit_id="lounge-visit",
        uses=total,
        window_start_at=window.starts_at(zone),
        window_end_at=window.ends_at(zone),
        at=NOON,
    )
    await stack.gateway.database.write(grant)
    hold = partial(ledger.hold, member_id=member_id, commodity="VISIT:lounge-visit", quantity=1, at=NOON)
    for name in ("first", "second"):
        await stack.gateway.database.write(partial(hold, key=f"{name}:hold", reference=name))
    to = programme_entitlements("lounge-visit")
    await stack.gateway.database.write(
        partial(ledger.capture, hold_key="first:hold", key="first:capture", at=NOON, to=to)
    )
    after = (await stack.client.get("/v1/entitlements", headers=member)).json()["items"]
    lounge = next(item for item in after if item["benefit_id"] == "lounge-visit")
    assert (lounge["used"], lounge["pending"], lounge["remaining"]) == (1, 1, total - 2)


async def test_gold_is_matched_to_the_hotel_once_and_never_onward(stack: Stack) -> None:
    member_id = await gold(stack)
    member = stack.member(member_id)
    offered = (await stack.client.get("/v1/tier-matches/offers", headers=member)).json()["items"]
    assert [(one["partner"], one["to_tier"], one["from_partner"]) for one in offered] == [
        ("expedia-rapid", "gold", False)
    ]
    body = {"partner": "expedia-rapid"}
    granted = await stack.client.post("/v1/tier-matches", json=body, headers=member | {"Idempotency-Key": "m"})
    assert granted.status_code == 201, granted.text
    assert granted.json()["status"]["tier"] == "gold"
    assert len(granted.json()["explanation"]) == 2
    again = await stack.client.post("/v1/tier-matches", json=body, headers=member | {"Idempotency-Key": "m"})
    assert again.headers["idempotent-replayed"] == "true"
    second = await stack.client.post("/v1/tier-matches", json=body, headers=member | {"Idempotency-Key": "n"})
    assert (second.status_code, second.json()["code"]) == (422, "tier_match_refused")
    assert second.json()["reason"] == "already_held"
    assert (await stack.client.get("/v1/tier-matches/offers", headers=member)).json()["items"] == []
    held = (await stack.client.get("/v1/tier-matches", headers=member)).json()["items"]
    assert ("rapid-rewards", "gold", "matched") in [(one["programme"], one["tier"], one["provenance"]) for one in held]


async def test_a_match_that_raises_a_signal_is_accepted_and_waits_for_a_person(stack: Stack) -> None:
    member_id = await stack.add_member()
    member = stack.member(member_id)
    airline = HeldStatus(
        programme="skyward-miles", tier="gold", provenance=Provenance.EARNED, valid_from_date=date(2026, 1, 1)
    )
    grant = partial(statuses.grant_status, member_id=member_id, status=airline, evidence={}, at=NOON)
    await stack.gateway.database.write(grant)
    body = {"partner": "skyward-miles", "from_partner": True}
    unlinked = await stack.client.post("/v1/tier-matches", json=body, headers=member | {"Idempotency-Key": "m"})
    assert (unlinked.status_code, unlinked.json()["reason"]) == (422, "account_not_linked")
    await stack.client.put("/v1/partner-links/skyward-miles", json={"account_number": "8800123456"}, headers=member)
    for key, replayed in (("n", None), ("n", "true")):
        waits = await stack.client.post("/v1/tier-matches", json=body, headers=member | {"Idempotency-Key": key})
        assert (waits.status_code, waits.json()["state"], waits.json()["status"]) == (202, "review", None)
        assert waits.headers.get("idempotent-replayed") == replayed
    seen = (await stack.client.get("/v1/tier-matches", headers=member)).json()
    assert seen["in_review"] == ["skyward-miles-to-host-gold"]
    assert [one["programme"] for one in seen["items"]] == ["skyward-miles"]
    assert (await stack.client.get("/v1/tier-matches/offers", headers=member)).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"partner": "expedia-rapid"}, 422, "no_edge"),
        ({"partner": "skyward-miles", "from_partner": True}, 422, "no_status"),
        ({"partner": "nobody"}, 404, None),
    ],
)
async def test_what_cannot_be_matched_is_explained(
    stack: Stack, body: dict[str, object], status: int, reason: str | None
) -> None:
    member = stack.member(await stack.add_member())
    answer = await stack.client.post("/v1/tier-matches", json=body, headers=member | {"Idempotency-Key": "m"})
    assert (answer.status_code, answer.json().get("reason")) == (status, reason)


async def test_consent_is_given_versioned_and_withdrawn(stack: Stack) -> None:
    member = stack.member(await stack.add_member())
    path = "/v1/consents/expedia-rapid/booking"
    missing = await stack.client.put(path, json={"granted": False}, headers=member)
    assert missing.status_code == 404
    given = await stack.client.put(path, json={"granted": True, "version": 3}, headers=member)
    assert (given.status_code, given.json()["version"], given.json()["withdrawn_at"]) == (200, 3, None)
    again = await stack.client.put(path, json={"granted": True, "version": 3}, headers=member)
    assert again.json() == given.json()
    withdrawn = await stack.client.put(path, json={"granted": False}, headers=member)
    assert withdrawn.json()["withdrawn_at"] is not None
    listed = (await stack.client.get("/v1/consents", headers=member)).json()["items"]
    assert listed == [withdrawn.json()]
    unknown = await stack.client.put("/v1/consents/nobody/booking", json={"granted": True}, headers=member)
    assert unknown.status_code == 404


async def test_an_account_at_a_partner_belongs_to_one_member(stack: Stack) -> None:
    liu, wang = await stack.add_member("liu"), await stack.add_member("wang")
    path = "/v1/partner-links/skyward-miles"
    linked = await stack.client.put(path, json={"account_number": "SK-100200"}, headers=stack.member(liu))
    assert linked.json() == {"partner": "skyward-miles", "account_number": "SK-100200", "verified_at": None}
    taken = await stack.client.put(path, json={"account_number": "SK-100200"}, headers=stack.member(wang))
    assert (taken.status_code, taken.json()["reason"]) == (409, "account_taken")
    me = (await stack.client.get("/v1/me", headers=stack.member(liu))).json()
    assert me["links"] == [linked.json()]
    others = (await stack.client.get("/v1/partner-links", headers=stack.member(wang))).json()
    assert others == {"items": []}
