"""A partner's own OpenAPI file as referee, used in place: each answer of a simulator, each request of an adapter.

The folder is named by ``GATEWAY_TEST_PARTNER_SPECS``; without it such tests are skipped, loudly: everything an adapter
must do is proved by its other tests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs
import msgspec
import pytest
import yaml  # type: ignore[import-untyped]

from adapters.sdk.testing.simulator import Simulator
from tests.support.prism import Prism, wanted

WHOLE = "x-whole"
"""Where the whole file of the older form is kept beside its parts."""
OURS = "/contract/"
"""What the contract adds and the partner does not publish."""


def load_published(name: str) -> dict[str, Any]:
    """Load a partner's file, its examples' instants as text; skip the test where there is none."""
    folder = os.environ.get("GATEWAY_TEST_PARTNER_SPECS")
    if not folder:
        pytest.skip(f"NO PARTNER SPECS: set GATEWAY_TEST_PARTNER_SPECS to the folder that holds {name}")
    loaded = yaml.load((Path(folder) / name).read_bytes(), Loader=yaml.CSafeLoader)
    found: dict[str, Any] = json.loads(json.dumps(loaded, default=str))
    return found


def from_swagger(published: dict[str, Any]) -> dict[str, Any]:
    """Give a file of the older form (Swagger 2) the parts of the newer one that are looked at.

    Two published patterns cannot be meant as they stand: ``{1-2}`` is no regular expression, and a company's name of
    exactly 30 letters fits none of the file's own examples.
    """
    published = json.loads(json.dumps(published).replace("{1-2}", "{1,2}").replace("{30}", "{1,30}"))
    whole = published
    paths = {
        published.get("basePath", "") + path: {method: _operation(published, given) for method, given in item.items()}
        for path, item in published["paths"].items()
    }
    return {"paths": paths, "components": {}, "definitions": published["definitions"], WHOLE: whole}


def _fits(known: list[str], parts: list[str]) -> bool:
    pairs = zip(known, parts, strict=False)
    return len(known) == len(parts) and all(theirs == ours or ("{" in theirs and ours) for theirs, ours in pairs)


def _operation(published: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    bodies = [item["schema"] for item in given.get("parameters", []) if item["in"] == "body"]
    answers = {
        status: published["responses"][answer["$ref"].rpartition("/")[2]]
        for status, answer in given["responses"].items()
    }
    return {
        "operationId": given["operationId"],
        "parameters": [item for item in given.get("parameters", []) if item["in"] != "body"],
        "requestBody": {"content": {"application/json": {"schema": bodies[0]}}} if bodies else {},
        "responses": {
            status: {"content": {"application/json": {"schema": answer["schema"]}}}
            for status, answer in answers.items()
        },
    }


class Referee:
    """Holds requests and answers against the published operations."""

    def __init__(
        self, published: dict[str, Any], corrections: Mapping[tuple[str, int], dict[str, Any]] | None = None
    ) -> None:
        """Take the published file; ``corrections`` replace an answer's schema by (operation, status)."""
        self.published = published
        self.corrections = corrections or {}
        self.faults: list[str] = []
        self.seen: set[tuple[str, int]] = set()
        self.prism = Prism(self._corrected()) if wanted() else None
        self._validators: dict[str, Any] = {}

    def _corrected(self) -> dict[str, Any]:
        """The file for Prism, its answers' schemas replaced by the corrections."""
        published = json.loads(json.dumps(self.published.get(WHOLE, self.published)))
        for item in published["paths"].values():
            for operation in item.values():
                for (name, status), schema in self.corrections.items():
                    if isinstance(operation, dict) and operation.get("operationId") == name:
                        operation["responses"][str(status)]["content"]["application/json"]["schema"] = schema
        return dict(published)

    @cached_property
    def paths(self) -> dict[str, Any]:
        found: dict[str, Any] = self.published["paths"]
        return found

    def path_of(self, path: str) -> str:
        """Find the template of a path: the one with the fewest places for anything, where several fit."""
        parts = path.split("/")
        fitting = [known for known in self.paths if _fits(known.split("/"), parts)]
        if fitting:
            return min(fitting, key=lambda known: known.count("{"))
        raise AssertionError(f"{path} is not published")

    def judge_request(self, scope: Any, body: bytes) -> None:
        """Every required parameter is there, no unknown one is, and a body is of its schema."""
        operation = self.paths[self.path_of(scope["path"])][scope["method"].lower()]
        query = {name for name, _ in parse_qsl(scope["query_string"].decode())}
        headers = {name.decode() for name, _ in scope["headers"]}
        declared = {item["name"] for item in operation.get("parameters", []) if item["in"] == "query"}
        wanted = {
            item["name"] for item in operation.get("parameters", []) if item["in"] == "query" and item.get("required")
        }
        asked = {
            item["name"].lower()
            for item in operation.get("parameters", [])
            if item["in"] == "header" and item.get("required")
        }
        self.faults += [f"{operation['operationId']}: unknown {name}" for name in query - declared]
        self.faults += [f"{operation['operationId']}: missing {name}" for name in (wanted - query) | (asked - headers)]
        if body and "application/json" in operation["requestBody"]["content"]:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            self._hold(operation["operationId"], schema, msgspec.json.decode(body))

    def judge_answer(self, scope: Any, status: int, body: bytes) -> None:
        """The status is published and the body is of its schema."""
        operation = self.paths[self.path_of(scope["path"])][scope["method"].lower()]
        where = f"{operation['operationId']} {status}"
        self.seen.add((operation["operationId"], status))
        answer = operation["responses"].get(str(status)) or operation["responses"].get("default")
        if answer is None:
            self.faults.append(f"{where} is not published")
            return
        if "$ref" in answer:
            answer = self.published["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        published = answer.get("content") or {}
        if published and "application/json" not in published:
            return
        content = published.get("application/json")
        if content is None or not body:
            if (content is None) != (not body):
                self.faults.append(f"{where}: a body where none is published, or none where one is")
            return
        schema = self.corrections.get((operation["operationId"], status), content["schema"])
        self._hold(where, schema, msgspec.json.decode(body))

    def _hold(self, where: str, schema: dict[str, Any], instance: Any) -> None:
        if where not in self._validators:
            shared = {name: self.published[name] for name in ("components", "definitions") if name in self.published}
            self._validators[where] = jsonschema_rs.Draft202012Validator(schema | shared)
        self.faults += [f"{where}: {fault.message}" for fault in self._validators[where].iter_errors(instance)]

    def watching(self, simulator: Simulator) -> Any:
        """Stand in front of a simulator."""
        plain = simulator.app
        prism = self.prism

        async def inner(scope: Any, receive: Any, send: Any) -> None:
            if prism is None or scope["type"] != "http" or scope["path"].startswith(OURS):
                await plain(scope, receive, send)
                return
            before = len(prism.faults)
            await prism.judge(plain, scope, receive, send)
            self.faults += prism.faults[before:]

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["path"].startswith(OURS):
                await inner(scope, receive, send)
                return
            asked = dict(scope)  # the framework cuts a last stroke off the path of its own
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
            self.judge_request(asked, sent)
            self.judge_answer(asked, status, answered)

        return app
