"""The partner's own voucher beside ours: shown when there, missed when its partner is silent, gone when cancelled."""

from __future__ import annotations

import pytest

from tests.api.journey.house import House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOUNGE = "skyhub-lounge"


async def test_a_captured_visit_shows_both_vouchers_to_its_member(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=3))
    shown = (await liu.get(f"/v1/redemptions/{made['id']}")).json()
    theirs = shown["partner_voucher"]
    assert (theirs["symbology"], theirs["code"][:1], shown["unavailable_partners"]) == ("qr", "V", [])
    assert theirs["valid_from_at"] < theirs["valid_to_at"]
    assert theirs["code"] != shown["voucher"]["code"]


@pytest.mark.parametrize("mode", ["commit_then_hang", "html_200", "wrong_echo", "reset"])
async def test_a_partner_that_is_silent_is_named_and_the_rest_is_shown(house: House, liu: Member, mode: str) -> None:
    made = await liu.captured(await liu.lounge(days=3))
    house.fault(LOUNGE, "fetch_voucher", mode, times=4, seconds=4.0)
    shown = (await liu.get(f"/v1/redemptions/{made['id']}")).json()
    house.simulators[LOUNGE].faults.clear()
    assert (shown["state"], shown["partner_voucher"]) == ("captured", None)
    assert [one["partner"] for one in shown["unavailable_partners"]] == [LOUNGE]
    assert shown["voucher"] == made["voucher"]


async def test_a_cancelled_visit_has_no_voucher_of_the_partner(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=3))
    assert (await liu.post(f"/v1/redemptions/{made['id']}/cancel")).status_code == 202
    shown = (await liu.get(f"/v1/redemptions/{made['id']}")).json()
    assert (shown["partner_voucher"], shown["unavailable_partners"]) == (None, [])
