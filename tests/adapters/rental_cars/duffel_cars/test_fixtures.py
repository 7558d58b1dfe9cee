"""Every condition that the partner documents or that we have reason to fear, one file each, and what it proves.

The files are our own words and numbers; each names where the condition comes from.
"""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from adapters.rental_cars import duffel_cars
from adapters.rental_cars.duffel_cars import create
from adapters.rental_cars.duffel_cars.adapter import DuffelCarsAdapter
from adapters.rental_cars.duffel_cars.responses import TABLES
from adapters.rental_cars.duffel_cars.simulator import CREDENTIALS
from adapters.sdk.context import open_context
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import ReservationRequest
from catalogue.values import Money
from config.clock import SystemClock
from config.secrets import Secret
from tests.adapters.rental_cars.duffel_cars.conftest import KEY, MANIFEST, OPTIONS, RENTAL, TRAVELLER

FOLDER = Path(duffel_cars.__file__).parent / "fixtures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
RESERVATION = ReservationRequest(
    key=KEY,
    service=RENTAL,
    offer_token='{"rate_id":"rae_5001"}',
    price=Money(61_250, "CNY"),
    traveller=TRAVELLER,
    requested_at=SystemClock().now(),
    carried={"quote_id": "qut_7001"},
)


class Fixture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One condition: what the partner answers, and what must be made of it."""

    source: str
    operation: str
    status: int
    expect: dict[str, Any]
    headers: dict[str, str] = {}
    body: Any = None
    raw: str | None = None

    def response(self) -> httpx.Response:
        """Make the answer; ``{key}`` and ``{in a minute}`` stand for what is only known when it runs."""
        content = msgspec.json.encode(self.body).decode() if self.raw is None else self.raw
        reset = format_datetime(SystemClock().now() + timedelta(minutes=1), usegmt=True)
        headers = {name: value.replace("{in a minute}", reset) for name, value in self.headers.items()}
        stream = httpx.ByteStream(content.replace("{key}", KEY).encode())
        return httpx.Response(self.status, stream=stream, headers=headers)


def load(name: str) -> Fixture:
    return msgspec.json.decode((FOLDER / f"{name}.json").read_bytes(), type=Fixture)


def answering(*answers: httpx.Response) -> tuple[DuffelCarsAdapter, list[httpx.Request]]:
    """Make an adapter whose partner gives these answers in turn, and the list its requests are kept in."""
    waiting, seen = list(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return waiting.pop(0)

    context = open_context(
        partner="duffel-cars",
        manifest=MANIFEST,
        base_url="https://api.duffel.test",
        credentials={name: Secret(value) for name, value in CREDENTIALS.items()},
        options=OPTIONS,
        clock=SystemClock(),
        http=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
    )
    return create(context), seen


@pytest.mark.parametrize("name", NAMES)
async def test_each_condition_proves_what_it_says(name: str) -> None:
    fixture = load(name)
    adapter, seen = answering(fixture.response())
    found = msgspec.to_builtins(await adapter.run_step(fixture.operation, RESERVATION))
    wait = found.get("retry_after_seconds")
    if wait is not None:
        found["retry_after_seconds"] = 60 if 58 <= wait <= 61 else wait
    assert {name: found[name] for name in fixture.expect} == fixture.expect
    assert [request.headers["duffel-version"] for request in seen] == ["v2"]
    assert seen[0].headers["authorization"] == f"Bearer {CREDENTIALS['api_key']}"


def test_each_condition_names_its_source() -> None:
    assert [name for name in NAMES if not load(name).source.strip()] == []
    assert len(NAMES) == 41


@pytest.mark.parametrize("operation", ["quote", "book"])
def test_each_rule_has_an_answer_of_its_own(operation: str) -> None:
    seen = {(load(name).status, load(name).expect["outcome"]) for name in NAMES if load(name).operation == operation}
    assert {(rule.status, rule.outcome.value) for rule in TABLES[operation].rules} - seen == set()


async def test_a_cancel_is_judged_by_the_booking_and_read_again_when_it_does_not_say() -> None:
    standing = msgspec.json.encode(load("book_confirmed").body).replace(b"{key}", KEY.encode())
    gone = standing.replace(b'"confirmed"', b'"cancelled"').replace(b'"cancelled_at":null', b'"cancelled_at":"2026"')
    foreign = gone.replace(KEY.encode(), b"rdm_other")
    refused = load("book_invalid")

    def say(status: int, body: bytes) -> httpx.Response:
        return httpx.Response(status, stream=httpx.ByteStream(body))

    cases = [
        ([say(200, gone)], Outcome.OK),
        ([say(200, standing)], Outcome.UNKNOWN),
        ([say(200, foreign)], Outcome.UNKNOWN),
        ([say(500, b""), say(200, gone)], Outcome.OK),
        ([say(500, b""), say(200, standing)], Outcome.UNKNOWN),
        ([say(500, b""), say(500, b"")], Outcome.UNKNOWN),
        ([refused.response(), say(200, standing)], Outcome.NO),
        ([refused.response(), say(200, gone)], Outcome.OK),
        ([refused.response(), say(404, b"{}")], Outcome.UNKNOWN),
        ([load("book_gone").response(), say(200, standing)], Outcome.UNKNOWN),
        ([load("book_too_many_requests").response()], Outcome.BUSY),
        ([load("book_unauthenticated").response()], Outcome.BUSY),
        ([say(200, b"{"), say(200, gone)], Outcome.UNKNOWN),
    ]
    for number, (answers, expected) in enumerate(cases):
        adapter, _ = answering(*answers)
        assert (await adapter.cancel(RESERVATION, "boo_9001")).outcome is expected, number
