"""Points into miles: rates, quotes that show the arithmetic, and a partner that settles at night."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.api.journey.house import AIRLINE, House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def quoted(member: Member, points: Any, partner: str = AIRLINE) -> Any:
    return await member.post("/v1/conversions/quotes", {"partner": partner, "points": points})


async def test_the_contract_in_force_is_published(idle: Member) -> None:
    rates = (await idle.get("/v1/conversions/rates")).json()["items"]
    rate = next(one for one in rates if one["partner"] == AIRLINE)
    assert (rate["from_units"], rate["to_units"], rate["minimum"], rate["increment"]) == (5, 4, 1_000, 500)
    assert rate["maximum"] == 300_000
    assert rate["source"]
    only = (await idle.get("/v1/conversions/rates", params={"partner": AIRLINE})).json()["items"]
    assert only == [rate]
    assert (await idle.get("/v1/conversions/rates", params={"partner": "nobody"})).json()["items"] == []


async def test_a_quote_shows_the_arithmetic_and_the_bonus(house: House, idle: Member) -> None:
    quote = (await quoted(idle, 61_000)).json()
    assert (quote["points"], quote["receives"]) == (61_000, 48_800 + 5_000)
    assert quote["to_commodity"] == f"MILES:{AIRLINE}"
    assert any("61000 x 4 / 5" in step for step in quote["steps"])
    assert await idle.wallet() == (20_000, 0)


@pytest.mark.parametrize(
    ("points", "reason", "nearest", "nearest_to"),
    [
        (999, "below_minimum", 1_000, 800),
        (1, "below_minimum", 1_000, 800),
        (1_250, "off_increment", 1_000, 800),
        (300_001, "above_maximum", 300_000, 265_000),
    ],
)
async def test_a_quantity_that_is_not_converted_names_the_nearest(
    idle: Member, points: int, reason: str, nearest: int, nearest_to: int
) -> None:
    answer = await quoted(idle, points)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["reason"]) == (422, "conversion_refused", reason)
    assert (problem["nearest"], problem["nearest_to"]) == (nearest, nearest_to)
    assert str(nearest) in problem["detail"]


@pytest.mark.parametrize("points", [0, -500, 10**12, "1000", 1_000.0, True, None])
async def test_what_is_no_quantity_is_malformed(idle: Member, points: Any) -> None:
    answer = await quoted(idle, points)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_an_unknown_partner_and_one_that_converts_nothing(idle: Member) -> None:
    assert (await quoted(idle, 1_000, "nobody")).status_code == 404
    answer = await quoted(idle, 1_000, "skyhub-lounge")
    assert (answer.status_code, answer.json()["reason"]) == (422, "no_contract")


async def test_accepted_at_once_and_captured_after_the_night(house: House, liu: Member) -> None:
    quote = (await quoted(liu, 2_000)).json()
    answer = await liu.post("/v1/conversions", {"quote_id": quote["id"]})
    queued = answer.json()
    assert (answer.status_code, queued["state"], queued["points"]) == (202, "accepted", 2_000)
    assert await liu.wallet() == (18_000, 2_000), "held until the airline has posted it"
    path = f"/v1/conversions/{queued['id']}"
    assert (await liu.get(path)).json()["state"] == "accepted"
    async with house.partner(AIRLINE) as airline:
        settled = await airline.post("/_simulator/night", json={"business_date": house.today.isoformat()})
    assert settled.json()["settled"] >= 1
    credited = await liu.until(path)
    assert credited["state"] == "captured"
    assert await liu.wallet() == (18_000, 0)
    assert await house.entries(queued["id"]) == {"hold", "capture"}
    assert await house.lines(queued["id"]) == {"benefit"}


async def test_an_account_that_the_airline_does_not_know_is_refused_and_given_back(house: House, liu: Member) -> None:
    link = {"account_number": f"8812{house.clock.now().microsecond:06d}0000"}
    consent = f"/v1/consents/{AIRLINE}/mileage_credit"
    await liu.put(consent, {"granted": False})
    assert (await liu.put(f"/v1/partner-links/{AIRLINE}", link)).json()["verified_at"] is None, "nobody was asked"
    await liu.put(consent, {"granted": True})
    quote = (await quoted(liu, 1_000)).json()
    answer = await liu.post("/v1/conversions", {"quote_id": quote["id"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "partner_refused")
    assert await liu.wallet() == (20_000, 0)
    shown = (await liu.get(f"/v1/conversions/{answer.json()['redemption_id']}")).json()
    assert shown["state"] == "voided"


async def test_a_member_without_an_account_is_told_to_link_one(house: House) -> None:
    answer = await house.crm.put("/v1/members/crm-unlinked", {})
    unlinked = Member(house, answer.json()["id"], (await house.join(yuan=0)).scope, "member-app")
    answer = await quoted(unlinked, 1_000)
    assert (answer.status_code, answer.json()["code"]) == (422, "rule")
    assert "link" in answer.json()["detail"]


async def test_not_enough_points_to_convert(house: House) -> None:
    poor = await house.join(yuan=9_000)
    quote = (await quoted(poor, 1_000)).json()
    answer = await poor.post("/v1/conversions", {"quote_id": quote["id"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "insufficient_funds")
    assert await poor.wallet() == (900, 0)


async def test_the_same_conversion_under_the_same_key_is_one(house: House, liu: Member) -> None:
    quote = (await quoted(liu, 1_000)).json()
    first = await liu.post("/v1/conversions", {"quote_id": quote["id"]}, key="miles")
    again = await liu.post("/v1/conversions", {"quote_id": quote["id"]}, key="miles")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["idempotent-replayed"] == "true"
    assert await liu.wallet() == (19_000, 1_000)


async def test_a_conversion_is_taken_back_at_the_airline_while_its_contract_allows_it(
    house: House, liu: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = house.gateway.catalogue
    contracts = tuple(msgspec.structs.replace(one, reversible_hours=2) for one in known.conversions)
    changed = msgspec.structs.replace(known, conversions=contracts)
    quote = (await quoted(liu, 2_000)).json()
    made = (await liu.post("/v1/conversions", {"quote_id": quote["id"]})).json()
    async with house.partner(AIRLINE) as airline:
        await airline.post("/_simulator/night", json={"business_date": house.today.isoformat()})
    assert (await liu.until(f"/v1/conversions/{made['id']}"))["state"] == "captured"
    cancel = f"/v1/conversions/{made['id']}/cancel"
    final = await liu.post(cancel)
    assert (final.status_code, final.json()["detail"]) == (
        409,
        "A conversion cannot be taken back once it is credited.",
    )
    monkeypatch.setattr(type(house.gateway), "catalogue", property(lambda _: changed))
    assert (await liu.post(cancel)).status_code == 202
    assert await house.entries(made["id"]) >= {"hold", "capture", "reverse:1"}
    assert await liu.wallet() == (20_000, 0)
    (order,) = (one for one in house.simulators[AIRLINE].book.rows("orders") if made["id"].endswith(one.key[-20:]))
    assert order.status == "reversed"
