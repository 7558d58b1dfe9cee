"""Settlement over HTTP: upload, a run in a child process, breaks in pages, positions, exports and their files."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
from datetime import date
from functools import partial
from typing import Any

import msgspec
import pytest

from adapters.sdk.statement_file import write_statement
from catalogue.values import Money
from config.settings import load_settings
from gateway.cli.settlement.night import night_of
from gateway.services import settlement
from gateway.services.settlement import settings_environment
from settlement import leases, night_store
from tests.api.conftest import Stack
from tests.integration.night import sides
from tests.integration.night.sides import Ours, store_ours, theirs

DAY = date(2026, 11, 21)
PARTNER = "skyhub-lounge"


def finance(stack: Stack, scope: str = "settlement:write settlement:read") -> dict[str, str]:
    return stack.bearer("finance", scope)


@pytest.fixture
async def lines(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> list[Ours]:
    """Five lines of ours at the lounge partner."""
    monkeypatch.setattr(sides, "PARTNER", PARTNER)
    lines = [Ours(id=f"sln_{n}", reference=f"rdm_{n}", service_date=DAY, business_date=DAY) for n in range(5)]
    await stack.gateway.database.write(lambda connection: store_ours(connection, lines))
    return lines


async def upload(stack: Stack, content: bytes, partner: str = PARTNER) -> Any:
    query = {"partner": partner, "name": "day.csv"}
    headers = finance(stack) | {"Content-Type": "text/csv"}
    return await stack.client.post("/v1/settlement/statements", params=query, content=content, headers=headers)


async def get(stack: Stack, path: str, **query: Any) -> Any:
    return await stack.client.get(f"/v1/settlement/{path}", params=query, headers=finance(stack))


async def run_to_its_end(stack: Stack, body: dict[str, Any]) -> dict[str, Any]:
    answer = await stack.client.post("/v1/settlement/runs", json=body, headers=finance(stack))
    assert answer.status_code == 202, answer.text
    (started,) = answer.json()["items"]
    for _ in range(300):
        found: dict[str, Any] = (await get(stack, f"runs/{started['id']}")).json()
        if found["state"] != "running":
            return found
        await asyncio.sleep(0.1)
    pytest.fail(f"the run did not end: {found}")


async def test_a_day_from_upload_to_files(stack: Stack, lines: list[Ours]) -> None:
    content = write_statement(PARTNER, DAY, 1, "CNY", [theirs(lines[0]), theirs(lines[1], status="vanished")])
    uploaded = await upload(stack, content)
    assert (uploaded.status_code, uploaded.json()["state"], uploaded.json()["known"]) == (201, "accepted", False)
    assert (await upload(stack, content)).json()["known"] is True
    assert [one["id"] for one in (await get(stack, "statements")).json()["items"]] == [uploaded.json()["id"]]
    handback = await get(stack, f"statements/{uploaded.json()['id']}/handback")
    assert handback.content.splitlines()[1].startswith(b"2,status,")

    run = await run_to_its_end(stack, {"business_date": DAY.isoformat(), "partner": PARTNER})
    assert (run["state"], run["failure"], run["revision"]) == ("finished", None, 1)
    assert run["summary"]["outcomes"] == {"matched": 1, "missing_theirs": 4}
    assert run["summary"]["sums"] == {"ours": {"CNY": "60000"}, "theirs": {"CNY": "12000"}}


async def test_a_run_without_a_statement_says_why_it_did_not_match(stack: Stack) -> None:
    run = await run_to_its_end(stack, {"business_date": DAY.isoformat(), "partner": PARTNER})
    assert (run["state"], run["summary"]) == ("failed", {})
    assert "could not be fetched" in run["failure"]


async def test_breaks_come_in_pages_with_age_and_owner(stack: Stack, lines: list[Ours]) -> None:
    await upload(stack, write_statement(PARTNER, DAY, 1, "CNY", [theirs(lines[0])]))
    await _matched(stack)
    first = (await get(stack, "breaks", limit=3, state="open")).json()
    assert [one["kind"] for one in first["items"]] == ["missing_theirs"] * 3
    assert {(one["age_days"], one["age_bucket"], one["owner"]) for one in first["items"]} == {(1, "0-1", "partner")}
    second = (await get(stack, "breaks", limit=3, state="open", cursor=first["next_cursor"])).json()
    assert second["next_cursor"] is None
    seen = [one["reference"] for one in first["items"] + second["items"]]
    assert sorted(seen) == [f"rdm_{n}" for n in range(1, 5)]
    assert (await get(stack, "breaks", min_age_days=2)).json()["items"] == []
    assert (await get(stack, "breaks", kind="amount")).json()["items"] == []
    stolen = await get(stack, "breaks", limit=3, cursor=first["next_cursor"])
    assert (stolen.status_code, stolen.json()["code"]) == (400, "cursor_invalid")


async def say(stack: Stack, name: str, deed: str, who: str, **body: Any) -> Any:
    headers = stack.bearer(who, "settlement:write") | {"Idempotency-Key": f"{deed}-{who}"}
    content = {"evidence": "the lounge lost it, ticket 42"} | body
    return await stack.client.post(f"/v1/settlement/breaks/{name}/{deed}", json=content, headers=headers)


async def test_two_people_close_a_break_and_the_list_says_who_and_why(stack: Stack, lines: list[Ours]) -> None:
    await upload(stack, write_statement(PARTNER, DAY, 1, "CNY", [theirs(line) for line in lines[1:]]))
    await _matched(stack)
    (found,) = (await get(stack, "breaks")).json()["items"]
    name = found["id"]
    assert (found["words"], found["closed_by"], found["proposal"]) == ([], [], None)
    assigned = await say(stack, name, "assign", "eve", owner="finance")
    assert (assigned.status_code, assigned.json()["owner"]) == (200, "finance")
    assert (await say(stack, name, "dispute", "eve")).json()["words"][-1]["word"] == "disputed"

    proposed = await say(stack, name, "resolve", "ann", outcome="written_off")
    assert (proposed.status_code, proposed.json()["proposal"]["by"]) == (202, "ann")
    again = await say(stack, name, "resolve", "ann", outcome="written_off")
    assert (again.status_code, again.headers["idempotent-replayed"], again.json()) == (202, "true", proposed.json())
    closed = await say(stack, name, "resolve", "ben", outcome="written_off")
    assert (closed.status_code, closed.json()["state"], closed.json()["closed_by"]) == (200, "closed", ["ann", "ben"])
    late = await say(stack, name, "resolve", "cat", outcome="written_off")
    assert (late.status_code, late.json()["code"], late.json()["state"]) == (409, "conflict", "closed")

    await _matched(stack)
    assert (await get(stack, "breaks", state="open")).json()["items"] == []
    (kept,) = (await get(stack, "breaks", state="closed")).json()["items"]
    assert (kept["close_reason"], kept["closed_by"]) == ("written_off", ["ann", "ben"])
    assert kept["words"][-1]["evidence"] == "the lounge lost it, ticket 42"
    assert set(kept["evidence"]) == {"pass", "ours", "theirs"}
    reopened = await say(stack, name, "reopen", "cat")
    assert (reopened.status_code, reopened.json()["state"], reopened.json()["proposal"]) == (200, "open", None)


async def test_what_is_owed_is_adjusted_when_the_second_person_says_so_too(stack: Stack, lines: list[Ours]) -> None:
    rows = [theirs(lines[0], amount=Money(12_500, "CNY")), *(theirs(line) for line in lines[1:])]
    await upload(stack, write_statement(PARTNER, DAY, 1, "CNY", rows))
    await _matched(stack)
    (found,) = (await get(stack, "breaks")).json()["items"]
    adjusting = partial(say, stack, found["id"], "resolve", outcome="resolved")
    refused = await adjusting("eve", adjustment={"amount": 501})
    assert (refused.status_code, refused.json()["difference"]) == (422, 500)
    assert (await adjusting("eve", adjustment={"amount": 500, "berer": "maker"})).status_code == 400
    proposed = await adjusting("ann", adjustment={"amount": 500})
    assert proposed.status_code == 202
    assert proposed.json()["proposal"]["adjustment"] == {"amount": 500, "bearer": None, "currency": "CNY"}
    assert (await adjusting("ben", adjustment={"amount": 500})).status_code == 200
    period = stack.clock.now().strftime("%Y-%m")
    positions = (await get(stack, "positions", period=period)).json()["items"]
    assert sum(one["agreed"] for one in positions) == 60_000 + 500
    assert (await say(stack, found["id"], "reopen", "cat")).status_code == 200
    positions = (await get(stack, "positions", period=period)).json()["items"]
    assert sum(one["total"] for one in positions) == 60_000


async def test_what_cannot_be_said_of_a_break(stack: Stack) -> None:
    for deed, body in (
        ("resolve", {"outcome": "resolved"}),
        ("assign", {"owner": "ann"}),
        ("dispute", {}),
        ("reopen", {}),
    ):
        assert (await say(stack, "brk_none", deed, "ann", **body)).status_code == 404
    assert (await say(stack, "brk_none", "resolve", "ann", outcome="forgiven")).status_code == 400
    assert (await say(stack, "brk_none", "dispute", "ben", evidence="short")).status_code == 400
    keyless = await stack.client.post("/v1/settlement/breaks/brk_none/dispute", json={}, headers=finance(stack))
    assert keyless.status_code == 400


async def test_positions_and_exports(stack: Stack, lines: list[Ours]) -> None:
    await upload(stack, write_statement(PARTNER, DAY, 1, "CNY", [theirs(line) for line in lines]))
    await _matched(stack)
    found = (await get(stack, "positions", period="2026-11")).json()["items"]
    assert {one["bearer"]: (one["agreed"], one["total"]) for one in found} == {
        "dealer": (24_000, 24_000),
        "maker": (36_000, 36_000),
    }
    (export,) = (await get(stack, "exports", period="2026-11", partner=PARTNER)).json()["items"]
    assert (export["version"], export["detail_lines"]) == (1, 5)
    for name, digest in export["files"].items():
        file = await get(stack, f"exports/{PARTNER}/2026-11/1/{name}")
        assert hashlib.sha256(file.content).hexdigest() == digest
    detail = await get(stack, f"exports/{PARTNER}/2026-11/1/detail.csv")
    rows = list(csv.DictReader(io.StringIO(detail.content.decode("utf-8-sig"), newline="")))
    assert {row["standing"] for row in rows} == {"agreed"}
    for path in ("2026-11/2/detail.csv", "2026-11/1/other.csv", "2026-11/1/..%2F..%2Fgateway.db"):
        assert (await get(stack, f"exports/{PARTNER}/{path}")).status_code == 404


async def _matched(stack: Stack) -> None:
    """Run the night as the command does, in this process."""
    night = await night_of(stack.gateway, PARTNER, DAY, (), lambda _progress: None)
    assert night.problem is None


async def test_a_run_is_refused_while_the_day_is_being_reconciled(stack: Stack) -> None:
    name = night_store.lease_name(PARTNER, DAY)
    await stack.gateway.database.write(lambda connection: leases.acquire(connection, name, "other", 60))
    body = {"business_date": DAY.isoformat(), "partner": PARTNER}
    answer = await stack.client.post("/v1/settlement/runs", json=body, headers=finance(stack))
    assert (answer.status_code, answer.json()["code"]) == (409, "run_in_progress")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"business_date": "2026-12-31"}, 422),
        ({"business_date": "2026-11-21", "partner": "nobody"}, 404),
        ({"business_date": "yesterday"}, 400),
        ({"business_date": "2026-11-21", "partners": []}, 400),
    ],
)
async def test_a_run_that_cannot_be(stack: Stack, body: dict[str, Any], status: int) -> None:
    answer = await stack.client.post("/v1/settlement/runs", json=body, headers=finance(stack))
    assert answer.status_code == status
    assert not settlement._running


async def test_scopes_and_names_that_are_not_there(stack: Stack) -> None:
    reader = finance(stack, "settlement:read")
    refused = await stack.client.post("/v1/settlement/runs", json={"business_date": "2026-11-21"}, headers=reader)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await stack.client.get("/v1/settlement/breaks")).status_code == 401
    assert (await get(stack, "runs/run_none")).status_code == 404
    assert (await get(stack, "statements/stm_none/handback")).status_code == 404
    assert (await get(stack, "positions", period="2026-13")).status_code == 400
    assert (await get(stack, "exports", period="2026-11", partner="nobody")).status_code == 404
    assert (await upload(stack, b"", PARTNER)).status_code == 400
    assert (await upload(stack, b"x", "nobody")).status_code == 404
    quarantined = await upload(stack, b"x")
    assert (quarantined.status_code, quarantined.json()["state"]) == (201, "quarantined")


def test_a_childs_settings_are_the_parents(stack: Stack) -> None:
    assert load_settings(environ=settings_environment(stack.gateway.settings)) == stack.gateway.settings
    odd = msgspec.structs.replace(
        stack.gateway.settings,
        partners=msgspec.structs.replace(stack.gateway.settings.partners, base_urls={"skyhub-lounge": "http://x"}),
    )
    assert load_settings(environ=settings_environment(odd)) == odd
