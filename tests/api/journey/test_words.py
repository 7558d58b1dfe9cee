"""What a person reads when something is refused: a sentence that says what is wrong, and no name of our insides."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.api.journey.house import HOTEL, House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")
INSIDE = re.compile(r"Error|Traceback|sqlalchemy|\bPTS\b|mbr_|/available|None|NoneType|<class|\{|\}|_id\b|settlement\.")


async def refusals(house: House, liu: Member) -> list[tuple[str, Any]]:
    """Be refused in every way of the journey that a member meets."""
    poor = await house.join(yuan=5_000)
    used = await liu.lounge()
    made = await liu.captured(used)
    fixed = await liu.captured(await liu.quote("lounge-for-parts", house.visit()))
    await liu.put(f"/v1/consents/{HOTEL}/booking", {"granted": False})
    stay = {"benefit_id": "hotel-stay", "service": house.stay()}
    key = {"key": "words"}
    await liu.redeem(await liu.lounge(), "words")
    return [
        ("poor", await poor.redeem(await poor.lounge())),
        ("used", await liu.redeem(used)),
        ("sold out", await liu.redeem(await liu.lounge(lounge_id="full-6"))),
        ("no consent", await liu.post("/v1/quotes", stay)),
        ("unknown benefit", await liu.post("/v1/quotes", {"benefit_id": "free-car", "service": house.visit()})),
        ("wrong kind", await liu.post("/v1/quotes", {"benefit_id": "hotel-stay", "service": house.visit()})),
        ("unknown quote", await liu.post("/v1/redemptions", {"quote_id": "qte_x"})),
        ("not cancellable", await liu.post(f"/v1/redemptions/{fixed['id']}/cancel")),
        ("unknown redemption", await liu.get("/v1/redemptions/rdm_x")),
        ("key reused", await liu.redeem(await liu.lounge(), **key)),
        ("below minimum", await liu.post("/v1/conversions/quotes", {"partner": "skyward-miles", "points": 10})),
        ("malformed", await liu.post("/v1/redemptions", {"quote": made["quote_id"]})),
        ("no leg", await liu.post("/v1/itineraries", {"quote_ids": []})),
        ("no cursor", await liu.get("/v1/redemptions", params={"cursor": "x"})),
    ]


async def test_every_refusal_is_a_problem_that_a_person_can_act_on(house: House, liu: Member) -> None:
    for name, answer in await refusals(house, liu):
        assert 400 <= answer.status_code < 500, (name, answer.text)
        assert answer.headers["content-type"] == "application/problem+json", name
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert problem["type"].endswith(problem["code"])
        detail = problem["detail"]
        assert detail[0].isupper() or detail[0].isdigit() or detail[0] == "'", (name, detail)
        assert detail.endswith("."), (name, detail)
        assert len(detail.split()) >= 4, (name, detail)
        assert not INSIDE.search(detail), (name, detail)
        assert problem["title"] != detail, name
