"""Callbacks at the edge, named by the fault list's WH rows; verification itself is tested with each adapter."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.sdk import webhooks as standard
from gateway.edge_tables import webhook_conflicts, webhook_inbox
from tests.api.conftest import NOON, Stack

LOUNGE = "/v1/webhooks/skyhub-lounge"
BODY = b'{"type": "visit.reported"}'
FIXTURES = Path(__file__).parents[2] / "adapters/airlines/points_lcp/fixtures"
NOW = int(NOON.timestamp())


def secret_of(stack: Stack, partner: str = "skyhub-lounge") -> str:
    return stack.gateway.partners[partner].webhook_secrets[0].reveal()


def signed(stack: Stack, message_id: str = "msg_1", body: bytes = BODY, at: int = NOW) -> dict[str, str]:
    return standard.sign(secret_of(stack), message_id, at, body)


async def count(stack: Stack, table: sa.Table) -> int:
    query = sa.select(sa.func.count()).select_from(table)
    return await stack.gateway.database.read(lambda connection: int(connection.execute(query).scalar_one()))


async def test_a_signed_callback_is_kept_raw_before_it_is_acknowledged(stack: Stack) -> None:
    answer = await stack.client.post(LOUNGE, content=BODY, headers=signed(stack))
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    row = await stack.gateway.database.read(lambda connection: connection.execute(sa.select(webhook_inbox)).one())
    assert (row.partner, row.message_id, row.body, row.state) == ("skyhub-lounge", "msg_1", BODY, "waiting")


async def test_wh_04_a_replay_is_acknowledged_and_kept_once(stack: Stack) -> None:
    headers = signed(stack)
    for _ in range(3):
        assert (await stack.client.post(LOUNGE, content=BODY, headers=headers)).status_code == 202
    assert await count(stack, webhook_inbox) == 1
    assert await count(stack, webhook_conflicts) == 0


async def test_wh_05_an_old_signature_is_refused(stack: Stack) -> None:
    old = signed(stack, at=NOW - 301)
    fresh = old | {"webhook-timestamp": str(NOW)}
    for headers in (old, fresh):
        assert (await stack.client.post(LOUNGE, content=BODY, headers=headers)).status_code == 401


async def test_wh_06_a_known_id_with_another_body_is_an_alarm_and_not_applied(stack: Stack) -> None:
    await stack.client.post(LOUNGE, content=BODY, headers=signed(stack))
    other = b'{"type": "visit.cancelled"}'
    answer = await stack.client.post(LOUNGE, content=other, headers=signed(stack, body=other))
    assert answer.status_code == 202
    kept = await stack.gateway.database.read(
        lambda connection: connection.execute(sa.select(webhook_inbox.c.body)).scalar_one()
    )
    assert kept == BODY
    assert await count(stack, webhook_conflicts) == 1


async def test_wh_07_a_hundred_at_once_are_one(stack: Stack) -> None:
    headers = signed(stack)
    calls = (stack.client.post(LOUNGE, content=BODY, headers=headers) for _ in range(100))
    assert {answer.status_code for answer in await asyncio.gather(*calls)} == {202}
    assert await count(stack, webhook_inbox) == 1


async def test_wh_11_a_signature_is_good_on_its_own_path_only(stack: Stack) -> None:
    for partner in ("skyward-miles", "expedia-rapid", "nobody"):
        answer = await stack.client.post(f"/v1/webhooks/{partner}", content=BODY, headers=signed(stack))
        assert answer.status_code == 401
    assert await count(stack, webhook_inbox) == 0


async def test_every_refusal_looks_the_same(stack: Stack) -> None:
    good = signed(stack)
    cases: list[tuple[str, dict[str, str]]] = [
        (LOUNGE, {}),
        (LOUNGE, good | {"webhook-signature": "v1,AAAA"}),
        (LOUNGE, signed(stack, at=NOW - 900)),
        ("/v1/webhooks/nobody", good),
        ("/v1/webhooks/expedia-rapid", good),
        ("/v1/webhooks/skyward-miles/wrong", {}),
    ]
    seen = set()
    for path, headers in cases:
        answer = await stack.client.post(path, content=BODY, headers=headers | {"X-Request-Id": "same"})
        seen.add((answer.status_code, answer.text))
    assert len(seen) == 1
    assert seen.pop()[0] == 401


async def test_wh_15_limits_come_before_verification(stack: Stack) -> None:
    large = await stack.client.post(LOUNGE, content=b"x" * 2_000_000, headers=signed(stack))
    assert large.status_code == 413

    packed = gzip.compress(BODY)
    compressed = await stack.client.post(
        LOUNGE, content=packed, headers=signed(stack, body=packed) | {"Content-Encoding": "gzip"}
    )
    assert compressed.status_code == 415
    assert await count(stack, webhook_inbox) == 0


@pytest.mark.parametrize("message_id", ["a.1", "a\nb", "", "a b", "x" * 129])
async def test_wh_17_ids_that_could_be_read_in_two_ways(stack: Stack, message_id: str) -> None:
    headers: dict[str, Any] = signed(stack) | {"webhook-id": message_id.replace("\n", "%0a")}
    assert (await stack.client.post(LOUNGE, content=BODY, headers=headers)).status_code == 401


async def test_an_unsigned_partner_proves_itself_by_the_path(stack: Stack) -> None:
    base, secret = "/v1/webhooks/skyward-miles", secret_of(stack, "skyward-miles")
    body = json.dumps(json.loads((FIXTURES / "callback.json").read_text())["body"]).encode()
    forged = await stack.client.post(base, content=body, headers={"x-gateway-path-secret": secret})
    assert forged.status_code == 401
    wrong = await stack.client.post(f"{base}/guess", content=body)
    assert wrong.status_code == 401
    for _ in range(2):
        right = await stack.client.post(f"{base}/{secret}", content=body)
        assert right.status_code == 202
    assert await count(stack, webhook_inbox) == 1
