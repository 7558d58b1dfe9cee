"""Every condition that the partner documents or that we have reason to fear, one file each, and what it proves.

The files are our own words and numbers; each names where the condition comes from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from adapters.sdk.context import open_context
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import ReservationRequest
from adapters.transfers import amadeus_transfers
from adapters.transfers.amadeus_transfers import create
from adapters.transfers.amadeus_transfers.adapter import AmadeusTransfersAdapter
from adapters.transfers.amadeus_transfers.responses import TABLES
from adapters.transfers.amadeus_transfers.simulator import CREDENTIALS
from catalogue.values import Money
from config.clock import SystemClock
from config.secrets import Secret
from tests.adapters.transfers.amadeus_transfers.conftest import KEY, MANIFEST, OPTIONS, RIDE, TRAVELLER

FOLDER = Path(amadeus_transfers.__file__).parent / "fixtures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
RESERVATION = ReservationRequest(
    key=KEY,
    service=RIDE,
    offer_token='{"offer_id":"offer-77"}',
    price=Money(24_550, "CNY"),
    traveller=TRAVELLER,
    requested_at=SystemClock().now(),
    carried={"confirmation": "2904892"},
)


class Fixture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One condition: what the partner answers, and what must be made of it."""

    source: str
    operation: str
    status: int
    expect: dict[str, Any]
    body: Any = None
    raw: str | None = None

    def response(self) -> httpx.Response:
        """Make the answer; ``{key}`` stands for our key."""
        content = msgspec.json.encode(self.body).decode() if self.raw is None else self.raw
        return say(self.status, content.replace("{key}", KEY))


def say(status: int, content: str) -> httpx.Response:
    return httpx.Response(status, stream=httpx.ByteStream(content.encode()))


def load(name: str) -> Fixture:
    return msgspec.json.decode((FOLDER / f"{name}.json").read_bytes(), type=Fixture)


def answering(response: httpx.Response) -> tuple[AmadeusTransfersAdapter, list[httpx.Request]]:
    """Make an adapter that gets a token and then this answer, and the list its requests are kept in."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path.endswith("/token"):
            return say(200, '{"token_type":"Bearer","access_token":"f8","expires_in":1799}')
        return httpx.Response(response.status_code, stream=response.stream)

    context = open_context(
        partner="amadeus-transfers",
        manifest=MANIFEST,
        base_url="https://api.amadeus.test",
        credentials={name: Secret(value) for name, value in CREDENTIALS.items()},
        options=OPTIONS,
        clock=SystemClock(),
        http=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
    )
    return create(context), seen


@pytest.mark.parametrize("name", NAMES)
async def test_each_condition_proves_what_it_says(name: str) -> None:
    fixture = load(name)
    adapter, _ = answering(fixture.response())
    found = msgspec.to_builtins(await adapter.run_step(fixture.operation, RESERVATION))
    assert {name: found[name] for name in fixture.expect} == fixture.expect


def test_each_condition_names_its_source() -> None:
    assert [name for name in NAMES if not load(name).source.strip()] == []
    assert len(NAMES) == 51


def test_each_rule_has_an_answer_of_its_own() -> None:
    seen = {
        (load(name).status, load(name).expect.get("code"), load(name).expect["outcome"])
        for name in NAMES
        if load(name).status != 201
    } | {(201, None, "ok")}
    assert {(rule.status, rule.code, rule.outcome.value) for rule in TABLES["book"].rules} - seen == set()


async def test_a_booking_is_written_as_documented_and_authenticated_in_the_body() -> None:
    adapter, seen = answering(load("book_confirmed").response())
    await adapter.run_step("book", RESERVATION)
    token, booking = seen
    assert token.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in token.headers
    assert token.content.decode() == (
        "grant_type=client_credentials&client_id=transfers-simulator&client_secret=transfers-simulator-secret"
    )
    assert booking.headers["authorization"] == "Bearer f8"
    assert booking.url.query == b"offerId=offer-77"
    assert msgspec.json.decode(booking.content) == {
        "data": {
            "note": f"Ref {KEY}",
            "passengers": [
                {
                    "firstName": "Wei",
                    "lastName": "Liu",
                    "contacts": {"phoneNumber": "+8613900000001", "email": "liu.wei@example.cn"},
                }
            ],
            "payment": {"methodOfPayment": "TRAVEL_ACCOUNT", "paymentReference": "CLUB-2026"},
        }
    }


@pytest.mark.parametrize(
    ("status", "content", "outcome", "code"),
    [
        (200, '{"data":{"confirmNbr":"2904892","reservationStatus":"CANCELLED"}}', Outcome.OK, None),
        (200, '{"data":{"confirmNbr":"2904892","reservationStatus":"CONFIRMED"}}', Outcome.NO, "still_confirmed"),
        (200, '{"data":{"confirmNbr":"2904893","reservationStatus":"CANCELLED"}}', Outcome.UNKNOWN, "wrong_echo"),
        (200, '{"data":{"confirmNbr":"2904892","reservationStatus":"GONE"}}', Outcome.UNKNOWN, "protocol"),
        (200, "", Outcome.UNKNOWN, "protocol"),
        (204, "", Outcome.UNKNOWN, "204"),
        (400, '{"errors":[{"status":400,"code":32171}]}', Outcome.NO, "32171"),
        (400, '{"errors":[{"status":400,"code":4926}]}', Outcome.UNKNOWN, "4926"),
        (401, '{"errors":[{"status":401,"code":20}]}', Outcome.BUSY, "20"),
        (404, '{"errors":[{"status":404,"code":1797}]}', Outcome.UNKNOWN, "1797"),
        (500, '{"errors":[{"status":500,"code":141}]}', Outcome.UNKNOWN, "141"),
    ],
)
async def test_a_cancel_is_judged_by_its_body(status: int, content: str, outcome: Outcome, code: str | None) -> None:
    adapter, seen = answering(say(status, content))
    result = await adapter.cancel(RESERVATION, "UVZT/Wl")
    assert (result.outcome, result.code) == (outcome, code)
    assert seen[-1].url.raw_path == (
        b"/v1/ordering/transfer-orders/UVZT%2FWl/transfers/cancellation?confirmNbr=2904892"
    )


async def test_without_the_rides_number_nothing_is_cancelled() -> None:
    adapter, seen = answering(say(200, ""))
    bare = msgspec.structs.replace(RESERVATION, carried={})
    assert (await adapter.cancel(bare, "UVZTWl")).code == "no_confirmation"
    assert seen == []
