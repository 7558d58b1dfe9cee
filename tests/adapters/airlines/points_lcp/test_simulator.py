"""The simulator keeps what the documentation says, so that the adapter's tests prove something."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from adapters.airlines.points_lcp.simulator import MAC_ID, MAC_KEY
from adapters.sdk.auth import mac_digest, mac_ext, mac_text
from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.errors import (
    AuthenticationError,
    OutcomeUnknownError,
    PartnerUnavailableError,
    ProtocolError,
    StatementError,
)
from adapters.sdk.outcomes import Outcome
from catalogue.values import Money
from config.clock import SystemClock
from tests.adapters.airlines.points_lcp.conftest import Partner, reservation, running
from tests.adapters.airlines.points_lcp.samples import KEY
from tests.adapters.airlines.points_lcp.stub import make_adapter

SHANGHAI = ZoneInfo("Asia/Shanghai")
SECRET = "a-long-random-path-secret"


class Caller:
    """Signs by hand, so that each part of the signature can be spoilt."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.nonce = 0

    async def send(self, method: str, path: str, body: Any = None, **changes: Any) -> httpx.Response:
        self.nonce += 1
        content = b"" if body is None else json.dumps(body).encode()
        stamp = int(SystemClock().now().timestamp()) + changes.get("skew", 0)
        nonce = changes.get("nonce", f"n{self.nonce}")
        ext = mac_ext(method, "application/json", content)
        mac = mac_digest(changes.get("key", MAC_KEY), mac_text(stamp, nonce, method, path, self.base_url, ext))
        fields = {"id": changes.get("id", MAC_ID), "ts": stamp, "nonce": nonce, "ext": ext, "mac": mac}
        header = "MAC " + ", ".join(f'{name}="{value}"' for name, value in fields.items())
        headers = {
            "authorization": changes.get("header", header),
            "content-type": changes.get("type", "application/json"),
        }
        async with httpx.AsyncClient(base_url=self.base_url, trust_env=False) as client:
            return await client.request(
                changes.get("sent_method", method),
                changes.get("sent_path", path),
                content=changes.get("sent_body", content),
                headers=headers,
            )


@pytest.fixture
def caller(partner: Partner) -> Caller:
    return Caller(partner.base_url)


MEMBER = {"identifyingFactors": {"memberId": "80012345"}}
VALIDATIONS = "/v1/lps/skyward/mvs/"


@pytest.mark.parametrize(
    "changes",
    [
        {"skew": -31},
        {"skew": 31},
        {"id": "somebody"},
        {"key": "AAAA"},
        {"header": ""},
        {"header": "Bearer x"},
        {"sent_path": "/v1/lps/other/mvs/"},
        {"sent_path": VALIDATIONS + "?x=1"},
        {"sent_body": b'{"identifyingFactors": {"memberId": "80099999"}}'},
    ],
)
async def test_a_signature_that_does_not_fit_is_refused(caller: Caller, changes: dict[str, Any]) -> None:
    answer = await caller.send("POST", VALIDATIONS, MEMBER, **changes)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")


async def test_the_statement_is_for_the_partner_only(caller: Caller) -> None:
    path = "/contract/statements/2026-11-22"
    own, stranger = await caller.send("GET", path), await caller.send("GET", path, header="")
    assert (own.status_code, stranger.status_code) == (200, 401)


async def test_a_nonce_serves_once(caller: Caller) -> None:
    first = await caller.send("POST", VALIDATIONS, MEMBER, nonce="same")
    second = await caller.send("POST", VALIDATIONS, MEMBER, nonce="same")
    assert (first.status_code, second.status_code) == (201, 401)


async def test_another_content_type_is_refused(caller: Caller) -> None:
    answer = await caller.send("POST", VALIDATIONS, MEMBER, type="text/plain")
    assert answer.status_code == 401, "the content type is signed"


