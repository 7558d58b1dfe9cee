"""Idempotency keys as a caller of the API meets them, on the accruals endpoint."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from settlement.tables import journal_entries
from tests.api.conftest import Stack, car


async def entries(stack: Stack) -> int:
    query = sa.select(sa.func.count()).select_from(journal_entries)
    return await stack.gateway.database.read(lambda connection: int(connection.execute(query).scalar_one()))


async def test_id_01_replay_is_marked_and_writes_nothing(stack: Stack) -> None:
    member_id = await stack.add_member()
    first = await stack.earn(member_id, 250_000)
    again = await stack.earn(member_id, 250_000)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert await entries(stack) == 1


async def test_id_02_and_id_06_another_request_under_the_key(stack: Stack) -> None:
    member_id = await stack.add_member()
    await stack.earn(member_id, 250_000, key="k")
    other = await stack.earn(member_id, 250_001, key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    elsewhere = await stack.client.post(
        "/v1/vouchers/consume",
        json={"code": "4C7H-9KPR-3TXW", "location": "T3"},
        headers=stack.bearer("crm", "vouchers:redeem", "skyhub-desk") | {"Idempotency-Key": "k"},
    )
    assert elsewhere.json()["code"] == "voucher_refused", "another caller's key is another key"


async def test_id_03_fifty_at_once_earn_once(stack: Stack) -> None:
    member_id = await stack.add_member()
    answers = await asyncio.gather(*(stack.earn(member_id, 250_000) for _ in range(50)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json().get("code") for answer in answers if answer.status_code == 409} <= {
        "idempotency_key_in_flight"
    }
    assert await entries(stack) == 1


@pytest.mark.parametrize("key", [None, "", "x" * 300, "a\tb", "é", '""', "two words"])
async def test_id_04_what_is_no_key(stack: Stack, key: str | None) -> None:
    member_id = await stack.add_member()
    headers = [(name.encode(), value.encode()) for name, value in stack.crm.items()]
    headers += [(b"Idempotency-Key", key.encode())] if key is not None else []
    answer = await stack.client.post(f"/v1/members/{member_id}/accruals", json=car(1_000), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


async def test_id_05_two_callers_may_use_one_key(stack: Stack) -> None:
    member_id = await stack.add_member()
    first = await stack.earn(member_id, 1_000, key="k")
    dealer = stack.bearer("dealer", "points:write") | {"Idempotency-Key": "k"}
    second = await stack.client.post(f"/v1/members/{member_id}/accruals", json=car(2_000), headers=dealer)
    assert (first.status_code, second.status_code) == (201, 201)
    assert "idempotent-replayed" not in second.headers


async def test_id_07_the_same_json_written_otherwise(stack: Stack) -> None:
    member_id = await stack.add_member()
    await stack.earn(member_id, 1_000, key="k")
    body = (
        b'{ "reference":"sale-1",\n"occurred_at" : "2026-11-21T08:00:00Z", '
        b'"amount": {"currency":"CNY","amount":100000}, "activity":"\\u006eew_car"}'
    )
    headers = stack.crm | {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await stack.client.post(f"/v1/members/{member_id}/accruals", content=body, headers=headers)
    assert answer.headers["idempotent-replayed"] == "true"


async def test_id_09_a_malformed_request_leaves_the_key_free(stack: Stack) -> None:
    member_id = await stack.add_member()
    headers = stack.crm | {"Idempotency-Key": "k"}
    bad = await stack.client.post(f"/v1/members/{member_id}/accruals", json={"activity": "x"}, headers=headers)
    assert bad.status_code == 400
    assert (await stack.earn(member_id, 1_000, key="k")).status_code == 201


async def test_id_10_a_refusal_is_told_again_under_its_key(stack: Stack) -> None:
    member_id = await stack.add_member()
    body = car(1_000) | {"activity": "unheard-of"}
    headers = stack.crm | {"Idempotency-Key": "k"}
    first = await stack.client.post(f"/v1/members/{member_id}/accruals", json=body, headers=headers)
    again = await stack.client.post(f"/v1/members/{member_id}/accruals", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (422, 422)
    assert again.headers["idempotent-replayed"] == "true"
    assert {**first.json(), "request_id": ""} == {**again.json(), "request_id": ""}


async def test_id_12_quoted_and_bare_are_one_key(stack: Stack) -> None:
    member_id = await stack.add_member()
    await stack.earn(member_id, 1_000, key="abc")
    quoted = await stack.earn(member_id, 1_000, key='"abc"')
    assert quoted.headers["idempotent-replayed"] == "true"
