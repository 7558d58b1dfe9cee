"""A member's account at a partner that validates members and reports tiers, through the running gateway."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

import pytest

from catalogue import match_store
from gateway.services.reported_status import NOT_CONFIRMED, OTHERWISE
from tests.api.journey.house import AIRLINE, House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINK = f"/v1/partner-links/{AIRLINE}"


def number(ending: str) -> str:
    return f"77{uuid4().int % 10**8:08d}{ending}"


async def test_an_account_that_the_partner_confirms_is_taken_as_verified(house: House, liu: Member) -> None:
    link = {"account_number": number("4455"), "factors": [{"name": "password", "value": "open-sesame"}]}
    put = await liu.put(LINK, link)
    assert put.status_code == 200
    assert put.json()["verified_at"] is not None
    (listed,) = (await liu.get("/v1/partner-links")).json()["items"]
    assert listed == {**put.json(), "state": "entered", "linked_at": None, "ends_at": None}
    assert (await liu.get("/v1/me")).json()["links"] == [put.json()]


async def test_a_definite_no_refuses_the_account_and_leaves_the_one_before(house: House, liu: Member) -> None:
    before = (await liu.get("/v1/partner-links")).json()
    refused = await liu.put(LINK, {"account_number": number("0000")})
    told = refused.json()
    assert (refused.status_code, told["reason"], told["partner_code"]) == (422, "account_refused", "UNKNOWN_MEMBER")
    assert (await liu.get("/v1/partner-links")).json() == before


async def test_without_consent_nobody_is_asked(house: House, liu: Member) -> None:
    await liu.put(f"/v1/consents/{AIRLINE}/mileage_credit", {"granted": False})
    put = await liu.put(LINK, {"account_number": number("0000")})
    assert (put.status_code, put.json()["verified_at"]) == (200, None)


@pytest.mark.parametrize("mode", ["commit_then_reset", "html_200", "wrong_echo"])
async def test_without_an_answer_the_account_is_taken_as_not_verified(house: House, liu: Member, mode: str) -> None:
    account = number("4455")
    house.fault(AIRLINE, "validate_member", mode)
    put = await liu.put(LINK, {"account_number": account})
    assert (put.status_code, put.json()["verified_at"]) == (200, None)
    again = await liu.put(LINK, {"account_number": account})
    assert again.json()["verified_at"] is not None


async def test_an_account_of_another_member_is_refused_before_the_partner_is_asked(house: House, liu: Member) -> None:
    (theirs,) = (await (await house.join()).get("/v1/partner-links")).json()["items"]
    house.fault(AIRLINE, "validate_member", "html_200")
    taken = await liu.put(LINK, {"account_number": theirs["account_number"]})
    assert (taken.status_code, taken.json()["reason"]) == (409, "account_taken")
    put = await liu.put(LINK, {"account_number": number("4455")})
    assert put.json()["verified_at"] is None, "the fault that was planned is still there: nobody was asked before"


async def asked_to_match(house: House, member: Member) -> tuple[int, tuple[str, ...]]:
    body = {"partner": AIRLINE, "from_partner": True}
    answer = await member.post("/v1/tier-matches", body)
    assert answer.status_code in (201, 202), answer.text
    (only,) = await house.gateway.database.read(partial(match_store.member_matches, member_id=member.id))
    return answer.status_code, only.signals


async def test_a_tier_match_asks_the_partner_for_the_tier(house: House) -> None:
    liu = await house.join(yuan=0)
    await liu.put(LINK, {"account_number": number("7")})
    _, signals = await asked_to_match(house, liu)
    assert not {OTHERWISE, NOT_CONFIRMED} & set(signals)
    held = (await liu.get("/v1/tier-matches")).json()["items"]
    assert [one["tier"] for one in held if one["programme"] == AIRLINE] == ["gold"], "as the partner reported it"