async def validated(caller: Caller) -> str:
    answer = await caller.send("POST", VALIDATIONS, MEMBER)
    href: str = answer.json()["links"]["self"]["href"]
    assert answer.headers["location"] == href
    return href


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (VALIDATIONS, {}, 400, "MISSING_FIELD"),
        (VALIDATIONS, [], 400, "MISSING_REPRESENTATION"),
        (VALIDATIONS, {"identifyingFactors": {"memberId": " 80012345"}}, 400, "NO_MATCH"),
        (VALIDATIONS, {"identifyingFactors": {"memberId": 80012345}}, 400, "INCORRECT_TYPE"),
        (VALIDATIONS, MEMBER | {"colour": "blue"}, 400, "UNEXPECTED_PROPERTY"),
        ("/v1/orders/", {"orderType": "EXCHANGE_CREDIT"}, 400, "MISSING_FIELD"),
        ("/v1/lps/skyward/credits/", {"amount": 10, "memberValidation": "nowhere"}, 400, "INVALID_VALUE"),
        ("/v1/lps/skyward/credits/", {"amount": 0, "memberValidation": "nowhere"}, 400, "VALUE_OUT_OF_RANGE"),
        ("/v1/lps/skyward/credits/", {"amount": "10", "memberValidation": "nowhere"}, 400, "INCORRECT_TYPE"),
        ("/v1/lps/skyward/credits/", {"amount": True, "memberValidation": "nowhere"}, 400, "INCORRECT_TYPE"),
    ],
)
async def test_a_malformed_request_is_refused(caller: Caller, path: str, body: Any, status: int, code: str) -> None:
    answer = await caller.send("POST", path, body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


async def test_a_validation_serves_one_credit_of_its_own_programme(caller: Caller, partner: Partner) -> None:
    body = {"amount": 10, "memberValidation": await validated(caller)}
    other = await caller.send("POST", "/v1/lps/other/credits/", body)
    first = await caller.send("POST", "/v1/lps/skyward/credits/", body)
    second = await caller.send("POST", "/v1/lps/skyward/credits/", body)
    assert other.json()["errors"][0]["code"] == "MV_LP_MISMATCH"
    assert first.status_code == 201
    assert (second.status_code, second.json()["errors"][0]["code"]) == (422, "MV_ALREADY_USED")
    assert len(partner.credits()) == 1


async def test_the_same_key_is_taken_again_because_nothing_else_is_promised(caller: Caller) -> None:
    body = {"orderType": "EXCHANGE_CREDIT", "data": {}, "partnerTransactionId": "rdm_1"}
    first, second = [await caller.send("POST", "/v1/orders/", body) for _ in range(2)]
    assert first.json()["links"] != second.json()["links"]


async def test_a_sandbox_user_may_decide_a_credit(caller: Caller, partner: Partner) -> None:
    request, _ = await partner.run(reservation(quantity=92))
    path = partner.credits()[0].path
    wrong = await caller.send("PATCH", path, {"status": "pending"})
    absent = await caller.send("PATCH", path + "9", {"status": "success"})
    done = await caller.send("PATCH", path, {"status": "failure"})
    assert (wrong.status_code, absent.status_code, done.status_code) == (400, 404, 200)
    assert (await partner.adapter.look_up(request)).answer == "refused"


async def test_the_order_tells_its_history(caller: Caller, batch_partner: Partner) -> None:
    caller.base_url = batch_partner.base_url
    await batch_partner.run(reservation())
    path = batch_partner.simulator.book.rows("orders")[0].path
    await batch_partner.night(date(2026, 11, 22))
    order = (await caller.send("GET", path)).json()
    assert [(update["type"], update["status"]) for update in order["updates"]] == [
        ("credit", "pending"),
        ("credit", "success"),
    ]
    assert (order["status"], order["partnerTransactionId"]) == ("statusPending", KEY)


async def test_callbacks_are_sent_unsigned_and_read_as_hints(batch_partner: Partner) -> None:
    await batch_partner.run(reservation())
    await batch_partner.night(date(2026, 11, 22))
    sent = [body for _, body in batch_partner.simulator.webhooks.sent]
    headers = {"x-gateway-path-secret": SECRET}
    identifiers = [batch_partner.adapter.verify_webhook(headers, body, (SECRET,), now=0) for body in sent]
    events = [batch_partner.adapter.read_webhook(name, body) for name, body in zip(identifiers, sent, strict=True)]
    assert len(set(identifiers)) == 2
    assert [event.reference for event in events if event] == [KEY, KEY]


async def test_the_statement_accounts_for_what_was_posted_on_the_day(batch_partner: Partner) -> None:
    today = datetime.now(SHANGHAI).date()
    await batch_partner.run(reservation(key="rdm_1", quantity=2001))
    await batch_partner.run(reservation(key="rdm_2", quantity=500))
    await batch_partner.run(reservation(key="rdm_3", quantity=93))
    await batch_partner.run(reservation(key="rdm_4", quantity=94))
    empty = await fetched(batch_partner, today)
    await batch_partner.night(today)
    lines = await fetched(batch_partner, today)
    assert empty == []
    assert await fetched(batch_partner, today - timedelta(days=1)) == []
    assert [(line.reference, line.quantity, line.amount, line.status, line.kind) for line in lines] == [
        ("rdm_1", 2001, Money(14007, "CNY"), "posted", "mileage"),
        ("rdm_2", 500, Money(3500, "CNY"), "posted", "mileage"),
    ]
    assert [line.service_date for line in lines] == [today, today]
    assert [line.partner_reference for line in lines] == [
        credit.transaction_id for credit in batch_partner.credits()[:2]
    ]


async def fetched(partner: Partner, day: date) -> list[Any]:
    found = await partner.adapter.fetch_statement(day)
    assert found is not None
    statement = partner.adapter.parse_statement(*found)
    assert (statement.partner, statement.business_date, statement.faults) == ("skyward-miles", day, ())
    return list(statement.lines)


async def test_a_price_below_one_minor_unit_is_rounded_half_to_even() -> None:
    async with running(miles="10", minor_units="25") as partner:
        for number, quantity in enumerate((1, 3, 5)):
            await partner.run(reservation(key=f"rdm_{number}", quantity=quantity))
        lines = await fetched(partner, datetime.now(SHANGHAI).date())
        assert [line.amount.amount for line in lines] == [2, 8, 12], "2.5, 7.5 and 12.5"


async def test_planted_breaks_are_in_the_file_and_in_the_answer_key(partner: Partner) -> None:
    today = datetime.now(SHANGHAI).date()
    for number in range(3):
        await partner.run(reservation(key=f"rdm_{number}", quantity=1000))
    plan = [{"kind": "missing_row", "reference": "rdm_0"}, {"kind": "amount_changed", "reference": "rdm_1"}]
    await partner.control("/breaks", plan=plan)
    lines = await fetched(partner, today)
    assert [(line.reference, line.amount) for line in lines] == [
        ("rdm_1", Money(7700, "CNY")),
        ("rdm_2", Money(7000, "CNY")),
    ]
    assert [(planted.kind, planted.reference) for planted in partner.simulator.planted(today)] == [
        ("missing_row", "rdm_0"),
        ("amount_changed", "rdm_1"),
    ]


async def test_no_statement_is_told_from_no_answer() -> None:
    day = date(2026, 11, 22)
    path = {"statement_path": "/files/{date}.csv"}
    delivered, client = make_adapter(options={"statement_path": ""})
    assert (await delivered.fetch_statement(day), client.calls) == (None, [])
    absent, client = make_adapter(PartnerAnswer(status=404, headers={}, body=b""), options=path)
    assert await absent.fetch_statement(day) is None
    assert client.calls[0].path == "/files/2026-11-22.csv"
    for answer, error in (
        (PartnerAnswer(status=500, headers={}, body=b""), PartnerUnavailableError),
        (PartnerAnswer(status=302, headers={}, body=b""), ProtocolError),
        (PartnerAnswer(status=401, headers={}, body=b""), AuthenticationError),
        (CallFailure(Outcome.UNKNOWN, "lost"), OutcomeUnknownError),
        (CallFailure(Outcome.NOT_SENT, "connect"), PartnerUnavailableError),
    ):
        adapter, _ = make_adapter(answer, options=path)
        with pytest.raises(error):
            await adapter.fetch_statement(day)


async def test_a_file_of_another_form_is_refused_whole() -> None:
    adapter, _ = make_adapter()
    with pytest.raises(StatementError):
        adapter.parse_statement("x.csv", b"<html>")
