"""The partner's desk: one voucher, consumed once, seen by its own partner only (AZ-02)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from catalogue import voucher_store
from catalogue.voucher_store import NewVoucher
from catalogue.vouchers import RANDOMNESS_BYTES, make_code, show_code
from tests.api.conftest import NOON, Stack

CODE = make_code(b"\x07" * RANDOMNESS_BYTES)


async def issue(stack: Stack, partner: str = "skyhub-lounge") -> str:
    """Issue a voucher and answer its printed code."""
    member_id = await stack.add_member()
    new = NewVoucher(
        id=stack.gateway.identifiers.new("voucher"),
        redemption_id=stack.gateway.identifiers.new("redemption"),
        member_id=member_id,
        partner=partner,
        benefit_id="lounge-visit",
        benefit_version=1,
        code=CODE,
        valid_from_at=NOON - timedelta(hours=1),
        valid_to_at=NOON + timedelta(days=1),
        guests_allowed=1,
    )
    await stack.gateway.database.write(partial(voucher_store.issue_voucher, new=new, at=NOON))
    return show_code(CODE)


def desk(stack: Stack, key: str = "k") -> dict[str, str]:
    return stack.bearer("skyhub-desk", "vouchers:redeem") | {"Idempotency-Key": key}


async def test_verify_then_consume_with_a_guest(stack: Stack) -> None:
    code = await issue(stack)
    typed = code.lower().replace("-", " ")
    seen = await stack.client.post("/v1/vouchers/verify", json={"code": typed}, headers=desk(stack))
    assert (seen.status_code, seen.json()["state"], seen.json()["guests_allowed"]) == (200, "issued", 1)
    assert CODE not in seen.text
    assert "member" not in seen.text
    body = {"code": code, "location": "PVG T2", "guests": 1}
    used = await stack.client.post("/v1/vouchers/consume", json=body, headers=desk(stack))
    assert (used.status_code, used.json()["state"], used.json()["consumed_guests"]) == (200, "consumed", 1)
    replay = await stack.client.post("/v1/vouchers/consume", json=body, headers=desk(stack))
    assert (replay.json(), replay.headers["idempotent-replayed"]) == (used.json(), "true")
    second = await stack.client.post("/v1/vouchers/consume", json=body, headers=desk(stack, "other"))
    assert (second.status_code, second.json()["code"], second.json()["reason"]) == (422, "voucher_refused", "consumed")


async def test_of_twenty_desks_one_consumes(stack: Stack) -> None:
    body = {"code": await issue(stack), "location": "PVG T2"}
    calls = (
        stack.client.post("/v1/vouchers/consume", json=body, headers=desk(stack, f"desk-{number}"))
        for number in range(20)
    )
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*calls))
    assert statuses == [200] + [422] * 19


async def test_az_02_another_partners_voucher_is_an_unknown_one(stack: Stack) -> None:
    code = await issue(stack, partner="expedia-rapid")
    foreign = await stack.client.post("/v1/vouchers/verify", json={"code": code}, headers=desk(stack))
    unknown = await stack.client.post(
        "/v1/vouchers/verify",
        json={"code": make_code(b"\x08" * RANDOMNESS_BYTES)},
        headers=desk(stack) | {"X-Request-Id": foreign.headers["x-request-id"]},
    )
    assert foreign.status_code == 422
    assert foreign.json() == unknown.json()


async def test_an_expired_voucher_and_too_many_guests_are_refused(stack: Stack) -> None:
    body = {"code": await issue(stack), "location": "PVG T2"}
    many = await stack.client.post("/v1/vouchers/consume", json=body | {"guests": 2}, headers=desk(stack, "a"))
    assert many.json()["reason"] == "too_many_guests"
    stack.clock.move(days=1)
    late = await stack.client.post("/v1/vouchers/consume", json=body, headers=desk(stack, "b"))
    assert late.json()["reason"] == "expired"
