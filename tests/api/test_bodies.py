"""Strict bodies, named by the fault list's IN rows."""

from __future__ import annotations

import json
import time

import pytest

from config.errors import MalformedError
from gateway.requests import read_body
from gateway.schemas.members import AccrualBody, MemberBody
from tests.api.conftest import Stack, car

RAW = {"Content-Type": "application/json"}
BASE = json.dumps(car(1_000)).encode()


def refusal(body: bytes, type_: type = MemberBody) -> MalformedError:
    with pytest.raises(MalformedError) as found:
        read_body(body, type_)
    return found.value


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"city": "\\ud800"}', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b'{"city": "a\\u0000b"}', "NUL"),
        (b'{"city": "CNY\\n"}', "control"),
        (b'{"city": "\\u007f"}', "control"),
        (b'{"city": "\xff"}', "UTF-8"),
        (b'{"city": "\xed\xa0\x80"}', "UTF-8"),
        (b"\xef\xbb\xbf{}", "JSON"),
        (b'{"city": "a\x00b"}', "JSON"),
    ],
)
def test_in_04_text_that_is_none(body: bytes, says: str) -> None:
    assert says in refusal(body).message


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"city": "a", "city": "b"}', "twice"),
        (b'{"profile": {"email": "a@b", "email": "c@d"}}', "twice"),
        (b'{"city": NaN}', "whole"),
        (b'{"city": -Infinity}', "whole"),
        (b'{"city": 1.0}', "whole"),
        (b'{"city": 1e2}', "whole"),
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"{} {}", "JSON"),
        (b"[]", "Expected"),
        (b"null", "Expected"),
        (b'{"member_id": "mbr_1"}', "member_id"),
        (b'{"state": "closed"}', "state"),
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(body: bytes, says: str) -> None:
    assert says in refusal(body).message


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount": {"amount": "100", "currency": "CNY"}}, "/amount/amount"),
        ({"amount": {"amount": True, "currency": "CNY"}}, "/amount/amount"),
        ({"amount": {"amount": -1, "currency": "CNY"}}, "/amount/amount"),
        ({"amount": {"amount": 10**15 + 1, "currency": "CNY"}}, "/amount/amount"),
        ({"amount": {"amount": 10**400, "currency": "CNY"}}, "/amount/amount"),
        ({"amount": {"amount": 1, "currency": "ＣＮＹ"}}, "/amount/currency"),
        ({"occurred_at": "2026-11-21T08:00:00"}, "/occurred_at"),
        ({"occurred_at": "２026-11-21T08:00:00Z"}, "/occurred_at"),
        ({"occurred_at": 1_763_712_000}, "/occurred_at"),
        ({"reference": "a b"}, "/reference"),
        ({"reference": ""}, "/reference"),
    ],
)
def test_in_05_values_of_another_kind_are_refused_where_they_are(change: dict[str, object], pointer: str) -> None:
    assert refusal(json.dumps(car(1_000) | change).encode(), AccrualBody).facts["pointer"] == pointer


def test_in_06_deep_wide_and_long_bodies_are_refused_fast() -> None:
    bodies = [
        b"[" * 200 + b"]" * 200,
        b"[" * 500_000 + b"]" * 500_000,
        b'{"a":' * 200 + b"1" + b"}" * 200,
        json.dumps({f"field_{number}": number for number in range(10_000)}).encode(),
        json.dumps({"city": ["x"] * 10_000}).encode(),
        json.dumps({"city": "x" * 1_000_000}).encode(),
    ]
    for body in bodies:
        begun = time.perf_counter()
        refusal(body)
        assert time.perf_counter() - begun < 0.25, body[:20]


def test_thirty_two_levels_are_read() -> None:
    assert "Expected `object`" in refusal(b"[" * 32 + b"]" * 32).message
    assert "deeper" in refusal(b"[" * 33 + b"]" * 33).message


async def test_in_04_over_http(stack: Stack) -> None:
    for body in (b'{"city": "\\ud800"}', b'{"city": "\xff"}', b'{"city": "\\u0000"}'):
        answer = await stack.client.put("/v1/members/liu", content=body, headers=stack.crm | RAW)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_az_03_what_a_caller_may_not_set_is_refused(stack: Stack) -> None:
    for extra in ({"state": "closed"}, {"tier": "diamond"}, {"id": "mbr_x"}, {"is_test": True}):
        answer = await stack.client.put("/v1/members/liu", json=extra, headers=stack.crm)
        assert answer.status_code == 400
    stored = await stack.client.put("/v1/members/liu", json={}, headers=stack.crm)
    assert (stored.json()["state"], stored.json()["tier"]) == ("active", "silver")


@pytest.mark.parametrize("name", ["é", "刘", "\u202eevil", "a\u200bb", "e\u0301", "<script>", "Robert'); DROP TABLE--"])
async def test_in_02_names_come_back_as_given(stack: Stack, name: str) -> None:
    member_id = await stack.add_member(profile={"family_name": name})
    me = await stack.client.get("/v1/me", headers=stack.member(member_id))
    assert me.json()["profile"]["family_name"] == name


@pytest.mark.parametrize(
    "address",
    ["/v1/members/liu%0A", "/v1/members/liu%00", "/v1/members/%ff", "/v1/members/liu?x=%0d%0a", "/v1/members/%7f"],
)
async def test_addresses_hold_text_only(stack: Stack, address: str) -> None:
    answer = await stack.client.put(address, json={}, headers=stack.crm)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
