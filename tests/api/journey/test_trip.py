"""Transfer, rental car and the second lounge through the whole gateway: granted, lost, taken back, called back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.api.journey.house import House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")

CARS, RIDES, CARDS = "duffel-cars", "amadeus-transfers", "mastercard-airport"


def rental(house: House, **changes: Any) -> dict[str, Any]:
    day = house.today + timedelta(days=30)
    return {
        "kind": "rental",
        "pick_up_station": "PVG",
        "drop_off_station": "SHA",
        "pick_up_at": f"{day}T02:00:00Z",
        "drop_off_at": f"{day + timedelta(days=2)}T02:00:00Z",
        "driver_birth_date": "1988-01-12",
    } | changes


def ride(house: House, minute: int = 30) -> dict[str, Any]:
    at = f"{house.today + timedelta(days=30)}T02:{minute:02d}:00Z"
    return {"kind": "ride", "pick_up": "PVG", "drop_off": "Shanghai, the Bund", "pick_up_at": at}


def visit(house: House, days: int = 1) -> dict[str, Any]:
    day = (house.today + timedelta(days=days)).isoformat()
    return {"kind": "visit", "airport": "PVG", "lounge_id": "PVG1", "visit_date": day, "guests": 1}


@pytest_asyncio.fixture(loop_scope="session")
async def traveller(house: House, liu: Member) -> Member:
    """Mr Liu, who also agrees that these partners are told of him, and links his card."""
    answers = await asyncio.gather(
        liu.put(f"/v1/consents/{CARS}/booking", {"granted": True}),
        liu.put(f"/v1/consents/{RIDES}/booking", {"granted": True}),
        liu.put(f"/v1/consents/{CARDS}/lounge_access", {"granted": True}),
        liu.put(f"/v1/partner-links/{CARDS}", {"account_number": f"u{liu.id[-20:]}-4321"}),
    )
    assert {answer.status_code for answer in answers} <= {200, 204}
    return liu


async def test_a_trip_over_four_partners_is_one_confirmation(house: House, traveller: Member) -> None:
    quotes = [
        await traveller.quote("airport-transfer", ride(house)),
        await traveller.quote("rental-car", rental(house)),
        await traveller.quote("hotel-stay", house.stay(), "at_partner"),
        await traveller.lounge(),
    ]
    body = {"quote_ids": [quote["id"] for quote in quotes], "policy": "all_or_nothing"}
    made = (await traveller.post("/v1/itineraries", body)).json()
    trip = await traveller.until(f"/v1/itineraries/{made['id']}", {"processing", "undoing"})
    assert trip["state"] == "confirmed", trip
    assert [leg["state"] for leg in trip["legs"]] == ["captured"] * 4
    spent = sum(quote["points"] for quote in quotes)
    assert await traveller.wallet() == (20_000 - spent, 0)
    references = {leg["partner"]: leg["partner_reference"] for leg in trip["legs"]}
    booked = [one for one in house.simulators[CARS].book.rows("bookings") if one.id == references[CARS]]
    assert [one.driver["date_of_birth"] for one in booked] == ["1988-01-12"]


async def test_a_card_opens_the_second_lounge_and_our_voucher_says_so(house: House, traveller: Member) -> None:
    quote = await traveller.quote("lounge-card-visit", visit(house))
    assert quote["points"] == 1_400
    made = await traveller.captured(quote)
    assert made["voucher"]["state"] == "issued"
    assert made["partner_reference"].endswith("4321")
    assert house.simulators[CARDS].book.rows("visits") == ()
    assert (await traveller.post(f"/v1/redemptions/{made['id']}/cancel")).status_code in {200, 202}
    await traveller.until_wallet(20_000)


async def test_without_a_linked_card_the_second_lounge_says_so(house: House, liu: Member) -> None:
    body = {"benefit_id": "lounge-card-visit", "service": visit(house), "pay_with": "points"}
    refused = await liu.post("/v1/quotes", body)
    assert refused.status_code in {403, 409, 422}
    assert "linked_account" in refused.text or "not_linked" in refused.text or "account" in refused.text


@pytest.mark.parametrize(
    ("partner", "benefit", "operation"), [(CARS, "rental-car", "book"), (RIDES, "airport-transfer", "book")]
)
async def test_a_lost_answer_goes_to_people_and_nothing_is_sent_twice(
    partner: str, benefit: str, operation: str, house: House, traveller: Member
) -> None:
    service = rental(house) if partner == CARS else ride(house)
    quote = await traveller.quote(benefit, service)
    before = house.simulators[partner].counts[operation]
    house.fault(partner, operation, "commit_then_reset")
    made = (await traveller.redeem(quote)).json()
    ended = await traveller.until(f"/v1/redemptions/{made['id']}")
    assert ended["state"] == "manual"
    assert house.simulators[partner].counts[operation] == before + 1
    assert await traveller.wallet() == (20_000 - quote["points"], quote["points"]), "held until it is decided"


@pytest.mark.parametrize("benefit", ["rental-car", "airport-transfer"])
async def test_what_was_granted_is_cancelled_by_the_partners_reference(
    benefit: str, house: House, traveller: Member
) -> None:
    quote = await traveller.quote(benefit, rental(house) if benefit == "rental-car" else ride(house))
    made = await traveller.captured(quote)
    assert (await traveller.post(f"/v1/redemptions/{made['id']}/cancel")).status_code in {200, 202}
    await traveller.until_wallet(20_000)


async def test_a_refused_ride_gives_everything_back(house: House, traveller: Member) -> None:
    refused = await traveller.redeem(await traveller.quote("airport-transfer", ride(house, minute=45)))
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["reason"]) == (409, "partner_refused", "37576")
    assert await traveller.wallet() == (20_000, 0)


async def test_signed_callbacks_of_the_rental_partner_are_taken_in(house: House, traveller: Member) -> None:
    made = await traveller.captured(await traveller.quote("rental-car", rental(house)))
    sender = house.simulators[CARS].webhooks
    told = [message_id for message_id, body in sender.sent if made["partner_reference"].encode() in body]
    assert len(told) == 1
    for _ in range(200):
        if told[0] in sender.delivered:
            break
        await asyncio.sleep(0.05)
    assert told[0] in sender.delivered
