"""The published contract is valid, current, and what both sides of our own code really say."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jsonschema_rs
import msgspec
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from adapters.direct import simulator as reference
from adapters.direct.conformance import VISIT, authorise, create_subject
from adapters.direct.kit.bench import KitSettings
from adapters.direct.kit.checks import CHECKS
from adapters.direct.kit.running import run_kit
from adapters.direct.mapping import EVENT_KINDS
from adapters.direct.published import contract_document, written
from adapters.sdk.account_records import StatusGrant
from adapters.sdk.linking import LinkAnswer
from adapters.sdk.registry import discover
from adapters.sdk.testing.bench import Bench, open_bench, reserve
from adapters.sdk.testing.rules.points import moved
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, serve_app
from config.clock import SystemClock
from tests.architecture.sources import PROJECT
from tests.support.prism import wanted
from tests.support.referee import Referee

SUBJECT = create_subject(discover().packages["direct"])
DOCUMENT = contract_document(discover().packages["direct"].manifest)
GRANT = StatusGrant(
    key="grant-published-1", account="8800123457", programme="club", tier="gold", provenance="matched",
    valid_from_date=date(2026, 12, 1),
)  # fmt: skip
OPERATIONS = {"token", "quote_offers", "reserve", "look_up", "fence", "cancel", "statement", "search_offers"} | {
    *("authorise", "unlink", "read_account", "validate_member", "report_status", "grant_status", "reverse"),
    "fetch_voucher",
}


def test_the_file_is_what_the_code_makes() -> None:
    kept = (PROJECT / "docs" / "direct-contract.openapi.json").read_text(encoding="utf-8")
    assert kept == written(DOCUMENT), "python -m adapters.direct.published > docs/direct-contract.openapi.json"


def test_it_is_openapi_3_1() -> None:
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []
    broken = json.loads(json.dumps(DOCUMENT))
    broken["paths"]["/v1/offers"]["post"]["responses"]["200"].pop("description")
    assert list(OPENAPI_31_VALIDATOR.iter_errors(broken)), "the validator looks"


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_each_schema_is_one_and_every_reference_leads_somewhere(name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    jsonschema_rs.Draft202012Validator(schema)


def test_every_operation_and_event_is_in_it() -> None:
    found = {each["operationId"] for item in DOCUMENT["paths"].values() for name, each in item.items()
             if name != "parameters"}  # fmt: skip
    assert found == OPERATIONS == {operation.name for operation in reference.OPERATIONS}
    assert set(DOCUMENT["webhooks"]) == EVENT_KINDS


def watched(referee: Referee, simulator: Any) -> Any:
    """The simulator with the referee in front; what controls a simulator is not of the contract."""
    app, inner = referee.watching(simulator), simulator.app

    async def either(scope: Any, receive: Any, send: Any) -> None:
        control = scope["type"] == "http" and scope["path"].startswith("/_simulator")
        await (inner if control else app)(scope, receive, send)

    return either


async def test_the_reference_answers_as_published_to_the_whole_kit() -> None:
    referee = Referee(DOCUMENT)
    simulator = reference.create_simulator(SimulatorOptions(partner="lounge"))
    async with serve_app(watched(referee, simulator)) as url:
        settings = KitSettings(
            url=url,
            client_id="simulator",
            client_secret="simulator-secret",
            service=VISIT,
            account="8800123457",
            tier="gold",
        )
        wrong_on_purpose = {"malformed", "token", "member_links"} if wanted() else {"malformed"}
        checks = tuple(check for check in CHECKS if check.name not in wrong_on_purpose)
        results = await run_kit(settings, SystemClock(), lambda what: _nobody(), checks)
    assert [result for result in results if result.verdict == "failed"] == []
    assert referee.faults == []
    # A kit has no browser. Calls without a token, which Prism answers itself, are what it asks about links.
    unasked = {"authorise", "unlink", "read_account"} if wanted() else {"authorise"}
    assert {operation for operation, _ in referee.seen} == OPERATIONS - unasked
    assert {("reserve", 200), ("reserve", 201), ("reserve", 404), ("reserve", 409), ("look_up", 404)} <= referee.seen


@pytest.mark.skipif(not wanted(), reason="NO PRISM: make referee")
async def test_prism_sees_what_is_not_published() -> None:
    other = json.loads(json.dumps(DOCUMENT))
    other["components"]["schemas"]["OfferItem"]["required"].append("colour")
    referee = Referee(other)
    simulator = reference.create_simulator(SimulatorOptions(partner="lounge"))
    async with serve_app(watched(referee, simulator)) as url:
        settings = KitSettings(url=url, client_id="simulator", client_secret="simulator-secret", service=VISIT)
        (check,) = (check for check in CHECKS if check.name == "offers")
        await run_kit(settings, SystemClock(), lambda what: _nobody(), (check,))
    assert [fault for fault in referee.faults if "Prism" in fault and "colour" in fault]


async def test_the_adapter_asks_as_published() -> None:
    referee = Referee(DOCUMENT)

    def create(options: SimulatorOptions) -> Simulator:
        made = reference.create_simulator(options)
        made.app = watched(referee, made)  # type: ignore[method-assign]
        return made

    async with open_bench(msgspec.structs.replace(SUBJECT, create_simulator=create)) as bench:
        result, request = await reserve(bench.adapter, await bench.request("published"))
        await bench.adapter.look_up(request)
        await bench.adapter.fetch_voucher(request, result.partner_reference)
        await bench.adapter.cancel(request, result.partner_reference)
        await bench.adapter.fence(await bench.request("fenced"))
        await bench.adapter.fetch_statement(bench.today())
        await link_and_unlink(bench)
        await bench.adapter.validate_member(SUBJECT.account_request)
        await bench.adapter.report_status(SUBJECT.account_request)
        await bench.adapter.grant_status(GRANT)
        await bench.adapter.search_offers(SUBJECT.offer_search)
        await bench.adapter.reverse_credit(await moved(bench, "credit", "published"))
    assert referee.faults == []
    assert {operation for operation, _ in referee.seen} == OPERATIONS


async def link_and_unlink(bench: Bench) -> None:
    """Walk a member's whole way: his browser, our calls."""
    linking = bench.linking
    assert linking is not None
    asked = {"verifier": "v" * 43, "redirect_url": "https://club.example/callback"}
    url = linking.authorization_url(state="s1", **asked)
    async with httpx.AsyncClient() as browser:
        assert (await browser.get(url)).status_code == 200
    told = dict(parse_qsl(urlsplit(await authorise(bench.simulator, url, "M-1")).query))
    code = linking.judge(LinkAnswer(code=told["code"], iss=told["iss"]))
    tokens = await linking.redeem(code=code, **asked)
    bench.vault.put("link", msgspec.structs.replace(tokens, access_ends_at=bench.clock.now()))
    assert (await bench.adapter.read_account("link")).account_number == "M-1"
    renewed = bench.vault.held["link"].tokens.refresh_token
    assert renewed is not None
    assert await linking.revoke(renewed)


async def _nobody() -> None:
    return None


@pytest.mark.parametrize("kind", sorted(EVENT_KINDS))
async def test_the_events_are_as_published(kind: str) -> None:
    simulator = reference.create_simulator(SimulatorOptions(partner="lounge"))
    async with serve_app(simulator.app) as url:
        settings = KitSettings(
            url=url, client_id="simulator", client_secret="simulator-secret", service=VISIT,
            trigger=f"{url}/_simulator/events", webhook_secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            webhook_port=0, wait_seconds=0.1,
        )  # fmt: skip
        (check,) = (check for check in CHECKS if check.name == f"event[{kind}]")
        (result,) = await run_kit(settings, SystemClock(), lambda what: _nobody(), (check,))
        assert "did not come" in result.detail, "nobody told it where"
    ((_, body),) = simulator.webhooks.sent
    operation = DOCUMENT["webhooks"][kind]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    jsonschema_rs.Draft202012Validator(schema | {"components": DOCUMENT["components"]}).validate(json.loads(body))
