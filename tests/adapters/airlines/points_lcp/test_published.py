"""The platform's documentation as a file of ours, and that file as referee; see `tests.support.referee`.

The vendor publishes prose only. What it says is written down in ``tests/support/points_lcp.openapi.yaml``. That is held
to be OpenAPI, and against the adapter's own types and tables, so that neither can drift from the other.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import yaml  # type: ignore[import-untyped]
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from adapters.airlines.points_lcp import responses, wire
from adapters.airlines.points_lcp.simulator import OPERATIONS, create_simulator
from adapters.airlines.points_lcp.simulator_book import SANDBOX_AMOUNTS, SANDBOX_MEMBERS
from adapters.sdk.outcomes import ResponseTable
from adapters.sdk.testing.simulator import SimulatorOptions
from tests.adapters.airlines.points_lcp.conftest import Partner, reservation, running
from tests.support.prism import wanted
from tests.support.referee import Referee

FILE = Path(__file__).parents[3] / "support" / "points_lcp.openapi.yaml"
DOCUMENT: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(FILE.read_bytes()), default=str))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
ASKED = (
    wire.MemberValidationRequest,
    wire.OrderRequest,
    wire.OrderData,
    wire.CreditRequest,
)
ANSWERED = (wire.MemberValidation, wire.Order, wire.OrderUpdate, wire.Credit, wire.Callback, wire.Errors, wire.Links)
TABLES = {
    "validate_member": responses.VALIDATE_MEMBER,
    "create_order": responses.CREATE_ORDER,
    "credit": responses.CREDIT,
    "get_order": responses.READ,
    "get_credit": responses.READ,
}


def operations() -> dict[str, Any]:
    return {
        operation["operationId"]: operation
        for item in DOCUMENT["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    }


def test_it_is_openapi_3_1() -> None:
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_one_and_every_reference_leads_somewhere(name: str) -> None:
    jsonschema_rs.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]})


@pytest.mark.parametrize("type_", ASKED, ids=lambda type_: type_.__name__)
def test_what_the_adapter_asks_with_is_documented_and_complete(type_: type[msgspec.Struct]) -> None:
    schema = SCHEMAS[type_.__name__]
    fields = {field.encode_name: field.required for field in msgspec.structs.fields(type_)}
    assert set(fields) <= set(schema["properties"])
    assert set(schema["required"]) <= {name for name, required in fields.items() if required}


@pytest.mark.parametrize("type_", ANSWERED, ids=lambda type_: type_.__name__)
def test_what_the_adapter_needs_of_an_answer_is_promised(type_: type[msgspec.Struct]) -> None:
    schema = SCHEMAS[type_.__name__]
    fields = {field.encode_name: field.required for field in msgspec.structs.fields(type_)}
    assert set(fields) <= set(schema["properties"])
    assert {name for name, required in fields.items() if required} <= set(schema["required"])


@pytest.mark.parametrize("type_", [wire.OrderStatus, wire.CreditStatus])
def test_closed_lists_are_the_same_on_both_sides(type_: Any) -> None:
    assert {member.value for member in type_} == set(SCHEMAS[type_.__name__]["enum"])


def followed(part: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to, or the part itself."""
    if "$ref" not in part:
        return part
    kind, name = part["$ref"].split("/")[-2:]
    found: dict[str, Any] = DOCUMENT["components"][kind][name]
    return found


def documented(operation: str) -> set[tuple[int, str]]:
    """Each documented error of an operation, as (status, code)."""
    found = set()
    for status, given in operations()[operation]["responses"].items():
        for part in followed(given)["content"]["application/json"]["schema"].get("allOf", ())[1:]:
            codes = followed(part)["properties"]["errors"]["items"]["properties"]["code"]["enum"]
            found |= {(int(status), code) for code in codes}
    return found


@pytest.mark.parametrize("operation", sorted(TABLES))
def test_every_rule_of_an_error_is_documented(operation: str) -> None:
    table: ResponseTable = TABLES[operation]
    errors = documented(operation)
    for rule in table.rules:
        if rule.status >= 300:
            assert any(rule.status == status and rule.code in (None, code) for status, code in errors), rule


