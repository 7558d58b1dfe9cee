"""OP-08 as a member sees it: what a later version wrote in words of its own is shown beside all the rest."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from catalogue.tables import benefit_uses, vouchers
from gateway.redemption.tables import quotes
from tests.api.journey.house import House, Member
from tests.support.later import LATER, Writing, any_word, change, kept, widen

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def as_a_later_version(house: House, *writing: Writing) -> None:
    """Write past the constraints, and let them hold again for everybody else."""

    def operation(connection: sa.Connection) -> None:
        any_word(connection, vouchers)
        for write in writing:
            write(connection)
        if connection.dialect.name == "sqlite":
            connection.execute(sa.text("PRAGMA ignore_check_constraints = OFF"))

    await house.gateway.database.write(operation)


async def listed(member: Member, path: str = "/v1/redemptions") -> dict[str, Any]:
    answer = await member.get(path)
    assert answer.status_code == 200, answer.text
    return {one["id"]: one for one in answer.json()["items"]}


async def test_op_08_a_member_sees_all_of_his_and_what_is_not_understood_is_left_alone(
    house: House, liu: Member
) -> None:
    plain, paid, balloon, used = [await liu.captured(await liu.lounge(days=3)) for _ in range(4)]
    await as_a_later_version(
        house,
        change(quotes, paid["quote_id"], pay_with="instalments"),
        change(benefit_uses, paid["id"], pay_with="instalments"),
        widen(quotes, "service", balloon["quote_id"], kind="balloon"),
        lambda c: c.execute(vouchers.update().where(vouchers.c.redemption_id == used["id"]).values(state=LATER)),
    )
    theirs = (paid, balloon)
    before = [await house.gateway.database.read(partial(kept, one["id"])) for one in theirs]
    found = await listed(liu)
    assert {found[one["id"]]["state"] for one in (plain, paid, balloon, used)} == {"captured"}
    assert [found[one["id"]]["pay_with"] for one in (plain, paid, balloon)] == ["points", None, "points"]
    assert [found[one["id"]]["voucher"]["state"] for one in (plain, used)] == ["issued", "unknown"]
    for one in (plain, paid, balloon, used):
        shown = (await liu.get(f"/v1/redemptions/{one['id']}")).json()
        assert (shown["partner_voucher"] is None, shown["unavailable_partners"]) == (one in theirs, [])
        assert {name: shown[name] for name in ("state", "pay_with")} == {
            name: found[one["id"]][name] for name in ("state", "pay_with")
        }
    for one in (paid, balloon, used):
        refused = await liu.post(f"/v1/redemptions/{one['id']}/cancel")
        assert (refused.status_code, "brought up to date" in refused.json()["detail"]) == (409, True)
    assert (await liu.post(f"/v1/redemptions/{plain['id']}/cancel")).json()["cancellation"] == "applied"
    assert [await house.gateway.database.read(partial(kept, one["id"])) for one in theirs] == before
    desk = await house.desk.post("/v1/vouchers/verify", {"code": used["voucher"]["code"]})
    assert (desk.status_code, desk.json()["reason"]) == (422, "not_now")
    assert (await liu.get("/v1/benefits")).status_code == 200
    assert (await liu.redeem(await liu.lounge(days=3))).status_code == 201


async def test_op_08_a_trip_shows_the_leg_that_is_not_understood(house: House, liu: Member) -> None:
    legs = [await liu.lounge(days=days) for days in (1, 2)]
    trip = (await liu.post("/v1/itineraries", {"quote_ids": [leg["id"] for leg in legs]})).json()
    await as_a_later_version(house, widen(quotes, "service", legs[0]["id"], kind="balloon"))
    shown = (await listed(liu, "/v1/itineraries"))[trip["id"]]
    assert (shown["state"], {leg["quote_id"] for leg in shown["legs"]}) == ("confirmed", {leg["id"] for leg in legs})
    cancelled = await liu.post(f"/v1/itineraries/{trip['id']}/cancel")
    assert cancelled.status_code == 202
    after = {leg["quote_id"]: leg for leg in (await liu.get(f"/v1/itineraries/{trip['id']}")).json()["legs"]}
    assert after[legs[0]["id"]]["cancellation"] is None
    assert after[legs[1]["id"]]["cancellation"] is not None
