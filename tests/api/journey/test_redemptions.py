"""POST /v1/redemptions and reading them: what is answered, and what the ledger and the partner then hold."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.api.journey.house import HOTEL, LOUNGE, House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_lounge_visit_is_captured_with_a_voucher(house: House, liu: Member) -> None:
    quote = await liu.lounge(guests=1)
    assert quote["points"] == 1_200
    answer = await liu.redeem(quote)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["state"], made["points"], made["quote_id"]) == ("captured", 1_200, quote["id"])
    assert made["voucher"]["state"] == "issued"
    assert made["voucher"]["guests_allowed"] == 1
    assert made["next_check_at"] is None
    assert await liu.wallet() == (18_800, 0)
    assert await house.entries(made["id"]) == {"hold", "capture"}
    assert await house.lines(made["id"]) == {"benefit"}
    assert house.granted(LOUNGE, made["partner_reference"])


async def test_a_hotel_upgrade_is_captured_without_a_voucher(house: House, liu: Member) -> None:
    quote = await liu.quote("hotel-upgrade", house.stay())
    made = await liu.captured(quote)
    assert made["voucher"] is None
    assert await liu.wallet() == (20_000 - quote["points"], 0)
    assert await house.entries(made["id"]) == {"hold", "capture"}
    assert house.granted(HOTEL, made["partner_reference"])


async def test_a_stay_paid_at_the_hotel_moves_no_points(house: House, liu: Member) -> None:
    made = await liu.captured(await liu.quote("hotel-stay", house.stay(), "at_partner"))
    assert made["points"] == 0
    assert await liu.wallet() == (20_000, 0)
    assert "hold" not in await house.entries(made["id"])
    assert house.granted(HOTEL, made["partner_reference"])


async def test_the_body_has_what_the_contract_says_and_nothing_internal(liu: Member) -> None:
    made = await liu.captured(await liu.lounge())
    shown = (await liu.get(f"/v1/redemptions/{made['id']}")).json()
    assert set(made) == set(shown)
    inside = {"partner_key", "lease_owner", "version", "carried", "traveller", "member_id", "offer_token"}
    assert not inside & set(shown)
    steps = [(step["event"], step["state"]) for step in shown["history"]]
    assert steps[-2:] == [("submit", "submitting"), ("partner_ok", "captured")]
    asked_for = {"history", "partner_voucher"}
    assert made["partner_voucher"] is None, "the partner is asked when the member looks, not while he redeems"
    assert {name: shown[name] for name in shown if name not in asked_for} == {
        name: made[name] for name in made if name not in asked_for
    }


async def test_a_partner_that_books_and_hangs_is_awaited_then_found_out(
    house: House, liu: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    quote = await liu.lounge()
    impatient = msgspec.structs.replace(house.gateway.settings.redemption, interactive_wait_seconds=0.3)
    settings = msgspec.structs.replace(house.gateway.settings, redemption=impatient)
    monkeypatch.setattr(house.gateway, "settings", settings)
    house.fault(LOUNGE, "reserve", "commit_then_hang")
    answer = await liu.redeem(quote)
    waiting = answer.json()
    assert (answer.status_code, waiting["state"]) == (202, "submitting")
    assert waiting["voucher"] is None
    assert waiting["next_check_at"] is not None
    assert await liu.wallet() == (19_400, 600), "held until it is known"
    done = await liu.until(f"/v1/redemptions/{waiting['id']}")
    assert (done["state"], done["voucher"]["state"]) == ("captured", "issued")
    assert [step["state"] for step in done["history"]].count("unknown") == 1
    assert await liu.wallet() == (19_400, 0)
    assert await house.entries(waiting["id"]) == {"hold", "capture"}
    assert house.granted(LOUNGE, done["partner_reference"])


CALLS = {LOUNGE: ("reserve", "look_up"), HOTEL: ("book", "retrieve")}
"""The call that grants at a partner, and the one that looks it up."""


async def booked_and_lost(house: House, member: Member, partner: str, mode: str) -> None:
    """Let a partner book and its answer be lost: unknown and held, then looked up and captured once."""
    quote = await (member.lounge() if partner == LOUNGE else member.quote("hotel-stay", house.stay()))
    commit, look_up = CALLS[partner]
    before = house.simulators[partner].counts.copy()
    house.fault(partner, commit, mode)
    house.fault(partner, look_up, "error_500_before", times=2)
    answer = await member.redeem(quote)
    lost = answer.json()
    assert (answer.status_code, lost["state"]) == (202, "unknown")
    assert await member.wallet() == (20_000 - quote["points"], quote["points"])
    done = await member.until(f"/v1/redemptions/{lost['id']}")
    steps = [(step["event"], step["state"]) for step in done["history"]]
    assert steps[-3:] == [("submit", "submitting"), ("outcome_lost", "unknown"), ("partner_ok", "captured")]
    counts = house.simulators[partner].counts
    assert (counts[commit] - before[commit], counts[look_up] - before[look_up]) == (1, 3)
    assert house.granted(partner, done["partner_reference"])
    assert await house.entries(lost["id"]) == {"hold", "capture"}
    assert await member.wallet() == (20_000 - quote["points"], 0)


@pytest.mark.parametrize("partner", CALLS)
async def test_nw_05_booked_then_reset_is_unknown_and_captured_once(house: House, liu: Member, partner: str) -> None:
    await booked_and_lost(house, liu, partner, "commit_then_reset")


@pytest.mark.parametrize("partner", CALLS)
async def test_nw_06_booked_then_500_is_unknown_and_captured_once(house: House, liu: Member, partner: str) -> None:
    await booked_and_lost(house, liu, partner, "error_500_after_commit")


async def test_a_definite_no_is_a_409_that_names_the_redemption(house: House, liu: Member) -> None:
    quote = await liu.lounge(lounge_id="full-1")
    answer = await liu.redeem(quote)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["reason"]) == (409, "partner_refused", "sold_out")
    ended = (await liu.get(f"/v1/redemptions/{problem['redemption_id']}")).json()
    assert (ended["state"], ended["voucher"]) == ("voided", None)
    assert await liu.wallet() == (20_000, 0)
    assert await house.entries(ended["id"]) == {"hold", "void"}
    assert await house.lines(ended["id"]) == set()


@pytest.mark.parametrize(("property_id", "reason"), [("90000410", "rooms_unavailable"), ("90000201", "sold_out")])
async def test_a_hotel_that_says_no_gives_everything_back(
    house: House, liu: Member, property_id: str, reason: str
) -> None:
    quote = await liu.quote("hotel-stay", house.stay(property_id=property_id))
    answer = await liu.redeem(quote)
    assert (answer.status_code, answer.json()["reason"]) == (409, reason)
    assert await liu.wallet() == (20_000, 0)


async def test_not_enough_points_is_a_422_and_nothing_is_held(house: House) -> None:
    poor = await house.join(yuan=5_990)
    answer = await poor.redeem(await poor.lounge())
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "insufficient_funds")
    assert await poor.wallet() == (599, 0)
    assert (await poor.get("/v1/redemptions")).json()["items"] == []


async def test_a_quote_is_used_once(liu: Member) -> None:
    quote = await liu.lounge()
    await liu.captured(quote)
    answer = await liu.redeem(quote)
    assert (answer.status_code, answer.json()["code"]) == (422, "quote_used")
    assert await liu.wallet() == (19_400, 0)


async def test_an_expired_quote_is_refused(house: House, liu: Member) -> None:
    quote = await liu.lounge()
    house.clock.jump(minutes=16)
    answer = await liu.redeem(quote)
    assert (answer.status_code, answer.json()["code"]) == (422, "quote_expired")
    assert await liu.wallet() == (20_000, 0)


async def test_a_quote_of_a_conversion_is_none_of_a_benefit_and_the_reverse(liu: Member) -> None:
    conversion = (await liu.post("/v1/conversions/quotes", {"partner": "skyward-miles", "points": 1_000})).json()
    assert (await liu.redeem(conversion)).status_code == 404
    benefit = await liu.lounge()
    answer = await liu.post("/v1/conversions", {"quote_id": benefit["id"]})
    assert answer.status_code == 404
    assert await liu.wallet() == (20_000, 0)


async def test_consent_withdrawn_after_the_quote_stops_the_booking(house: House, liu: Member) -> None:
    quote = await liu.quote("hotel-stay", house.stay())
    await liu.put(f"/v1/consents/{HOTEL}/booking", {"granted": False})
    booked = house.simulators[HOTEL].counts["book"]
    answer = await liu.redeem(quote)
    assert (answer.status_code, answer.json()["code"]) == (422, "not_eligible")
    assert answer.json()["reasons"] == "consent_missing"
    assert house.simulators[HOTEL].counts["book"] == booked
    assert await liu.wallet() == (20_000, 0)


async def test_two_at_once_for_the_last_points_cannot_both_have_them(house: House) -> None:
    poor = await house.join(yuan=9_000)
    quotes = [await poor.lounge(), await poor.lounge()]
    answers = await asyncio.gather(*(poor.redeem(quote) for quote in quotes))
    assert sorted(answer.status_code for answer in answers) == [201, 422]
    assert await poor.wallet() == (300, 0)


async def test_an_unknown_redemption_is_not_found(liu: Member) -> None:
    answer = await liu.get("/v1/redemptions/rdm_01jd3q5v8k4m6n7p8q9r0s1t2v")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
