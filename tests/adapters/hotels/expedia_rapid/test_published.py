"""The partner's own OpenAPI file as referee, used in place: each answer of the simulator, each request of ours.

Skipped, loudly, where the file is not: everything the adapter must do is proved by the other tests.
"""

from __future__ import annotations

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs
import msgspec
import pytest
import yaml  # type: ignore[import-untyped]

from adapters.hotels.expedia_rapid.simulator_book import Magic
from adapters.sdk.manifest import Manifest
from adapters.sdk.outcomes import Outcome
from adapters.sdk.testing.simulator import Simulator, serve
from tests.adapters.hotels.expedia_rapid.conftest import TestClock, connected, requested

SPECS = os.environ.get("GATEWAY_TEST_PARTNER_SPECS")
OURS = "/contract/"
"""What the contract adds and the partner does not publish."""


class Referee:
    """Holds requests and answers against the published operations."""

    def __init__(self, published: dict[str, Any]) -> None:
        self.published = published
        self.faults: list[str] = []
        self.seen: set[tuple[str, int]] = set()
        self._validators: dict[str, Any] = {}

    @cached_property
    def paths(self) -> dict[str, Any]:
        found: dict[str, Any] = self.published["paths"]
        return found

    def path_of(self, path: str) -> str:
        """Find the template of a path."""
        parts = path.split("/")
        for known in self.paths:
            pairs = list(zip(known.split("/"), parts, strict=False))
            if known.count("/") == len(parts) - 1 and all(
                theirs in (ours, "") or "{" in theirs for theirs, ours in pairs
            ):
                return known
        raise AssertionError(f"{path} is not published")

    def judge_request(self, scope: Any, body: bytes) -> None:
        """Every required parameter is there, no unknown one is, and a body is of its schema."""
        operation = self.paths[self.path_of(scope["path"])][scope["method"].lower()]
        query = {name for name, _ in parse_qsl(scope["query_string"].decode())}
        headers = {name.decode() for name, _ in scope["headers"]}
        declared = {item["name"] for item in operation["parameters"] if item["in"] == "query"}
        wanted = {item["name"] for item in operation["parameters"] if item["in"] == "query" and item.get("required")}
        asked = {
            item["name"].lower() for item in operation["parameters"] if item["in"] == "header" and item.get("required")
        }
        self.faults += [f"{operation['operationId']}: unknown {name}" for name in query - declared]
        self.faults += [f"{operation['operationId']}: missing {name}" for name in (wanted - query) | (asked - headers)]
        if body:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            self._hold(operation["operationId"], schema, msgspec.json.decode(body))

    def judge_answer(self, scope: Any, status: int, body: bytes) -> None:
        """The status is published and the body is of its schema."""
        operation = self.paths[self.path_of(scope["path"])][scope["method"].lower()]
        where = f"{operation['operationId']} {status}"
        self.seen.add((operation["operationId"], status))
        answer = operation["responses"].get(str(status))
        if answer is None:
            self.faults.append(f"{where} is not published")
            return
        content = (answer.get("content") or {}).get("application/json")
        if content is None or not body:
            if (content is None) != (not body):
                self.faults.append(f"{where}: a body where none is published, or none where one is")
            return
        schema = content["schema"]
        if operation["operationId"] == "getAvailability" and status == 200:
            schema = {"type": "array", "items": {"$ref": "#/components/schemas/PropertyAvailability"}}
        self._hold(where, schema, msgspec.json.decode(body))

    def _hold(self, where: str, schema: dict[str, Any], instance: Any) -> None:
        if where not in self._validators:
            whole = {**schema, "components": self.published["components"]}
            self._validators[where] = jsonschema_rs.Draft202012Validator(whole)
        self.faults += [f"{where}: {fault.message}" for fault in self._validators[where].iter_errors(instance)]

    def watching(self, simulator: Simulator) -> Any:
        """Stand in front of a simulator."""
        inner = simulator.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["path"].startswith(OURS):
                await inner(scope, receive, send)
                return
            status, answered, sent = 0, b"", b""

            async def hear() -> Any:
                nonlocal sent
                message = await receive()
                sent += message.get("body", b"")
                return message

            async def say(message: Any) -> None:
                nonlocal status, answered
                status, answered = message.get("status", status), answered + message.get("body", b"")
                await send(message)

            await inner(scope, hear, say)
            self.judge_request(scope, sent)
            self.judge_answer(scope, status, answered)

        return app


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    """The partner's file, its examples' instants as text."""
    if not SPECS:
        pytest.skip("NO PARTNER SPECS: set GATEWAY_TEST_PARTNER_SPECS to the folder that holds expedia-rapid.yaml")
    loaded = yaml.load((Path(SPECS) / "expedia-rapid.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    found: dict[str, Any] = json.loads(json.dumps(loaded, default=str))
    return found


async def test_adapter_and_simulator_speak_as_published(
    published: dict[str, Any], simulator: Simulator, manifest: Manifest, clock: TestClock
) -> None:
    referee = Referee(published)
    simulator.app = referee.watching(simulator)  # type: ignore[method-assign]
    async with serve(simulator) as address, connected(address, manifest, clock) as adapter:
        for place in ["40010001", *Magic]:
            request = await requested(adapter, place, key=f"key-{place}")
            step = await adapter.run_step("price_check", request)
            if step.outcome is not Outcome.OK:
                continue
            request = msgspec.structs.replace(request, carried=step.carried)
            for _ in range(3):
                await adapter.run_step("book", request)
            found = await adapter.look_up(request)
            if found.partner_reference is not None:
                await adapter.cancel(request, found.partner_reference)
    assert referee.faults == []
    assert referee.seen >= {
        ("getAvailability", 200),
        ("priceCheck", 200),
        *(("postItinerary", status) for status in (201, 400, 409, 410)),
        ("getReservation", 200),
        *(("getReservationByItineraryId", status) for status in (200, 206, 404)),
        *(("deleteRoom", status) for status in (202, 204)),
    }


def test_the_referee_sees_what_is_wrong(published: dict[str, Any]) -> None:
    referee = Referee(published)
    scope = {"path": "/v3/itineraries", "method": "POST", "query_string": b"colour=blue", "headers": []}
    referee.judge_request(scope, b'{"email":1}')
    referee.judge_answer(scope, 201, b'{"itinerary_id":899}')
    referee.judge_answer(scope, 418, b"{}")
    text = "\n".join(referee.faults)
    for expected in ("unknown colour", "missing token", "missing customer-ip", "phone", "899", "418"):
        assert expected in text
