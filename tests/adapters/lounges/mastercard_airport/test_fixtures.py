"""Every condition that the partner documents or that we have reason to fear, one file each, and what it proves.

The files are our own words and numbers; each names where the condition comes from.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from adapters.lounges import mastercard_airport
from adapters.lounges.mastercard_airport import create
from adapters.lounges.mastercard_airport.adapter import MastercardAirportAdapter
from adapters.lounges.mastercard_airport.responses import READ
from adapters.lounges.mastercard_airport.simulator import CREDENTIALS
from adapters.sdk.context import open_context
from adapters.sdk.errors import AuthenticationError, PartnerUnavailableError, ProtocolError, RejectedError
from adapters.sdk.outcomes import Outcome
from catalogue.values import Money
from config.clock import SystemClock
from config.secrets import Secret
from tests.adapters.lounges.mastercard_airport.conftest import ACCOUNT, MANIFEST, VISIT, reservation

FOLDER = Path(mastercard_airport.__file__).parent / "fixtures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
DAY = date(2027, 1, 11)
RESERVATION = reservation(msgspec.structs.replace(VISIT, visit_date=DAY))


class Fixture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One condition: what the partner answers, and what must be made of it."""

    source: str
    operation: str
    status: int
    expect: dict[str, Any]
    body: Any = None
    raw: str | None = None

    def response(self) -> httpx.Response:
        return say(self.status, msgspec.json.encode(self.body).decode() if self.raw is None else self.raw)


def say(status: int, content: str) -> httpx.Response:
    return httpx.Response(status, stream=httpx.ByteStream(content.encode()))


def load(name: str) -> Fixture:
    return msgspec.json.decode((FOLDER / f"{name}.json").read_bytes(), type=Fixture)


def answering(response: httpx.Response) -> tuple[MastercardAirportAdapter, list[httpx.Request]]:
    """Make an adapter whose partner gives this answer, and the list its requests are kept in."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(response.status_code, stream=response.stream)

    context = open_context(
        partner="mastercard-airport",
        manifest=MANIFEST,
        base_url="https://api.mastercard.test",
        credentials={name: Secret(value) for name, value in CREDENTIALS.items()},
        options={},
        clock=SystemClock(),
        http=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
    )
    return create(context), seen


@pytest.mark.parametrize("name", NAMES)
async def test_each_condition_proves_what_it_says(name: str) -> None:
    fixture = load(name)
    adapter, seen = answering(fixture.response())
    found = msgspec.to_builtins(await adapter.run_step(fixture.operation, RESERVATION))
    assert {name: found[name] for name in fixture.expect} == fixture.expect
    assert seen[0].url.query == b"user_id=liu-1988&pan_last_four_digits=4321"
    assert seen[0].headers["authorization"].startswith("OAuth oauth_body_hash=")


def test_each_condition_names_its_source() -> None:
    assert [name for name in NAMES if not load(name).source.strip()] == []
    assert len(NAMES) == 47


def test_each_rule_has_an_answer_of_its_own() -> None:
    seen = {
        (
            load(name).status,
            None if load(name).status == 200 else load(name).expect.get("code"),
            load(name).expect["outcome"],
        )
        for name in NAMES
    }
    assert {(rule.status, rule.code, rule.outcome.value) for rule in READ.rules} - seen == set()


def visit(**changes: Any) -> dict[str, Any]:
    return {
        "visitDate": "2027-01-11T00:00:00Z",
        "processedDate": "2027-01-12T00:00:00Z",
        "totalVisitors": 3,
        "totalGuests": 2,
        "memberChargeCurrency": "CNY",
        "memberChargeFee": 0,
        "memberChargeDeclined": False,
        "loungeCode": "PVG1",
    } | changes


@pytest.mark.parametrize(
    ("changes", "charge"),
    [
        ({}, None),
        ({"memberChargeFee": 3200}, Money(3200, "CNY")),
        ({"memberChargeFee": 3200, "memberChargeDeclined": True}, None),
        ({"memberChargeFee": 0, "memberChargeCurrency": ""}, None),
    ],
)
async def test_visits_are_read_with_what_the_member_was_charged(changes: dict[str, Any], charge: Money | None) -> None:
    adapter, seen = answering(say(200, msgspec.json.encode([visit(**changes)]).decode()))
    (found,) = await adapter.fetch_usage(ACCOUNT, DAY, DAY)
    assert (found.account, found.place, found.used_at.date()) == (ACCOUNT, "PVG1", DAY)
    assert (found.visitors, found.guests, found.charge) == (3, 2, charge)
    assert b"transaction_date_from=2027-01-11&transaction_date_to=2027-01-11" in seen[0].url.query


@pytest.mark.parametrize(
    "changes",
    [
        {"visitDate": "2027-01-11"},
        {"visitDate": "yesterday"},
        {"totalVisitors": 2},
        {"totalGuests": -1},
        {"memberChargeFee": -1},
        {"memberChargeFee": 32.5},
        {"memberChargeFee": 1, "memberChargeCurrency": "XXQ"},
        {"loungeCode": None},
    ],
)
async def test_a_visit_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    adapter, _ = answering(say(200, msgspec.json.encode([visit(), visit(**changes)]).decode()))
    with pytest.raises(ProtocolError):
        await adapter.fetch_usage(ACCOUNT, DAY, DAY)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("card_400_final", RejectedError),
        ("card_401_final", AuthenticationError),
        ("card_500_recoverable", PartnerUnavailableError),
        ("card_html_401", ProtocolError),
    ],
)
async def test_usage_that_is_not_told_is_raised(name: str, error: type[Exception]) -> None:
    adapter, _ = answering(load(name).response())
    with pytest.raises(error):
        await adapter.fetch_usage(ACCOUNT, DAY, DAY)


@pytest.mark.parametrize(
    ("response", "outcome", "code"),
    [
        (say(200, "[]"), Outcome.OK, None),
        (say(200, msgspec.json.encode([visit(loungeCode="PVG2")]).decode()), Outcome.OK, None),
        (say(200, msgspec.json.encode([visit()]).decode()), Outcome.NO, "visited"),
        (say(200, "{"), Outcome.BUSY, "partner_protocol"),
        (load("card_500_recoverable").response(), Outcome.BUSY, "partner_unavailable"),
        (load("card_404_final").response(), Outcome.UNKNOWN, "partner_rejected"),
    ],
)
async def test_a_voucher_is_taken_back_unless_the_lounge_was_visited(
    response: httpx.Response, outcome: Outcome, code: str | None
) -> None:
    adapter, _ = answering(response)
    result = await adapter.cancel(RESERVATION, "342528000001")
    assert (result.outcome, result.code) == (outcome, code)
