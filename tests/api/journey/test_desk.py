"""The partner's side: its desk uses a voucher once, its callback tells of the visit, and it sees only its own."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.webhooks import inbox
from settlement.tables import settlement_lines
from tests.api.journey.house import LOUNGE, PATIENCE_SECONDS, House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def line(house: House, key: str) -> Any:
    query = sa.select(settlement_lines).where(settlement_lines.c.line_key == key)
    return await house.gateway.database.read(lambda connection: connection.execute(query).one())


async def until_line(house: House, redemption_id: str, name: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if name in await house.lines(redemption_id):
                return
            await asyncio.sleep(0.1)


async def test_the_code_of_a_captured_visit_is_verified_then_used_with_a_guest(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=0, guests=1))
    code = made["voucher"]["code"].lower()
    shown = (await house.desk.post("/v1/vouchers/verify", {"code": code})).json()
    assert (shown["state"], shown["guests_allowed"], shown["redemption_id"]) == ("issued", 1, made["id"])
    used = await house.desk.post("/v1/vouchers/consume", {"code": code, "location": "PVG T2", "guests": 1})
    assert (used.status_code, used.json()["state"]) == (200, "consumed")
    for answer in (shown, used.json()):
        assert liu.id not in str(answer)
        assert "Liu" not in str(answer)
    seen = (await liu.get(f"/v1/redemptions/{made['id']}")).json()
    assert seen["voucher"]["state"] == "consumed"


async def test_of_twenty_desks_at_once_one_lets_the_member_in(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=0))
    body = {"code": made["voucher"]["code"], "location": "PVG T2"}
    answers = await asyncio.gather(*(house.desk.post("/v1/vouchers/consume", body) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 19
    reasons = {answer.json()["reason"] for answer in answers if answer.status_code == 422}
    assert reasons == {"consumed"}


async def test_too_early_and_too_late_at_the_door(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=1))
    body = {"code": made["voucher"]["code"], "location": "PVG T2"}
    assert (await house.desk.post("/v1/vouchers/verify", {"code": body["code"]})).status_code == 200
    house.clock.jump(days=3)
    late = await house.desk.post("/v1/vouchers/consume", body)
    assert (late.status_code, late.json()["reason"]) == (422, "expired")


async def test_az_02_another_partners_desk_knows_no_such_voucher(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=0))
    body = {"code": made["voucher"]["code"], "location": "PVG T2"}
    stranger = house.system("crm", "vouchers:redeem")
    assert (await stranger.post("/v1/vouchers/consume", body)).status_code == 403
    nothing = await house.desk.post("/v1/vouchers/verify", {"code": "4C7H-9KPR-3TXW"})
    assert nothing.status_code == 422
    assert (await house.desk.post("/v1/vouchers/consume", body)).status_code == 200


async def test_a_reported_visit_with_an_unpaid_guest_is_owed_once(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=0))
    visit = {"reference": made["partner_reference"], "guests": 1}
    async with house.partner(LOUNGE) as partner:
        for _ in range(2):
            assert (await partner.post("/_simulator/visits", json=visit)).status_code == 200
    await until_line(house, made["id"], "guests")
    assert await house.lines(made["id"]) == {"benefit", "guests"}
    owed = await line(house, f"{made['id']}:guests")
    assert (owed.quantity, owed.partner) == (1, LOUNGE)
    assert await house.entries(made["id"]) == {"hold", "capture", "guests"}
    assert await liu.wallet() == (19_400, 0), "the member pays for no guest that the desk let in"


async def test_a_reported_visit_with_a_paid_guest_owes_nothing_more(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=0, guests=1))
    visit = {"reference": made["partner_reference"], "guests": 1}
    looked = house.simulators[LOUNGE].counts["look_up"]
    async with house.partner(LOUNGE) as partner:
        await partner.post("/_simulator/visits", json=visit)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            waiting = await house.gateway.database.read(partial(inbox.due, now=house.clock.now(), limit=50))
            if house.simulators[LOUNGE].counts["look_up"] > looked and not waiting:
                break
            await asyncio.sleep(0.1)
    assert await house.lines(made["id"]) == {"benefit"}
    assert await house.entries(made["id"]) == {"hold", "capture"}
