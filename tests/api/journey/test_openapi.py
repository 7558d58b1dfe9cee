"""What the OpenAPI file says of the journey is what the application does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.journey.house import House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")
VALUE_MOVING = ("/v1/redemptions", "/v1/itineraries", "/v1/conversions")


async def described(house: House) -> dict[str, Any]:
    return dict((await house.http.get("/schema/openapi.json")).json())


@pytest.mark.parametrize("path", VALUE_MOVING)
async def test_both_ways_of_success_are_declared_with_the_same_body(house: House, path: str) -> None:
    responses = (await described(house))["paths"][path]["post"]["responses"]
    assert {status for status in responses if status < "300"} == {"201", "202"}
    assert responses["201"]["content"] == responses["202"]["content"]
    assert responses["201"]["description"] != responses["202"]["description"]
    for status in ("201", "202"):
        assert responses[status]["headers"]["Idempotent-Replayed"]["schema"]["type"] == "string"
    assert {"400", "401", "403", "404", "409", "422", "503"} <= set(responses)


@pytest.mark.parametrize("path", ["/v1/redemptions/{redemption_id}/cancel", "/v1/itineraries/{itinerary_id}/cancel"])
async def test_cancelling_is_described(house: House, path: str) -> None:
    operation = (await described(house))["paths"][path]["post"]
    names = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert names["Idempotency-Key"]["required"] is True
    if "redemption_id" in path:
        assert names["dry_run"]["description"]
        assert not names["dry_run"].get("required")
    assert {"202", "404", "409", "422"} <= set(operation["responses"])


async def test_the_bodies_have_examples_that_the_parser_takes(house: House, liu: Member) -> None:
    file = await described(house)
    for path in (*VALUE_MOVING, "/v1/quotes", "/v1/conversions/quotes"):
        content = file["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        examples = [one["value"] for one in content["examples"].values()]
        assert examples, path
        for example in examples:
            answer = await liu.post(path, example)
            assert answer.json().get("code") != "malformed", (path, answer.text)


async def test_what_is_answered_has_the_members_that_are_described(house: House, liu: Member) -> None:
    schemas = (await described(house))["components"]["schemas"]
    quote = await liu.lounge(days=3)
    made = await liu.captured(quote)
    cancelled = (await liu.post(f"/v1/redemptions/{made['id']}/cancel")).json()
    for name, found in (
        ("QuoteView", quote),
        ("RedemptionView", made),
        ("VoucherView", made["voucher"]),
        ("CancellationView", cancelled),
    ):
        assert set(schemas[name]["properties"]) == set(found), name


async def test_the_states_that_things_can_have_are_listed(house: House) -> None:
    schemas = (await described(house))["components"]["schemas"]

    def states(name: str) -> set[str]:
        return set(schemas[schemas[name]["properties"]["state"]["$ref"].rpartition("/")[2]]["enum"])

    assert states("RedemptionView") == {
        "held", "submitting", "accepted", "unknown", "cancelling", "manual", "captured", "voided",
    }  # fmt: skip
    assert states("ItineraryView") == {"confirmed", "partly_confirmed", "processing", "undoing", "undone"}
    assert states("VoucherView") == {"issued", "consumed", "expired", "void", "unknown"}
    assert states("CancellationState") == {"requested", "submitting", "unknown", "applied", "refused", "manual"}
