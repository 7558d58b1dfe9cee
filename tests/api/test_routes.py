"""Every route: it declares its scope, is described, and is closed to whoever lacks the scope (AZ-05)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from litestar import Litestar, get

from gateway.middleware.authentication import NONE
from gateway.openapi import document, operations
from tests.api.conftest import Stack

MEMBER = "mbr_01jd3q5v8k4m6n7p8q9r0s1t2v"
SCOPES = {
    "profile:read", "benefits:read", "redemptions:read", "redemptions:write", "conversions:write", "tiers:write",
    "consents:write", "links:write", "members:write", "points:write", "points:adjust", "points:migrate",
    "vouchers:redeem", "operations:read", "operations:write",
    "settlement:read", "settlement:write", "settlement:close", "reports:read",
}  # fmt: skip


def undeclared(app: Litestar) -> list[str]:
    """List the routes that name no scope, an unknown one, or none at all without a reason."""
    found = []
    for path, method, handler in operations(app):
        scope = handler.opt.get("scope")
        if scope not in SCOPES and not (scope == NONE and handler.opt.get("reason")):
            found.append(f"{method} {path}: {scope}")
    return found


async def test_every_route_declares_its_scope(stack: Stack) -> None:
    assert undeclared(stack.client.app) == []


def test_a_route_without_a_scope_is_found() -> None:
    @get("/open")
    async def forgotten() -> str:
        return "x"

    @get("/typo", opt={"scope": "profle:read"})
    async def mistyped() -> str:
        return "x"

    app = Litestar([forgotten, mistyped], openapi_config=None)
    assert undeclared(app) == ["GET /open: None", "GET /typo: profle:read"]


def _filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", MEMBER, path)


async def test_az_05_every_route_is_closed_without_its_scope(stack: Stack) -> None:
    closed = 0
    for path, method, handler in operations(stack.client.app):
        if handler.opt["scope"] == NONE:
            continue
        nobody = await stack.client.request(method, _filled(path))
        assert nobody.status_code == 401, path
        others = " ".join(sorted(SCOPES - {handler.opt["scope"]}))
        wrong = await stack.client.request(method, _filled(path), headers=stack.member(MEMBER, others))
        assert (wrong.status_code, wrong.json()["code"]) == (403, "forbidden"), path
        closed += 1
    assert closed >= 25


async def test_a_system_token_is_no_member_and_a_member_no_desk(stack: Stack) -> None:
    system = stack.bearer("crm", "profile:read")
    assert (await stack.client.get("/v1/me", headers=system)).status_code == 403
    desk = stack.bearer("crm", "vouchers:redeem")
    answer = await stack.client.post("/v1/vouchers/verify", json={"code": "X"}, headers=desk)
    assert answer.status_code == 403


async def test_the_file_is_complete(stack: Stack) -> None:
    file = (await stack.client.get("/schema/openapi.json")).json()
    assert file == json.loads(json.dumps(document(stack.client.app)))
    assert file["openapi"].startswith("3.1")
    described = [operation for item in file["paths"].values() for operation in item.values()]
    identifiers = [operation["operationId"] for operation in described]
    assert len(identifiers) == len(set(identifiers)) >= 25
    for operation in described:
        assert operation["description"].endswith("."), operation["operationId"]
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert answer == {"$ref": f"#/components/responses/Problem{status}"}


async def test_bodies_are_closed_in_the_file_as_in_the_parser(stack: Stack) -> None:
    schemas = (await stack.client.get("/schema/openapi.json")).json()["components"]["schemas"]
    for name in ("AccrualBody", "Amount", "MemberBody", "ProfileBody", "ConsumeBody", "ConsentBody"):
        assert schemas[name]["additionalProperties"] is False


async def test_the_page_names_no_outside_host(stack: Stack) -> None:
    answer = await stack.client.get("/schema")
    assert answer.headers["content-type"].startswith("text/html")
    assert not re.search(r"(?:https?:)?//(?!\s)[a-z0-9-]+\.[a-z]", answer.text)
    assert "default-src 'none'" in answer.text


@pytest.mark.parametrize("path", ["/v1/partners", "/v1/partners/skyhub-lounge"])
async def test_partners_show_capabilities_and_profile(stack: Stack, path: str) -> None:
    answer: Any = (await stack.client.get(path, headers=stack.bearer("integrator", "operations:read"))).json()
    items = answer.get("items", [answer])
    profiles = {item["id"]: item["profile"] for item in items}
    assert profiles["skyhub-lounge"] == "A"
