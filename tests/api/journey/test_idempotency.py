"""ID-01 to ID-12 of the fault catalogue on POST /v1/redemptions: the second copy of a request has no second effect."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.api.journey.house import LOUNGE, House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_id_01_a_repeat_gets_the_same_redemption_and_is_marked(house: House, liu: Member) -> None:
    quote = await liu.lounge()
    first = await liu.redeem(quote, "k")
    reserved = house.simulators[LOUNGE].counts["reserve"]
    again = await liu.redeem(quote, "k")
    assert (again.status_code, again.json()) == (201, first.json())
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert house.simulators[LOUNGE].counts["reserve"] == reserved
    assert await house.entries(first.json()["id"]) == {"hold", "capture"}
    assert await liu.wallet() == (19_400, 0)


async def test_id_01_a_repeat_tells_the_state_of_now_not_of_then(house: House, liu: Member) -> None:
    quote = await liu.lounge()
    house.fault(LOUNGE, "reserve", "commit_then_reset")
    first = await liu.redeem(quote, "k")
    assert (first.status_code, first.json()["state"]) == (202, "unknown")
    await liu.until(f"/v1/redemptions/{first.json()['id']}")
    again = await liu.redeem(quote, "k")
    assert (again.status_code, again.json()["state"]) == (201, "captured")
    assert again.json()["id"] == first.json()["id"]


async def test_id_01_a_repeat_of_a_refused_one_is_the_same_refusal(house: House, liu: Member) -> None:
    quote = await liu.lounge(lounge_id="full-5")
    first, again = await liu.redeem(quote, "k"), await liu.redeem(quote, "k")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (409, "true")
    same = {"code", "title", "detail", "redemption_id", "reason", "status"}
    assert {name: again.json()[name] for name in same} == {name: first.json()[name] for name in same}


async def test_id_02_another_body_under_the_key(liu: Member) -> None:
    quotes = await liu.lounge(), await liu.lounge()
    await liu.redeem(quotes[0], "k")
    answer = await liu.redeem(quotes[1], "k")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await liu.wallet() == (19_400, 0)


async def test_id_03_fifty_at_once_hold_once(house: House, liu: Member) -> None:
    quote = await liu.lounge()
    reserved = house.simulators[LOUNGE].counts["reserve"]
    answers = await asyncio.gather(*(liu.redeem(quote, "k") for _ in range(50)))
    codes = {(answer.status_code, answer.json().get("code")) for answer in answers}
    assert codes <= {(201, None), (202, None), (409, "idempotency_key_in_flight")}
    ids = {answer.json()["id"] for answer in answers if answer.status_code < 300}
    assert len(ids) == 1
    assert (await liu.until(f"/v1/redemptions/{ids.pop()}"))["state"] == "captured"
    assert await liu.wallet() == (19_400, 0)
    assert house.simulators[LOUNGE].counts["reserve"] == reserved + 1
    assert len((await liu.get("/v1/redemptions")).json()["items"]) == 1


async def test_fifty_keys_at_once_use_a_quote_once(house: House, liu: Member) -> None:
    quote = await liu.lounge()
    answers = await asyncio.gather(*(liu.redeem(quote) for _ in range(50)))
    granted = [answer for answer in answers if answer.status_code in {201, 202}]
    assert len(granted) == 1
    assert {answer.json()["code"] for answer in answers if answer not in granted} == {"quote_used"}
    await liu.until(f"/v1/redemptions/{granted[0].json()['id']}")
    assert await liu.wallet() == (19_400, 0)


@pytest.mark.parametrize("key", ["x" * 256, "two words", "\x7f"])
async def test_id_04_what_is_no_key_uses_nothing(liu: Member, key: str) -> None:
    quote = await liu.lounge()
    answer = await liu.redeem(quote, key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert (await liu.redeem(quote)).status_code == 201


async def test_id_05_and_id_11_the_same_key_of_another_member_is_another_key(liu: Member, wang: Member) -> None:
    mine, theirs = await liu.lounge(), await wang.lounge()
    first = await liu.redeem(mine, "shared")
    second = await wang.redeem(theirs, "shared")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]
    probe = await wang.redeem(mine, "shared-2")
    assert probe.status_code == 404
    assert first.json()["id"] not in probe.text


async def test_id_06_the_key_at_another_operation(liu: Member) -> None:
    quote = await liu.lounge()
    made = (await liu.redeem(quote, "k")).json()
    for path, body in (
        ("/v1/conversions", {"quote_id": quote["id"]}),
        ("/v1/itineraries", {"quote_ids": [quote["id"]]}),
        (f"/v1/redemptions/{made['id']}/cancel", None),
        ("/v1/tier-matches", {"partner": "expedia-rapid"}),
    ):
        answer = await liu.post(path, body, key="k")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused"), path
    assert await liu.wallet() == (19_400, 0)


async def test_id_07_the_same_json_written_otherwise_is_the_same_request(house: House, liu: Member) -> None:
    quote = await liu.lounge()
    first = await liu.redeem(quote, "k")
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in quote["id"])
    headers = house.bearer(liu.id, liu.scope, liu.client_id) | {"Content-Type": "application/json"}
    headers |= {"Idempotency-Key": "k"}
    body = f'\n{{ "quote_id" :\t"{escaped}" }}\n'
    assert json.loads(body) == {"quote_id": quote["id"]}
    again = await house.http.post("/v1/redemptions", content=body, headers=headers)
    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (first.json()["id"], "true")


async def test_id_09_a_malformed_request_leaves_the_key_free(liu: Member) -> None:
    quote = await liu.lounge()
    for body in ({}, {"quote_id": 7}, {"quote_id": quote["id"], "points": 1}, {"quote_id": ""}):
        assert (await liu.post("/v1/redemptions", body, key="k")).status_code == 400
    assert (await liu.redeem(quote, "k")).status_code == 201


async def test_id_10_a_refusal_takes_the_key(house: House) -> None:
    poor = await house.join(yuan=5_000)
    quote = await poor.lounge()
    first = await poor.redeem(quote, "k")
    assert first.json()["code"] == "insufficient_funds"
    await house.earn(poor.id, 10_000)
    again = await poor.redeem(quote, "k")
    assert (again.status_code, again.json()["code"]) == (422, "insufficient_funds")
    assert again.headers["idempotent-replayed"] == "true"
    assert (await poor.redeem(quote, "another")).status_code == 201


async def test_id_12_quoted_or_bare_it_is_one_key(liu: Member) -> None:
    quote = await liu.lounge()
    first = await liu.redeem(quote, '"my-key"')
    again = await liu.redeem(quote, "my-key")
    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (first.json()["id"], "true")


async def test_an_unknown_quote_leaves_the_key_free(liu: Member) -> None:
    answer = await liu.post("/v1/redemptions", {"quote_id": "qte_01jd3q5v8k4m6n7p8q9r0s1t2v"}, key="k")
    assert answer.status_code == 404
    assert (await liu.redeem(await liu.lounge(), "k")).status_code == 201
