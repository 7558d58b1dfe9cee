"""Bulk files over the API: answers per row, sent again, refused whole; opening balances; standing, merge, close."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.api.conftest import Stack


def accruals(*rows: str, reference: str = "file-1") -> str:
    data = "".join(f"D,{number},{row}\n" for number, row in enumerate(rows, start=1))
    total = sum(int(row.split(",")[2]) for row in rows)
    return f"H,accruals,1,{reference}\n{data}T,{len(rows)},CNY={total}\n"


def parts(member: str, fen: int, reference: str) -> str:
    return f"{member},parts,{fen},CNY,2026-11-21T08:00:00Z,{reference},"


async def send(stack: Stack, content: str, *, path: str = "/v1/accrual-files", key: str = "k", **headers: str) -> Any:
    system = stack.bearer("crm", "points:write points:migrate points:adjust members:write")
    all_headers = system | {"Idempotency-Key": key, "Content-Type": "text/csv"} | headers
    return await stack.client.post(path, content=content.encode(), headers=all_headers)


async def answers(stack: Stack, file: dict[str, Any], path: str = "/v1/accrual-files") -> list[dict[str, str]]:
    headers = stack.bearer("crm", "points:write points:migrate")
    answer = await stack.client.get(f"{path}/{file['id']}/answers", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8"), answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


async def wallet(stack: Stack, member_id: str) -> int:
    me = (await stack.client.get("/v1/me", headers=stack.member(member_id))).json()
    available: int = me["wallet"]["available"]
    return available


async def test_rows_are_credited_or_refused_one_by_one(stack: Stack) -> None:
    liu = await stack.add_member("liu")
    content = accruals(
        parts("liu", 100_000, "a"), parts("nobody", 100_000, "b"), parts(liu, 5_000, "c"), parts("liu", 5_000, "c"),
        parts("liu", 6_000, "c"), "liu,gambling,1,CNY,2026-11-21T08:00:00Z,d,", "liu,parts,1,CNY,soon,e,",
    )  # fmt: skip
    answer = await send(stack, content)
    assert answer.status_code == 201, answer.text
    file = answer.json()
    assert (file["state"], file["rows"], file["taken"], file["refused"]) == ("done", 7, 3, 4)
    assert file["totals"] == {"CNY": 216_002}
    found = await answers(stack, file)
    assert [(row["outcome"], row["points"], row["code"]) for row in found] == [
        ("credited", "100", ""),
        ("refused", "", "not_found"),
        ("credited", "5", ""),
        ("credited", "5", ""),
        ("refused", "", "exists_with_different_content"),
        ("refused", "", "rule"),
        ("refused", "", "occurred_at"),
    ]
    assert await wallet(stack, liu) == 105


@pytest.mark.parametrize("key", ["k", "another"])
async def test_the_same_file_again_is_the_same_file(stack: Stack, key: str) -> None:
    liu = await stack.add_member("liu")
    content = accruals(*(parts("liu", 10_000, f"r-{number}") for number in range(250)))
    first = (await send(stack, content)).json()
    again = await send(stack, content, key=key)
    assert (again.status_code, again.json()) == (201, first)
    assert first["taken"] == 250
    assert await wallet(stack, liu) == 2_500


async def test_a_known_reference_with_another_content_is_refused(stack: Stack) -> None:
    await stack.add_member("liu")
    await send(stack, accruals(parts("liu", 10_000, "a")))
    other = await send(stack, accruals(parts("liu", 10_000, "b")), key="other")
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    same_key = await send(stack, accruals(parts("liu", 10_000, "b"), reference="file-2"))
    assert (same_key.status_code, same_key.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_structural_fault_refuses_the_whole_file(stack: Stack) -> None:
    liu = await stack.add_member("liu")
    content = accruals(parts("liu", 10_000, "a")).replace("CNY=10000", "CNY=10001")
    answer = await send(stack, content)
    assert (answer.status_code, answer.json()["code"]) == (422, "bulk_file_refused")
    assert "total of CNY" in answer.json()["detail"]
    assert await wallet(stack, liu) == 0
    for content_type in ("application/json", "text/csv; charset=gbk", ""):
        refused = await send(stack, accruals(), **{"Content-Type": content_type})
        assert refused.status_code == 415, content_type
    nameless = await stack.client.post("/v1/accrual-files", content=b"", headers=stack.crm)
    assert nameless.json()["code"] == "idempotency_key_missing"


async def test_json_lines_and_another_clients_file(stack: Stack) -> None:
    liu = await stack.add_member("liu")
    content = (
        '{"file": "accruals", "version": 1, "reference": "jl"}\n'
        '{"row": 1, "member": "liu", "activity": "parts", "amount": 10000, "currency": "CNY", '
        '"occurred_at": "2026-11-21T08:00:00Z", "reference": "a"}\n'
        '{"rows": 1, "totals": {"CNY": 10000}}\n'
    )
    answer = await send(stack, content, **{"Content-Type": "application/x-ndjson"})
    assert answer.json()["taken"] == 1, answer.text
    assert await wallet(stack, liu) == 10
    headers = stack.bearer("dealer", "points:write")
    for path in ("", "/answers"):
        other = await stack.client.get(f"/v1/accrual-files/{answer.json()['id']}{path}", headers=headers)
        assert other.status_code == 404


OPENING = (
    "H,opening-balances,1,old-club\n"
    "D,1,liu,lot,500,,2027-12-31,\n"
    "D,2,liu,lot,70,,,\n"
    "D,3,liu,qualifying,140000,,2026-03-01,\n"
    "D,4,liu,tier,0,platinum,2026-03-01,2027-03-01\n"
    "T,4,lot=570;qualifying=140000\n"
)


async def test_opening_balances_are_taken_once(stack: Stack) -> None:
    liu = await stack.add_member("liu")
    first = await send(stack, OPENING, path="/v1/opening-balances")
    assert (first.status_code, first.json()["state"], first.json()["taken"]) == (201, "done", 4), first.text
    again = await send(stack, OPENING, path="/v1/opening-balances", key="again")
    assert again.json() == first.json()
    me = (await stack.client.get("/v1/me", headers=stack.member(liu))).json()
    assert (me["wallet"]["available"], me["qualifying_points"], me["tier"]) == (570, 140_000, "platinum")
    assert me["wallet"]["next_expiry"] == {"points": 500, "expires_at": "2027-12-31T16:00:00Z"}
    other = OPENING.replace("old-club", "old-club-2")
    refused = await send(stack, other, path="/v1/opening-balances", key="other")
    assert (refused.json()["state"], refused.json()["taken"]) == ("refused", 0)
    found = await answers(stack, refused.json(), "/v1/opening-balances")
    assert {row["code"] for row in found} == {"opened_before"}


async def test_one_bad_row_refuses_the_opening_and_the_mended_file_is_taken(stack: Stack) -> None:
    liu = await stack.add_member("liu")
    bad = OPENING.replace("platinum", "titanium").replace("2027-12-31", "2026-11-21")
    refused = await send(stack, bad, path="/v1/opening-balances")
    assert (refused.status_code, refused.json()["state"], refused.json()["refused"]) == (201, "refused", 4)
    found = await answers(stack, refused.json(), "/v1/opening-balances")
    assert [(row["outcome"], row["code"]) for row in found] == [
        ("refused", "expired"),
        ("not_taken", ""),
        ("not_taken", ""),
        ("refused", "unknown_tier"),
    ]
    assert await wallet(stack, liu) == 0
    mended = await send(stack, OPENING, path="/v1/opening-balances", key="mended")
    assert mended.json()["state"] == "done", mended.text
    assert await wallet(stack, liu) == 570


async def test_a_standing_says_what_raises_and_what_keeps(stack: Stack) -> None:
    liu = await stack.add_member("liu")
    await stack.earn(liu, 250_000)
    found = (await stack.client.get("/v1/me/standing", headers=stack.member(liu))).json()
    assert (found["tier"], found["valid_to_date"], found["next_tier"]) == ("gold", "2028-11-22", "platinum")
    assert (found["qualifying_points"], found["next_tier_missing"]) == (250_000, 50_000)
    assert (found["ending"]["missing"], found["ending"]["tier_after"]) == (150_000, "silver")
    before = await stack.client.get("/v1/members/liu/standing?on=2026-11-20", headers=stack.crm)
    assert (before.json()["tier"], before.json()["qualifying_points"]) == ("silver", 0)
    ahead = await stack.client.get("/v1/me/standing?on=2026-11-23", headers=stack.member(liu))
    assert ahead.status_code == 422


async def test_merge_and_close_over_the_api(stack: Stack) -> None:
    liu, double = await stack.add_member("liu"), await stack.add_member("double")
    await stack.earn(double, 100_000)
    headers = stack.bearer("crm", "points:adjust") | {"Idempotency-Key": "m"}
    body = {"absorbed": "double", "reason": "one person"}
    merged = await stack.client.post("/v1/members/liu/merge", json=body, headers=headers)
    assert merged.json() == {"member_id": liu, "absorbed_id": double, "points": 1_000, "tier": "silver"}
    left = await stack.client.post(
        "/v1/members/liu/close", json={"reason": "asked"}, headers=headers | {"Idempotency-Key": "c"}
    )
    assert (left.status_code, left.json()["points"]) == (422, 1_000)
    closed = await stack.client.post(
        "/v1/members/liu/close",
        json={"reason": "asked", "forfeit_points": True},
        headers=headers | {"Idempotency-Key": "c2"},
    )
    assert closed.json() == {"member_id": liu, "state": "closed", "forfeited_points": 1_000}
