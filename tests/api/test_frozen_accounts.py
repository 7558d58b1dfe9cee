"""Stopped accounts over HTTP: a member's request is answered 503 and may come again; two operators release."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from gateway.operations.auditor import Auditor
from tests.api.conftest import Stack

EVIDENCE = {"evidence": "a statement by hand, see ticket 42"}


async def stopped(stack: Stack) -> str:
    """Earn, let the balance drift, and audit."""
    member = await stack.add_member()
    assert (await stack.earn(member, 10_000)).status_code == 201
    gateway = stack.gateway
    statement = sa.text(f"UPDATE accounts SET balance = balance + 5 WHERE code = 'member/{member}/available'")
    await gateway.database.write(lambda connection: connection.execute(statement))
    assert len(await Auditor(gateway.database, gateway.clock, gateway.identifiers, gateway.settings.audit).once()) == 1
    return member


async def release(stack: Stack, frozen_id: str, who: str, **body: Any) -> Any:
    headers = stack.bearer(who, "operations:write") | {"Idempotency-Key": f"{who}-1"}
    return await stack.client.post(f"/v1/frozen-accounts/{frozen_id}/release", json=body or EVIDENCE, headers=headers)


async def test_lg_08_a_request_on_a_stopped_account_is_503_and_its_key_stays_free(stack: Stack) -> None:
    member = await stopped(stack)
    refused = await stack.earn(member, 10_000, "sale-2")
    assert (refused.status_code, refused.json()["code"]) == (503, "account_frozen")
    assert "retry-after" in refused.headers
    listed = await stack.client.get("/v1/frozen-accounts", headers=stack.bearer("ops", "operations:read"))
    (one,) = listed.json()["items"]
    assert (one["code"], one["proposed_by"]) == (f"member/{member}/available", None)
    assert (await release(stack, one["id"], "ann")).status_code == 202
    assert (await release(stack, one["id"], "ann", evidence="short")).status_code == 400
    done = await release(stack, one["id"], "bob")
    assert (done.status_code, done.json()["released"]) == (200, True)
    assert (await stack.earn(member, 10_000, "sale-2")).status_code == 201
    assert (await release(stack, one["id"], "eve")).status_code == 404