def test_every_operation_of_the_simulator_is_in_it() -> None:
    beside = {"get_statement", "reverse"}
    assert set(operations()) - {"get_debit"} == {operation.name for operation in OPERATIONS} - beside


async def everything(partner: Partner) -> None:
    """Reach every answer that the simulator gives to this adapter, and look at what became of each."""
    for amount in (2000, *SANDBOX_AMOUNTS):
        request, _ = await partner.run(reservation(quantity=amount))
        await partner.adapter.look_up(request)
    again, _ = await partner.run(reservation(key="rdm_again"))
    assert (await partner.adapter.run_step("credit", again)).code == "MV_ALREADY_USED"
    lost = msgspec.structs.replace(again, carried={**again.carried, "order": "http://127.0.0.1/v1/orders/or-9"})
    assert (await partner.adapter.look_up(lost)).code == "NOT_FOUND"
    for last_four in SANDBOX_MEMBERS:
        await partner.run(reservation(account=f"8001{last_four}"))


async def test_adapter_and_simulator_speak_as_documented() -> None:
    referee = Referee(DOCUMENT)
    simulator = create_simulator(SimulatorOptions(partner="skyward-miles"))
    simulator.app = watched(referee, simulator)  # type: ignore[method-assign]
    async with running(simulator=simulator) as partner:
        await everything(partner)
    assert referee.faults == []
    assert referee.seen == {
        *(("validate_member", status) for status in (201, 422, 502)),
        ("create_order", 201),
        *(("credit", status) for status in (201, 422)),
        *(("get_order", status) for status in (200, 404)),
        ("get_credit", 200),
    }
    schema = {"$ref": "#/components/schemas/Callback", "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema)
    told = [json.loads(body) for _, body in simulator.webhooks.sent]
    assert told
    assert [error.message for body in told for error in validator.iter_errors(body)] == []


def watched(referee: Referee, simulator: Any) -> Any:
    """The simulator with the referee in front; what controls a simulator is not of the platform's API."""
    app, inner = referee.watching(simulator), simulator.app

    async def either(scope: Any, receive: Any, send: Any) -> None:
        control = scope["type"] == "http" and scope["path"].startswith("/_simulator")
        await (inner if control else app)(scope, receive, send)

    return either


async def test_a_signature_that_does_not_fit_is_answered_as_documented() -> None:
    referee = Referee(DOCUMENT)
    simulator = create_simulator(SimulatorOptions(partner="skyward-miles", credentials={"mac_id": "another"}))
    simulator.app = watched(referee, simulator)  # type: ignore[method-assign]
    async with running(simulator=simulator) as partner:
        _, result = await partner.run(reservation())
    assert (result.code, referee.faults) == ("UNAUTHORIZED", [])
    assert referee.seen == {("validate_member", 401)}


def test_the_referee_sees_what_is_wrong() -> None:
    referee = Referee(DOCUMENT)
    scope = {"path": "/v1/lps/skyward/credits/", "method": "POST", "query_string": b"colour=blue", "headers": []}
    referee.judge_request(scope, b'{"amount": 0, "memberValidation": "http://x/mv", "key": "k"}')
    referee.judge_answer(scope, 422, b'{"errors": [{"code": "SOLD_OUT", "description": ""}]}')
    referee.judge_answer(scope, 201, b'{"status": "granted"}')
    referee.judge_answer(scope, 418, b"{}")
    text = "\n".join(referee.faults)
    for expected in ("unknown colour", "minimum", "'key'", "SOLD_OUT", "granted", "418"):
        assert expected in text


@pytest.mark.skipif(not wanted(), reason="NO PRISM: make referee")
async def test_prism_sees_what_is_not_documented() -> None:
    other = json.loads(json.dumps(DOCUMENT))
    other["components"]["schemas"]["Credit"]["required"].append("colour")
    referee = Referee(other)
    simulator = create_simulator(SimulatorOptions(partner="skyward-miles"))
    simulator.app = watched(referee, simulator)  # type: ignore[method-assign]
    async with running(simulator=simulator) as partner:
        await partner.run(reservation())
    assert [fault for fault in referee.faults if "Prism" in fault and "colour" in fault]
