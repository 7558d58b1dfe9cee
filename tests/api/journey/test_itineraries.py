"""Trips over several partners: whole or undone, or as much as can be had; and taken back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.journey.house import HOTEL, LOUNGE, House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")
GONE_AT_BOOK = "90000410"
OPEN = {"processing", "undoing"}


async def book(member: Member, *quotes: dict[str, Any], policy: str = "all_or_nothing", key: str | None = None) -> Any:
    body = {"quote_ids": [quote["id"] for quote in quotes], "policy": policy}
    return await member.post("/v1/itineraries", body, key=key)


async def test_a_trip_over_two_partners_is_confirmed_whole(house: House, liu: Member) -> None:
    hotel, lounge = await liu.quote("hotel-upgrade", house.stay()), await liu.lounge()
    answer = await book(liu, hotel, lounge)
    trip = answer.json()
    assert (answer.status_code, trip["state"], trip["policy"]) == (201, "confirmed", "all_or_nothing")
    assert [(leg["partner"], leg["state"]) for leg in trip["legs"]] == [(LOUNGE, "captured"), (HOTEL, "captured")]
    assert trip["legs"][0]["voucher"]["state"] == "issued"
    assert {leg["itinerary_id"] for leg in trip["legs"]} == {trip["id"]}
    assert await liu.wallet() == (20_000 - hotel["points"] - 600, 0)
    assert (await liu.get(f"/v1/itineraries/{trip['id']}")).json() == trip


async def test_a_refused_leg_undoes_the_trip(house: House, liu: Member) -> None:
    hotel = await liu.quote("hotel-stay", house.stay(property_id=GONE_AT_BOOK))
    answer = await book(liu, await liu.lounge(), hotel)
    if answer.status_code == 202:
        trip = await liu.until(f"/v1/itineraries/{answer.json()['id']}", OPEN)
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "partner_refused")
        trip = (await liu.get(f"/v1/itineraries/{answer.json()['itinerary_id']}")).json()
    assert trip["state"] == "undone"
    assert [leg["state"] for leg in trip["legs"]] == ["captured", "voided"]
    assert trip["legs"][0]["cancellation"]["state"] == "applied"
    assert trip["legs"][0]["voucher"]["state"] == "void"
    assert await liu.wallet() == (20_000, 0)
    assert not house.granted(LOUNGE, trip["legs"][0]["partner_reference"])
    assert await house.entries(trip["legs"][0]["id"]) == {"hold", "capture", "reverse:1", "refund:1"}
    assert await house.entries(trip["legs"][1]["id"]) == {"hold", "void"}


async def test_a_refused_first_leg_is_a_409_that_names_the_trip(house: House, liu: Member) -> None:
    booked = house.simulators[HOTEL].counts["book"]
    answer = await book(liu, await liu.quote("hotel-stay", house.stay()), await liu.lounge(lounge_id="full-3"))
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["reason"]) == (409, "partner_refused", "sold_out")
    trip = (await liu.get(f"/v1/itineraries/{problem['itinerary_id']}")).json()
    assert (trip["state"], [leg["state"] for leg in trip["legs"]]) == ("undone", ["voided", "voided"])
    assert problem["redemption_id"] == trip["legs"][0]["id"]
    assert house.simulators[HOTEL].counts["book"] == booked, "the second was never sent"
    assert await liu.wallet() == (20_000, 0)


async def test_best_effort_keeps_what_could_be_had(house: House, liu: Member) -> None:
    hotel = await liu.quote("hotel-stay", house.stay(property_id=GONE_AT_BOOK))
    answer = await book(liu, await liu.lounge(), hotel, policy="best_effort")
    trip = answer.json()
    assert (answer.status_code, trip["state"]) == (201, "partly_confirmed")
    assert [leg["state"] for leg in trip["legs"]] == ["captured", "voided"]
    assert await liu.wallet() == (19_400, 0)


async def test_a_lost_answer_keeps_the_trip_processing_until_it_is_known(house: House, liu: Member) -> None:
    house.fault(LOUNGE, "reserve", "commit_then_reset")
    house.fault(LOUNGE, "look_up", "error_500_before", times=2)
    hotel, lounge = await liu.quote("hotel-upgrade", house.stay()), await liu.lounge()
    answer = await book(liu, hotel, lounge)
    assert (answer.status_code, answer.json()["state"]) == (202, "processing")
    assert [leg["state"] for leg in answer.json()["legs"]] == ["unknown", "held"]
    trip = await liu.until(f"/v1/itineraries/{answer.json()['id']}", OPEN)
    assert trip["state"] == "confirmed"
    assert await liu.wallet() == (20_000 - hotel["points"] - 600, 0)


async def test_if_one_hold_cannot_be_placed_none_is(house: House) -> None:
    poor = await house.join(yuan=9_000)
    answer = await book(poor, await poor.lounge(), await poor.lounge())
    assert (answer.status_code, answer.json()["code"]) == (422, "insufficient_funds")
    assert await poor.wallet() == (900, 0)
    assert (await poor.get("/v1/redemptions")).json()["items"] == []
    assert (await poor.get("/v1/itineraries")).json()["items"] == []


async def test_one_quote_twice_is_refused(liu: Member) -> None:
    quote = await liu.lounge()
    answer = await book(liu, quote, quote)
    assert (answer.status_code, answer.json()["code"]) == (422, "rule")
    assert await liu.wallet() == (20_000, 0)
    assert (await liu.redeem(quote)).status_code == 201, "the quote is still good"


@pytest.mark.parametrize("count", [0, 11])
async def test_one_to_ten_quotes_make_a_trip(idle: Member, count: int) -> None:
    body = {"quote_ids": [f"qte_{number:026d}" for number in range(count)]}
    answer = await idle.post("/v1/itineraries", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert answer.json()["errors"][0]["pointer"] == "#/quote_ids"


async def test_a_quote_that_is_used_or_not_there_stops_the_trip(liu: Member) -> None:
    used, good = await liu.lounge(), await liu.lounge()
    await liu.captured(used)
    answer = await book(liu, good, used)
    assert (answer.status_code, answer.json()["code"]) == (422, "quote_used")
    absent = await book(liu, good, {"id": "qte_01jd3q5v8k4m6n7p8q9r0s1t2v"})
    assert absent.status_code == 404
    assert await liu.wallet() == (19_400, 0)


async def test_a_conversion_is_no_leg(liu: Member) -> None:
    miles = (await liu.post("/v1/conversions/quotes", {"partner": "skyward-miles", "points": 1_000})).json()
    assert (await book(liu, await liu.lounge(), miles)).status_code == 404
    assert await liu.wallet() == (20_000, 0)


async def test_a_cancelled_trip_is_undone_leg_by_leg(house: House, liu: Member) -> None:
    hotel, lounge = await liu.quote("hotel-upgrade", house.stay()), await liu.lounge(days=3)
    trip = (await book(liu, hotel, lounge)).json()
    answer = await liu.post(f"/v1/itineraries/{trip['id']}/cancel", key="cancel-trip")
    assert answer.status_code == 202
    undone = await liu.until(f"/v1/itineraries/{trip['id']}", {"confirmed", *OPEN})
    assert undone["state"] == "undone"
    assert await liu.wallet() == (20_000, 0)
    assert not house.granted(HOTEL, undone["legs"][1]["partner_reference"])
    again = await liu.post(f"/v1/itineraries/{trip['id']}/cancel", key="cancel-trip")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert await liu.wallet() == (20_000, 0)


async def test_cancelling_a_trip_keeps_to_the_rule_of_each_benefit(house: House, liu: Member) -> None:
    upgrade = await liu.quote("hotel-upgrade", house.stay(days=1))
    fixed = await liu.quote("lounge-for-parts", house.visit())
    trip = (await book(liu, upgrade, fixed)).json()
    assert trip["state"] == "confirmed"
    await liu.post(f"/v1/itineraries/{trip['id']}/cancel")
    after = await liu.until(f"/v1/itineraries/{trip['id']}", {"confirmed", *OPEN})
    assert after["state"] == "partly_confirmed", "what cannot be cancelled stands"
    assert await liu.wallet() == (20_000 - 300 - upgrade["points"] + upgrade["points"] // 2, 0)
    assert house.granted(LOUNGE, after["legs"][0]["partner_reference"])


async def test_a_leg_that_was_used_is_not_given_back_with_the_trip(house: House, liu: Member) -> None:
    hotel, lounge = await liu.quote("hotel-upgrade", house.stay()), await liu.lounge(days=3)
    trip = (await book(liu, hotel, lounge)).json()
    code = trip["legs"][0]["voucher"]["code"]
    assert (await house.desk.post("/v1/vouchers/consume", {"code": code, "location": "PVG"})).status_code == 200
    await liu.post(f"/v1/itineraries/{trip['id']}/cancel")
    await liu.until(f"/v1/itineraries/{trip['id']}", {"confirmed", *OPEN})
    assert await liu.wallet() == (19_400, 0)


async def test_the_same_trip_under_the_same_key_is_one_trip(liu: Member) -> None:
    quote = await liu.lounge()
    first = await book(liu, quote, key="trip")
    again = await book(liu, quote, key="trip")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert await liu.wallet() == (19_400, 0)
