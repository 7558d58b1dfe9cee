"""AZ-01 to AZ-06: nobody reaches what is another's, adds to a body what is not theirs to say, or skips a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.middleware.authentication import NONE
from tests.api.journey.house import AIRLINE, House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")
SYSTEMS = (
    "/v1/members",
    "/v1/settlement",
    "/v1/frozen-accounts",
    "/v1/partners",
    "/v1/webhooks",
    "/v1/vouchers",
    "/v1/accrual-files",
    "/v1/opening-balances",
    "/v1/manual-cases",
)


async def possessions(member: Member) -> dict[str, str]:
    """Let a member own one of everything that has an id in a member's path, by the parameter's name and path."""
    visit = await member.captured(await member.lounge(days=3))
    quote = (await member.post("/v1/conversions/quotes", {"partner": AIRLINE, "points": 1_000})).json()
    conversion = (await member.post("/v1/conversions", {"quote_id": quote["id"]})).json()
    trip = (await member.post("/v1/itineraries", {"quote_ids": [(await member.lounge())["id"]]})).json()
    return {
        "/v1/redemptions/{redemption_id}": visit["id"],
        "/v1/conversions/{redemption_id}": conversion["id"],
        "/v1/itineraries/{itinerary_id}": trip["id"],
    }


def owned(file: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """List the member's operations that name a thing by an id of ours."""
    for path, item in file["paths"].items():
        if "_id}" in path and "{benefit_id}" not in path and not path.startswith(SYSTEMS):
            for method, operation in item.items():
                assert operation["security"] != [{"access_token": [NONE]}]
                yield method.upper(), path


async def test_az_01_every_id_of_another_member_is_an_unknown_one(house: House, liu: Member, wang: Member) -> None:
    mine = await possessions(liu)
    before = await liu.wallet()
    file = (await house.http.get("/schema/openapi.json")).json()
    tried = 0
    for method, path in owned(file):
        base = next(prefix for prefix in mine if path.startswith(prefix))
        filled = path.replace(base, base.partition("{")[0] + mine[base])
        unknown = path.replace(base, base.partition("{")[0] + mine[base][:-4] + "0000")
        theirs = await wang.call(method, filled)
        nothing = await wang.call(method, unknown)
        assert (theirs.status_code, theirs.json()["code"]) == (404, "not_found"), (method, path)
        shape = {"type", "title", "status", "code"}
        assert {name: theirs.json()[name] for name in shape} == {name: nothing.json()[name] for name in shape}
        assert set(theirs.json()) == set(nothing.json())
        own = await liu.call(method, filled, params={"dry_run": True} if path.endswith("/cancel") else {})
        assert own.status_code in {200, 202}, (method, path, own.text)
        tried += 1
    assert tried >= 5
    assert (await liu.get(f"/v1/redemptions/{mine['/v1/redemptions/{redemption_id}']}")).json()["cancellation"] is None
    assert before == (20_000 - 600 - 600 - 1_000, 1_000)


async def test_az_01_another_members_quote_is_an_unknown_one(liu: Member, wang: Member) -> None:
    quote = await liu.lounge()
    miles = (await liu.post("/v1/conversions/quotes", {"partner": AIRLINE, "points": 1_000})).json()
    for path, body in (
        ("/v1/redemptions", {"quote_id": quote["id"]}),
        ("/v1/conversions", {"quote_id": miles["id"]}),
        ("/v1/itineraries", {"quote_ids": [quote["id"]]}),
    ):
        answer = await wang.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert await wang.wallet() == await liu.wallet() == (20_000, 0)
    assert (await liu.redeem(quote)).status_code == 201


@pytest.mark.parametrize("extra", ["state", "points", "member_id", "is_test", "price", "__proto__", "expires_at"])
async def test_az_03_a_body_says_only_what_it_may(house: House, idle: Member, extra: str) -> None:
    quote = await idle.lounge()
    service = house.visit()
    for path, body in (
        ("/v1/quotes", {"benefit_id": "lounge-visit", "service": service}),
        ("/v1/quotes", {"benefit_id": "lounge-visit", "service": service | {extra: 0}}),
        ("/v1/redemptions", {"quote_id": quote["id"]}),
        ("/v1/itineraries", {"quote_ids": [quote["id"]]}),
        ("/v1/conversions/quotes", {"partner": AIRLINE, "points": 1_000}),
        ("/v1/conversions", {"quote_id": quote["id"]}),
    ):
        if extra not in body:
            answer = await idle.post(path, body | {extra: 0})
            assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), (path, answer.text)
    assert await idle.wallet() == (20_000, 0)


async def test_az_05_a_members_token_opens_no_system_and_no_desk(house: House, liu: Member) -> None:
    for method, path, body in (
        ("PUT", "/v1/members/liu", {}),
        ("POST", f"/v1/members/{liu.id}/accruals", {}),
        ("POST", "/v1/vouchers/verify", {"code": "4C7H-9KPR-3TXW"}),
        ("POST", "/v1/vouchers/consume", {"code": "4C7H-9KPR-3TXW", "location": "T2"}),
        ("GET", "/v1/partners", None),
        ("POST", "/v1/settlement/runs", {}),
    ):
        answer = await liu.call(method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
    desk = await house.desk.post("/v1/redemptions", {"quote_id": "qte_x"})
    assert desk.status_code == 403
    reader = Member(house, liu.id, "redemptions:read benefits:read", "member-app")
    assert (await reader.redeem(await reader.lounge())).status_code == 403


async def test_az_06_steps_cannot_be_skipped(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=3))
    for path, body in (
        (f"/v1/redemptions/{made['quote_id']}/cancel", None),
        (f"/v1/itineraries/{made['id']}/cancel", None),
        (f"/v1/conversions/{made['id']}", None),
    ):
        answer = await liu.call("GET" if "conversions" in path else "POST", path, body)
        assert answer.status_code == 404, path
    by_id = await liu.post("/v1/redemptions", {"quote_id": made["id"]})
    assert by_id.status_code == 404
    assert await liu.wallet() == (19_400, 0)


async def test_az_06_the_voucher_of_an_undone_redemption_opens_no_door(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=3))
    code = made["voucher"]["code"]
    assert (await liu.post(f"/v1/redemptions/{made['id']}/cancel")).status_code == 202
    for path, body in (("verify", {"code": code}), ("consume", {"code": code, "location": "PVG"})):
        answer = await house.desk.post(f"/v1/vouchers/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "voucher_refused")
        assert answer.json()["reason"] == "void"
    assert await liu.wallet() == (20_000, 0)
