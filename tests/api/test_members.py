"""Members, accruals, the member's own page."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Stack, car


async def test_a_car_earns_and_raises_the_tier(stack: Stack) -> None:
    member_id = await stack.add_member("liu", city="上海", profile={"family_name": "刘"})
    answer = await stack.earn(member_id, 250_000)
    assert answer.status_code == 201, answer.text
    assert answer.json() == {
        "member_id": member_id,
        "reference": "sale-1",
        "points": 2_500,
        "qualifying_points": 250_000,
        "tier": "gold",
        "tier_before": "silver",
    }
    me = (await stack.client.get("/v1/me", headers=stack.member(member_id))).json()
    assert (me["tier"], me["qualifying_points"]) == ("gold", 250_000)
    assert me["wallet"]["available"] == 2_500
    assert me["wallet"]["next_expiry"]["points"] == 2_500
    assert me["profile"]["family_name"] == "刘"


async def test_a_reference_counts_once_whatever_the_key(stack: Stack) -> None:
    member_id = await stack.add_member()
    first = await stack.earn(member_id, 250_000, key="one")
    again = await stack.earn("liu", 250_000, key="two")
    other = await stack.earn(member_id, 100_000, key="three")
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert again.json() | {"tier_before": None} == first.json() | {"tier_before": None}
    assert other.json()["code"] == "exists_with_different_content"
    me = (await stack.client.get("/v1/me", headers=stack.member(member_id))).json()
    assert me["wallet"]["available"] == 2_500


async def test_putting_a_member_again_keeps_the_id(stack: Stack) -> None:
    member_id = await stack.add_member("liu", city="上海")
    again = await stack.client.put(f"/v1/members/{member_id}", json={"city": "北京"}, headers=stack.crm)
    assert (again.json()["id"], again.json()["external_id"], again.json()["city"]) == (member_id, "liu", "北京")


async def test_activity_pages_by_signed_cursor(stack: Stack) -> None:
    member_id = await stack.add_member()
    other_id = await stack.add_member("wang")
    for number in range(5):
        stack.clock.move(seconds=1)
        assert (await stack.earn(member_id, 10_000, f"sale-{number}")).status_code == 201
    seen: list[str] = []
    cursor = previous = None
    for _ in range(3):
        query: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = await stack.client.get("/v1/me/activity", params=query, headers=stack.member(member_id))
        assert page.status_code == 200, page.text
        seen += [item["reference"] for item in page.json()["items"]]
        previous, cursor = cursor, page.json()["next_cursor"]
    assert seen == [f"sale-{number}" for number in (4, 3, 2, 1, 0)]
    assert cursor is None
    assert previous is not None
    for tampered, token in (
        (previous[:-1] + "A", member_id),
        (previous, other_id),
        ("%%%", member_id),
        ("", member_id),
    ):
        refused = await stack.client.get("/v1/me/activity", params={"cursor": tampered}, headers=stack.member(token))
        assert (refused.status_code, refused.json()["code"]) == (400, "cursor_invalid"), tampered


async def test_an_unknown_member_is_not_found(stack: Stack) -> None:
    nobody = "mbr_01jd3q5v8k4m6n7p8q9r0s1t2v"
    for path in ("/v1/me", "/v1/me/activity", "/v1/benefits", "/v1/entitlements", "/v1/consents", "/v1/tier-matches"):
        answer = await stack.client.get(path, headers=stack.member(nobody))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert (await stack.earn(nobody, 1_000)).status_code == 404


async def test_an_activity_of_the_future_breaks_a_rule(stack: Stack) -> None:
    member_id = await stack.add_member()
    body = car(1_000) | {"occurred_at": "2026-11-23T08:00:00Z"}
    answer = await stack.client.post(
        f"/v1/members/{member_id}/accruals", json=body, headers=stack.crm | {"Idempotency-Key": "k"}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"detail": "The activity lies in the future.", "pointer": "#/occurred_at"}]
