"""Schemathesis over the gateway's own OpenAPI file: no server error, no undeclared answer (IN-01, AZ-04).

The served application runs in a thread with its own loop; the token may do everything, as a member who is also a
partner's desk, so that requests get past the door.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import CheckFunction
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from catalogue.members import MemberInput, upsert_member
from config.clock import SystemClock
from gateway.app import create_app
from gateway.oauth.issuer import open_issuer
from gateway.wiring import open_gateway
from tests.api.conftest import NOON, settings_for
from tests.api.serving import serving
from tests.api.test_routes import SCOPES

EXAMPLES_PER_OPERATION = 12
"""Times some forty operations: 500 examples."""

CONFIGURATION = SchemathesisConfig.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", "401", "403", "404", "409", "422", "5xx"]}
        }
    }
)
"""Input of the right shape may break a rule (422): a tier that is too low, a voucher that is none."""


@dataclass
class Served:
    """Where the application answers, and a token that may do everything."""

    url: str = ""
    token: str = ""
    known: dict[str, str] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)


async def _serve(
    folder: Path, database_url: str, served: Served, ready: threading.Event, stop: threading.Event
) -> None:
    configured = settings_for(database_url, folder)
    gateway = await open_gateway(configured, environ={})
    try:
        member_id = gateway.identifiers.new("member")
        await gateway.database.write(
            lambda connection: upsert_member(connection, MemberInput(external_id="fuzz"), member_id, NOON)
        )
        issuer = open_issuer(configured.oauth, SystemClock())
        served.known = {"member_id": member_id, "benefit_id": "lounge-visit", "partner": "skyhub-lounge"}
        served.token = issuer.mint(subject=member_id, client_id="skyhub-desk", scope=" ".join(sorted(SCOPES)))
        async with serving(create_app(gateway)) as port:
            served.url = f"http://127.0.0.1:{port}"
            ready.set()
            await asyncio.to_thread(stop.wait)
    finally:
        ready.set()
        await gateway.close()


@pytest.fixture(scope="module")
def served(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("fuzz")
    shutil.copyfile(sqlite_template, folder / "gateway.db")
    served, ready, stop = Served(), threading.Event(), threading.Event()
    work = _serve(folder, f"sqlite:///{folder}/gateway.db", served, ready, stop)
    thread = threading.Thread(target=lambda: asyncio.run(work), name="served")
    thread.start()
    assert ready.wait(30)
    yield served
    stop.set()
    thread.join(30)


def test_every_answer_is_as_declared(served: Served) -> None:
    schema = schemathesis.openapi.from_url(f"{served.url}/schema/openapi.json", config=CONFIGURATION)
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) * EXAMPLES_PER_OPERATION >= 400
    failures = [failure for operation in operations if (failure := _failure(operation, served))]
    assert not failures, "\n\n".join(failures)
    assert served.answers.total() >= 500
    assert served.answers[200] >= 120, "requests get past the door and past the names"


def _name_what_exists(case: Case[Any], known: dict[str, str]) -> None:
    """Put names of things that are there for invented ones, or every path would end in 404."""
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    for place in (case.path_parameters, case.body):
        if isinstance(place, dict):
            place.update({name: value for name, value in known.items() if name in place})


def _failure(operation: APIOperation[Any, Any, Any, Any], served: Served) -> str | None:
    @given(case=operation.as_strategy(), named=st.booleans())
    @settings(
        max_examples=EXAMPLES_PER_OPERATION,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def run(case: Case[Any], named: bool) -> None:
        if named:
            _name_what_exists(case, served.known)
        response = case.call(headers={"Authorization": f"Bearer {served.token}"})
        try:
            case.validate_response(response, excluded_checks=_not_in_a_schema(response.status_code, response.text))
        except FailureGroup as found:
            titles = "; ".join(type(one).__name__ for one in found.exceptions)
            sent = f"{case.method} {response.request.url} {case.body!r:.300}"
            raise AssertionError(f"{titles}\n  {sent}\n  {response.status_code} {response.text:.400}") from found
        served.answers[response.status_code] += 1

    try:
        run()
    except AssertionError as found:
        return f"{operation.label}: {found}"
    return None


def _not_in_a_schema(status: int, text: str) -> list[CheckFunction]:
    """Excuse refusals of what no schema can say: 1.0 is an integer to JSON Schema, and nobody can guess a cursor."""
    excused = status == 400 and ("numbers are whole" in text or '"code":"cursor_invalid"' in text)
    return [positive_data_acceptance] if excused else []
