"""What only people can end, over the API and the command line: two people, evidence, once."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from adapters.sdk.manifest import Facts
from adapters.sdk.records import Visit
from catalogue.benefits import PayWith
from catalogue.values import Money
from gateway.cli.main import run
from gateway.redemption import store
from gateway.redemption.records import POINTS, Quote
from tests.api.conftest import NOON, Stack
from tests.support.partners import PlainPartner, connected, granted_then_lost

PARTNER = "skyhub-lounge"
EVIDENCE = "their duty manager found the booking"


async def with_people(stack: Stack) -> str:
    """Bring a redemption to where only people can end it."""
    member_id = await stack.add_member()
    await stack.earn(member_id, 250_000)
    partner = PlainPartner()
    partner.scripts.append(granted_then_lost)
    stack.gateway.partners[PARTNER] = connected(partner, partner=PARTNER, facts=Facts())
    quote = Quote(
        id=stack.gateway.identifiers.new("quote"),
        kind="benefit",
        member_id=member_id,
        partner=PARTNER,
        benefit_id="lounge-visit",
        benefit_version=1,
        contract_id=None,
        contract_version=None,
        pay_with=PayWith.POINTS,
        commodity=POINTS,
        quantity=600,
        service=Visit(airport="PVG", lounge_id="PVG-T2", visit_date=date(2026, 12, 1)),
        offer_token="offer",
        title="Visit",
        price=Money(12_000, "CNY"),
        base_price=None,
        created_at=NOON,
        expires_at=NOON + timedelta(minutes=15),
    )
    gateway = stack.gateway
    await gateway.database.write(partial(store.add_quote, quote=quote))
    taken = await gateway.database.write(partial(gateway.intake.take_in, quote_id=quote.id, member_id=member_id))
    await gateway.engine.advance(taken.id)
    stack.clock.move(minutes=20)
    await gateway.engine.advance(taken.id)
    return taken.id


async def decide(stack: Stack, case_id: str, person: str, key: str, **body: Any) -> Any:
    return await stack.client.post(
        f"/v1/manual-cases/{case_id}/decide",
        json={"outcome": "issued", "evidence": EVIDENCE, **body},
        headers=stack.bearer(person, "operations:write") | {"Idempotency-Key": key},
    )


async def test_two_people_decide_and_a_repeat_tells_the_same(stack: Stack) -> None:
    case_id = await with_people(stack)
    reader = stack.bearer("ann", "operations:read")
    [case] = (await stack.client.get("/v1/manual-cases", headers=reader)).json()["items"]
    assert (case["id"], case["quantity"], case["proposal"]) == (case_id, 600, None)
    proposed = await decide(stack, case_id, "ann", "k1")
    assert (proposed.status_code, proposed.json()["ended"]) == (202, False)
    again = await decide(stack, case_id, "ann", "k1")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (proposed.json(), "true")
    assert (await decide(stack, case_id, "ann", "k2")).status_code == 202, "nobody confirms his own"
    [case] = (await stack.client.get(f"/v1/manual-cases?partner={PARTNER}", headers=reader)).json()["items"]
    assert case["proposal"]["proposed_by"] == "ann"
    assert (await stack.client.get("/v1/manual-cases?partner=other", headers=reader)).json()["items"] == []
    confirmed = await decide(stack, case_id, "bob", "k3", partner_reference="P-7")
    assert (confirmed.status_code, confirmed.json()["ended"]) == (200, True)
    redemption = await stack.gateway.database.read(partial(store.must_get, redemption_id=case_id))
    assert (redemption.state, redemption.partner_reference) == ("captured", "P-7")
    late = await decide(stack, case_id, "cy", "k4")
    assert (late.status_code, late.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("case_id", "body", "status"),
    [
        ("rdm_nobody", {}, 404),
        (None, {"outcome": "stands"}, 422),
        (None, {"outcome": "perhaps"}, 400),
        (None, {"evidence": "short"}, 400),
        (None, {"decided_by": "bob"}, 400),
    ],
)
async def test_what_cannot_be_decided(stack: Stack, case_id: str | None, body: dict[str, Any], status: int) -> None:
    known = await with_people(stack)
    assert (await decide(stack, case_id or known, "ann", "k1", **body)).status_code == status


async def test_the_command_line_lists_and_decides(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case_id = await with_people(stack)
    monkeypatch.setenv("GATEWAY__DATABASE__URL", stack.gateway.database.url)

    async def command(*arguments: str) -> tuple[int, str]:
        code = await asyncio.to_thread(run, ["manual", *arguments])
        return code, capsys.readouterr().out

    said = ("decide", case_id, "--outcome", "not_issued", "--evidence", EVIDENCE, "--by")
    assert await command(*said, "ann") == (0, f"{case_id} waits for a second person to say not_issued.\n")
    code, listed = await command("list", "--json")
    assert (code, json.loads(listed)[0]["proposal"]["proposed_by"]) == (0, "ann")
    assert "ann says not_issued" in (await command("list"))[1]
    assert await command(*said, "bob") == (0, f"{case_id} has ended.\n")
    assert await command("list") == (0, "Nothing waits for people.\n")
    assert (await command(*said, "bob"))[0] == 1


async def test_op_10_what_people_decided_wrongly_is_taken_back(stack: Stack) -> None:
    case_id = await with_people(stack)
    for who in ("ann", "bob"):
        await decide(stack, case_id, who, f"{who}-1", outcome="issued")
    body = {"redemption_id": case_id, "evidence": EVIDENCE}
    headers = stack.bearer("ann", "operations:write")
    opened = await stack.client.post("/v1/manual-cases", json=body, headers=headers | {"Idempotency-Key": "u1"})
    assert (opened.status_code, opened.json()["outcomes"]) == (202, ["undone", "stands"])
    again = await stack.client.post("/v1/manual-cases", json=body, headers=headers | {"Idempotency-Key": "u1"})
    assert (again.json(), again.headers["idempotent-replayed"]) == (opened.json(), "true")
    second = await stack.client.post("/v1/manual-cases", json=body, headers=headers | {"Idempotency-Key": "u2"})
    assert second.status_code == 409
    ended = await decide(stack, opened.json()["id"], "bob", "bob-2", outcome="undone")
    assert (ended.status_code, ended.json()["ended"]) == (200, True)


async def test_the_command_line_opens_an_undoing(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case_id = await with_people(stack)
    for who in ("ann", "bob"):
        await decide(stack, case_id, who, f"{who}-1", outcome="issued")
    monkeypatch.setenv("GATEWAY__DATABASE__URL", stack.gateway.database.url)
    said = ["manual", "undo", case_id, "--points", "1", "--evidence", EVIDENCE, "--by", "ann"]
    assert await asyncio.to_thread(run, said) == 0
    assert capsys.readouterr().out == f"{case_id}:reverse:1 waits for a second person to say undone.\n"
