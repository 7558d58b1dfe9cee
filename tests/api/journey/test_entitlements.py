"""Rights to uses through a redemption's life: used, pending and remaining are exact at every moment."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.journey.house import LOUNGE, House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_use_is_pending_while_undecided_and_used_when_captured(house: House, liu: Member) -> None:
    assert await liu.visits() == {"total": 6, "used": 0, "pending": 0, "remaining": 6}
    house.fault(LOUNGE, "reserve", "commit_then_reset")
    house.fault(LOUNGE, "look_up", "error_500_before", times=2)
    answer = await liu.redeem(await liu.lounge("entitlement", guests=1))
    assert answer.status_code == 202
    assert await liu.visits() == {"total": 6, "used": 0, "pending": 1, "remaining": 5}
    done = await liu.until(f"/v1/redemptions/{answer.json()['id']}")
    assert (done["state"], done["points"]) == ("captured", 0)
    assert await liu.visits() == {"total": 6, "used": 1, "pending": 0, "remaining": 5}
    assert await liu.wallet() == (20_000, 0)


async def test_a_refused_use_comes_back(liu: Member) -> None:
    answer = await liu.redeem(await liu.lounge("entitlement", lounge_id="full-4"))
    assert answer.status_code == 409
    assert await liu.visits() == {"total": 6, "used": 0, "pending": 0, "remaining": 6}


async def test_of_seven_at_once_six_are_granted(liu: Member) -> None:
    quotes = [await liu.lounge("entitlement") for _ in range(7)]
    answers = await asyncio.gather(*(liu.redeem(quote) for quote in quotes))
    assert sorted(answer.status_code for answer in answers) == [201] * 6 + [422]
    refused = next(answer.json() for answer in answers if answer.status_code == 422)
    assert refused["code"] == "entitlement_exhausted"
    assert await liu.visits() == {"total": 6, "used": 6, "pending": 0, "remaining": 0}


async def test_next_years_visits_are_not_taken_from_this_years(house: House, liu: Member) -> None:
    made = await liu.redeem(await liu.lounge("entitlement", days=60))
    assert made.status_code == 201, made.text
    assert await liu.visits() == {"total": 6, "used": 0, "pending": 0, "remaining": 6}
