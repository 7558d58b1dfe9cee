"""Problem documents: the table is total, every answer that is an error has the form, a 500 tells nothing."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

import adapters
import catalogue
import config
import gateway
import settlement
from config.errors import GatewayError
from gateway.problems import HTTP_CODES, PROBLEMS
from tests.api.conftest import Stack, car


def _import_everything() -> None:
    for package in (config, catalogue, adapters, settlement, gateway):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations." not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _tree(root: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield root
    for branch in root.__subclasses__():
        yield from _tree(branch)


def test_every_error_code_has_its_problem_and_no_problem_is_left_over() -> None:
    _import_everything()
    ours = {one.code for one in _tree(GatewayError) if one.__module__.partition(".")[0] != "tests"}
    assert ours | set(HTTP_CODES.values()) == set(PROBLEMS)


def _assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].partition(";")[0] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert set(problem) >= {"type", "title", "status", "detail", "code", "request_id"}
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:partner-benefits-gateway:problem:{code}"
    assert problem["title"] == PROBLEMS[code].title
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


async def test_unknown_path_wrong_method_and_missing_token(stack: Stack) -> None:
    _assert_problem(await stack.client.get("/v1/nothing"), 404, "not_found")
    wrong = await stack.client.delete("/v1/me")
    _assert_problem(wrong, 405, "method_not_allowed")
    assert "GET" in wrong.headers["allow"]
    unknown = await stack.client.get("/v1/me")
    _assert_problem(unknown, 401, "unauthenticated")
    assert unknown.headers["www-authenticate"].startswith("Bearer")


async def test_wrong_media_type_compression_and_size(stack: Stack) -> None:
    put = partial(stack.client.put, "/v1/members/liu")
    _assert_problem(
        await put(content=b"{}", headers=stack.crm | {"Content-Type": "text/plain"}), 415, "unsupported_media_type"
    )
    compressed = stack.crm | {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    _assert_problem(await put(content=b"{}", headers=compressed), 415, "unsupported_media_type")
    large = b'{"city": "' + b"x" * 1_100_000 + b'"}'
    json = stack.crm | {"Content-Type": "application/json"}
    _assert_problem(await put(content=large, headers=json), 413, "body_too_large")


async def test_a_wrong_field_is_named_by_a_pointer(stack: Stack) -> None:
    member_id = await stack.add_member()
    body = car(1_000)
    body["amount"]["amount"] = "100000"
    headers = stack.crm | {"Idempotency-Key": "k"}
    answer = await stack.client.post(f"/v1/members/{member_id}/accruals", json=body, headers=headers)
    problem = _assert_problem(answer, 400, "malformed")
    assert problem["errors"] == [{"detail": "Expected `int`, got `str`.", "pointer": "#/amount/amount"}]


async def test_a_wrong_parameter_is_named(stack: Stack) -> None:
    member_id = await stack.add_member()
    answer = await stack.client.get("/v1/me/activity", params={"limit": 1_000_000_000}, headers=stack.member(member_id))
    problem = _assert_problem(answer, 400, "malformed")
    assert problem["errors"][0]["parameter"] == "limit"


@pytest.mark.parametrize("error", [RuntimeError("the secret plan"), GatewayError("the secret plan")])
async def test_a_fault_of_ours_tells_nothing(stack: Stack, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def fail(_operation: Any) -> None:
        raise error

    monkeypatch.setattr(stack.gateway.database, "read", fail)
    member = stack.member("mbr_01jd3q5v8k4m6n7p8q9r0s1t2v")
    answer = await stack.client.get("/v1/me", headers=member)
    _assert_problem(answer, 500, "internal")
    assert "secret" not in answer.text


async def test_request_id_is_taken_when_harmless_and_made_otherwise(stack: Stack) -> None:
    kept = await stack.client.get("/health/live", headers={"X-Request-Id": "trace-1.A_b"})
    assert kept.headers["x-request-id"] == "trace-1.A_b"
    for harmful in ("a b", "x" * 65, "<script>", ""):
        made = await stack.client.get("/health/live", headers={"X-Request-Id": harmful})
        assert made.headers["x-request-id"].startswith("req_")


async def test_head_is_get_without_a_body_and_options_tells_the_methods(stack: Stack) -> None:
    head = await stack.client.head("/health/live")
    assert (head.status_code, head.content) == (200, b"")
    options = await stack.client.options("/v1/me")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, OPTIONS")
