"""GET /v1/redemptions, /v1/itineraries, /v1/conversions and /v1/me/activity: pages by cursor, newest first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.journey.house import AIRLINE, House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def pages(member: Member, path: str, limit: int) -> list[list[dict[str, Any]]]:
    found, cursor = [], None
    for _ in range(20):
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = (await member.get(path, params=query)).json()
        found.append(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


async def test_pages_hold_every_redemption_once_newest_first(liu: Member) -> None:
    made = [(await liu.captured(await liu.lounge()))["id"] for _ in range(5)]
    found = await pages(liu, "/v1/redemptions", 2)
    assert [len(page) for page in found] == [2, 2, 1]
    assert [one["id"] for page in found for one in page] == made[::-1]
    assert all(one["voucher"]["state"] == "issued" for page in found for one in page)


async def test_one_made_between_two_pages_moves_nothing(liu: Member) -> None:
    made = [(await liu.captured(await liu.lounge()))["id"] for _ in range(3)]
    first = (await liu.get("/v1/redemptions", params={"limit": 2})).json()
    await liu.captured(await liu.lounge())
    second = (await liu.get("/v1/redemptions", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [one["id"] for one in second["items"]] == made[:1]


@pytest.mark.parametrize("path", ["/v1/redemptions", "/v1/itineraries", "/v1/conversions", "/v1/me/activity"])
async def test_in_11_page_sizes_and_cursors_that_are_none(house: House, path: str) -> None:
    liu = await house.join()
    for limit in ("0", "101", "1000000000", "-1", "two"):
        answer = await liu.get(path, params={"limit": limit})
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), limit
    for cursor in ("x", "AAAA", "é", "A" * 600, "' OR 1=1"):
        answer = await liu.get(path, params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid"), cursor


async def test_in_11_a_cursor_is_good_for_its_own_list_and_member(liu: Member, wang: Member) -> None:
    for member in (liu, wang):
        for _ in range(2):
            await member.captured(await member.lounge())
    cursor = (await liu.get("/v1/redemptions", params={"limit": 1})).json()["next_cursor"]
    tampered = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for member, path, text in (
        (liu, "/v1/redemptions", tampered),
        (wang, "/v1/redemptions", cursor),
        (liu, "/v1/me/activity", cursor),
    ):
        answer = await member.get(path, params={"limit": 1, "cursor": text})
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


async def test_each_list_holds_its_own_kind(house: House, liu: Member) -> None:
    visit = await liu.captured(await liu.lounge())
    quote = (await liu.post("/v1/conversions/quotes", {"partner": AIRLINE, "points": 1_000})).json()
    conversion = (await liu.post("/v1/conversions", {"quote_id": quote["id"]})).json()
    trip = (await liu.post("/v1/itineraries", {"quote_ids": [(await liu.lounge())["id"]]})).json()
    legs = [leg["id"] for leg in trip["legs"]]
    redemptions = (await liu.get("/v1/redemptions")).json()["items"]
    assert [one["id"] for one in redemptions] == [*legs, visit["id"]]
    conversions = (await liu.get("/v1/conversions")).json()["items"]
    assert [one["id"] for one in conversions] == [conversion["id"]]
    itineraries = (await liu.get("/v1/itineraries")).json()["items"]
    assert [one["id"] for one in itineraries] == [trip["id"]]
    assert (await liu.get(f"/v1/redemptions/{conversion['id']}")).status_code == 404
    assert (await liu.get(f"/v1/conversions/{visit['id']}")).status_code == 404
    assert (await liu.get(f"/v1/conversions/{conversion['id']}")).json()["id"] == conversion["id"]


async def test_a_new_member_has_empty_lists(house: House) -> None:
    nobody = await house.join(yuan=0)
    for path in ("/v1/redemptions", "/v1/itineraries", "/v1/conversions", "/v1/me/activity"):
        assert (await nobody.get(path)).json() == {"items": [], "next_cursor": None}
