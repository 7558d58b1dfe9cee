"""Cancelling: first shown, then done once, by the benefit's rule, and never after the benefit was used."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.api.journey.house import HOTEL, LOUNGE, House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def cancel(member: Member, redemption_id: str, key: str | None = None, **query: Any) -> Any:
    return await member.post(f"/v1/redemptions/{redemption_id}/cancel", key=key, params=query)


async def test_a_dry_run_shows_the_refund_and_changes_nothing(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=3))
    answer = await cancel(liu, made["id"], dry_run=True)
    assert answer.status_code in {200, 202}
    shown = answer.json()
    assert (shown["redemption_id"], shown["points_back"], shown["dry_run"]) == (made["id"], 600, True)
    assert await liu.wallet() == (19_400, 0)
    after = (await liu.get(f"/v1/redemptions/{made['id']}")).json()
    assert (after["state"], after["voucher"]["state"], after["cancellation"]) == ("captured", "issued", None)
    assert house.granted(LOUNGE, made["partner_reference"])


async def test_a_cancelled_visit_returns_points_ends_the_voucher_and_tells_the_partner(
    house: House, liu: Member
) -> None:
    made = await liu.captured(await liu.lounge(days=3))
    answer = await cancel(liu, made["id"])
    assert (answer.status_code, answer.json()["points_back"]) == (202, 600)
    assert answer.json()["cancellation"] == "applied"
    assert await liu.wallet() == (20_000, 0)
    assert await house.entries(made["id"]) == {"hold", "capture", "reverse:1", "refund:1"}
    assert await house.lines(made["id"]) == {"benefit", "refund:1"}
    after = (await liu.get(f"/v1/redemptions/{made['id']}")).json()
    assert after["voucher"]["state"] == "void"
    assert (after["cancellation"]["state"], after["cancellation"]["points_back"]) == ("applied", 600)
    assert not house.granted(LOUNGE, made["partner_reference"])


async def test_a_cancelled_stay_is_cancelled_at_the_hotel(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.quote("hotel-upgrade", house.stay()))
    assert (await cancel(liu, made["id"])).json()["points_back"] == made["points"]
    assert await liu.wallet() == (20_000, 0)
    assert not house.granted(HOTEL, made["partner_reference"])


async def test_a_late_cancellation_gives_back_what_the_rule_says(house: House, liu: Member) -> None:
    quote = await liu.quote("hotel-upgrade", house.stay(days=1))
    made = await liu.captured(quote)
    assert (await cancel(liu, made["id"], dry_run=True)).json()["points_back"] == quote["points"] // 2
    assert (await cancel(liu, made["id"])).json()["points_back"] == quote["points"] // 2
    assert await liu.wallet() == (20_000 - quote["points"] + quote["points"] // 2, 0)


async def test_a_stay_paid_at_the_hotel_is_cancelled_though_no_points_return(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.quote("hotel-stay", house.stay(), "at_partner"))
    answer = await cancel(liu, made["id"])
    assert (answer.status_code, answer.json()["points_back"]) == (202, 0)
    assert not house.granted(HOTEL, made["partner_reference"])


async def test_what_cannot_be_cancelled_any_more_stays(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.quote("lounge-for-parts", house.visit()))
    shown = (await cancel(liu, made["id"], dry_run=True)).json()
    assert shown["points_back"] == 0
    answer = await cancel(liu, made["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert await liu.wallet() == (19_700, 0)
    assert house.granted(LOUNGE, made["partner_reference"])


async def test_a_second_cancellation_is_refused_and_a_repeat_replayed(liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=3))
    first = await cancel(liu, made["id"], key="cancel-it")
    again = await cancel(liu, made["id"], key="cancel-it")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = await cancel(liu, made["id"])
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert await liu.wallet() == (20_000, 0)


async def test_twenty_cancellations_at_once_return_the_points_once(liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=3))
    answers = await asyncio.gather(*(cancel(liu, made["id"]) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 19
    await liu.until_wallet(20_000)


async def test_a_key_that_cancelled_one_cancels_no_other(liu: Member) -> None:
    first = await liu.captured(await liu.lounge(days=3))
    second = await liu.captured(await liu.lounge(days=3))
    await cancel(liu, first["id"], key="one-key")
    answer = await cancel(liu, second["id"], key="one-key")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await liu.wallet() == (19_400, 0)


async def test_a_visit_that_took_place_cannot_be_cancelled(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=3))
    used = await house.desk.post("/v1/vouchers/consume", {"code": made["voucher"]["code"], "location": "PVG T2"})
    assert used.status_code == 200, used.text
    shown = await cancel(liu, made["id"], dry_run=True)
    assert shown.json()["points_back"] == 0
    answer = await cancel(liu, made["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "used" in answer.json()["detail"]
    assert await liu.wallet() == (19_400, 0)
    assert house.granted(LOUNGE, made["partner_reference"])


async def test_of_a_use_and_a_cancellation_at_once_one_wins(house: House, liu: Member) -> None:
    made = [await liu.captured(await liu.lounge("entitlement", days=3)) for _ in range(4)]

    async def race(one: dict[str, Any]) -> tuple[int, int]:
        use = house.desk.post("/v1/vouchers/consume", {"code": one["voucher"]["code"], "location": "PVG"})
        used, cancelled = await asyncio.gather(use, cancel(liu, one["id"]))
        return used.status_code, cancelled.status_code

    outcomes = await asyncio.gather(*map(race, made))
    assert set(outcomes) <= {(200, 409), (422, 202)}, outcomes
    await liu.until_visits(used=outcomes.count((200, 409)))


async def test_a_voucher_is_no_good_while_its_cancellation_is_under_way(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=3))
    house.fault(LOUNGE, "fence", "commit_then_reset")
    house.fault(LOUNGE, "look_up", "error_500_before", times=3)
    asked = await cancel(liu, made["id"])
    assert (asked.status_code, asked.json()["cancellation"]) == (202, "unknown")
    use = {"code": made["voucher"]["code"], "location": "PVG T2"}
    refused = await house.desk.post("/v1/vouchers/consume", use)
    assert (refused.status_code, refused.json()["code"]) == (422, "voucher_refused")
    await liu.until_wallet(20_000)
    assert (await house.desk.post("/v1/vouchers/consume", use)).json()["reason"] == "void"


async def test_az_06_a_voided_redemption_has_nothing_to_cancel(liu: Member) -> None:
    refused = await liu.redeem(await liu.lounge(lounge_id="full-2"))
    answer = await cancel(liu, refused.json()["redemption_id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert await liu.wallet() == (20_000, 0)


async def test_an_undecided_redemption_is_withdrawn_and_ends_without_effect(house: House, liu: Member) -> None:
    house.fault(LOUNGE, "reserve", "commit_then_reset")
    house.fault(LOUNGE, "look_up", "error_500_before", times=3)
    waiting = (await liu.redeem(await liu.lounge())).json()
    assert waiting["state"] == "unknown"
    answer = await cancel(liu, waiting["id"])
    assert (answer.status_code, answer.json()["points_back"]) == (202, 600)
    ended = await liu.until(f"/v1/redemptions/{waiting['id']}")
    assert ended["state"] == "voided"
    assert await liu.wallet() == (20_000, 0)
    assert await house.entries(waiting["id"]) == {"hold", "void"}


async def test_of_an_undecided_one_the_least_that_comes_back_is_told(house: House, liu: Member) -> None:
    """By the rule nothing comes back on the day itself; all of it does when it turns out not to be granted."""
    house.fault(LOUNGE, "reserve", "reset")
    house.fault(LOUNGE, "look_up", "error_500_before", times=3)
    waiting = (await liu.redeem(await liu.lounge(days=0))).json()
    assert waiting["state"] == "unknown"
    shown = (await cancel(liu, waiting["id"], dry_run=True)).json()
    assert (shown["points_back"], shown["obstacle"]) == (0, None)
    assert (await cancel(liu, waiting["id"])).status_code == 202
    assert (await liu.until(f"/v1/redemptions/{waiting['id']}"))["state"] == "voided"
    assert await liu.wallet() == (20_000, 0)


async def test_one_that_is_cancelled_during_the_call_is_told_as_it_stands(
    house: House, liu: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter: Any = house.gateway.partners[LOUNGE].adapter
    reserve, reserved, cancelled = adapter.run_step, asyncio.Event(), asyncio.Event()

    async def slowly(*given: Any) -> Any:
        answer = await reserve(*given)
        reserved.set()
        await cancelled.wait()
        return answer

    monkeypatch.setattr(adapter, "run_step", slowly)
    redeeming = asyncio.create_task(liu.redeem(await liu.lounge(days=3)))
    await reserved.wait()
    found = (await liu.get("/v1/redemptions")).json()["items"]
    assert (await cancel(liu, found[0]["id"])).status_code == 202
    cancelled.set()
    told = (await redeeming).json()
    assert (told["id"], told["state"]) == (found[0]["id"], "captured")
    assert told["cancellation"] is not None
    await liu.until_wallet(20_000)


async def test_a_visit_by_entitlement_gives_the_use_back(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge("entitlement", days=3))
    answer = await cancel(liu, made["id"])
    assert (answer.status_code, answer.json()["points_back"], answer.json()["uses_back"]) == (202, 0, 1)
    assert await liu.visits() == {"total": 6, "used": 0, "pending": 0, "remaining": 6}


async def test_a_refused_cancellation_moves_nothing(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.lounge(days=3))
    desk = house.simulators[LOUNGE]
    reported = {"reference": made["partner_reference"], "guests": 0}
    book_before = desk.counts["fence"]
    async with house.partner(LOUNGE) as partner:
        assert (await partner.post("/_simulator/visits", json=reported)).status_code == 200
    answer = await cancel(liu, made["id"])
    assert desk.counts["fence"] == book_before + 1
    assert (answer.status_code, answer.json()["cancellation"]) == (202, "refused")
    assert await liu.wallet() == (19_400, 0)
    after = (await liu.get(f"/v1/redemptions/{made['id']}")).json()
    assert (after["voucher"]["state"], after["cancellation"]["state"]) == ("issued", "refused")
    again = await cancel(liu, made["id"], "asked-again")
    assert (again.status_code, again.json()["cancellation"]) == (202, "refused")
    assert desk.counts["fence"] == book_before + 2


async def test_the_rule_counts_from_the_day_of_the_service(house: House, liu: Member) -> None:
    """Free until two hours before the day begins, as the hour of a visit is not known."""
    made = await liu.captured(await liu.lounge(days=0))
    day_begins = house.clock.now() - timedelta(hours=1)
    assert day_begins < house.clock.now()
    assert (await cancel(liu, made["id"], dry_run=True)).json()["points_back"] == 0
