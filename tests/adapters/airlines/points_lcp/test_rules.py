"""The pure parts: manifest, tables, mapping, callbacks."""

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.airlines.points_lcp import mapping, responses, webhooks
from adapters.airlines.points_lcp.adapter import PointsLcpAdapter
from adapters.airlines.points_lcp.simulator import MAC_ID, MAC_KEY
from adapters.airlines.points_lcp.wire import CreditStatus, OrderStatus
from adapters.sdk.capabilities import LooksUp, ReceivesWebhooks, ReportsStatements, Reserves
from adapters.sdk.errors import WebhookError
from adapters.sdk.manifest import Profile, read_manifest
from adapters.sdk.outcomes import LookUpAnswer, Outcome, ResponseTable
from config.errors import ConfigurationError
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from tests.adapters.airlines.points_lcp.samples import BASE, KEY, MANIFEST, PROGRAMME, fixture
from tests.adapters.airlines.points_lcp.stub import make_adapter

SECRET = "x2f1-long-random-text"


def test_the_profile_is_e() -> None:
    manifest = read_manifest(MANIFEST)
    assert manifest.profile is Profile.E
    assert not manifest.idempotent
    assert manifest.facts.batch


def test_what_is_declared_is_implemented_and_nothing_more() -> None:
    adapter, _ = make_adapter()
    for protocol in (Reserves, LooksUp, ReceivesWebhooks, ReportsStatements):
        assert isinstance(adapter, protocol)
    assert not {"cancel", "fence", "quote_offers"} & set(dir(PointsLcpAdapter))


def test_a_redemption_identifier_is_a_key_as_it_is() -> None:
    facts = read_manifest(MANIFEST).facts.key
    assert facts.min_length <= len(KEY) <= facts.max_length
    assert set(KEY) <= set(facts.alphabet)


DOCUMENTED_CODES = [
    "BAD_REQUEST", "ELEMENTS_NOT_UNIQUE", "FORBIDDEN_LAST_CREDENTIALS", "INCORRECT_TYPE", "INELIGIBLE",
    "INTERNAL_SERVER_ERROR", "INVALID_UPSTREAM_RESPONSE", "INVALID_VALUE", "MAXIMUM_ATTEMPTS_EXCEEDED", "MISSING_FIELD",
    "MISSING_REPRESENTATION", "MV_ALREADY_USED", "MV_LP_MISMATCH", "NOT_FOUND", "NO_ENUM_MATCH", "NO_MATCH",
    "TOO_FEW_ITEMS", "UNAUTHORIZED", "UNEXPECTED_PROPERTY", "UNKNOWN_MEMBER", "UNSUPPORTED_MEDIA_TYPE",
    "VALUE_NOT_UNIQUE", "VALUE_OUT_OF_RANGE", "VALUE_TOO_LONG", "VALUE_TOO_SHORT",
]  # fmt: skip
"""Source: the platform's reference manual, Errors, read 2026-11-21."""

DOCUMENTED_STATUSES = [200, 201, 204, 400, 401, 404, 415, 422, 500, 502]
"""Source: the platform's reference manual, HTTP Status Codes, read 2026-11-21."""


def test_on_the_credit_only_one_error_is_definite() -> None:
    definite = {
        (status, code)
        for status, code in product(DOCUMENTED_STATUSES[3:], DOCUMENTED_CODES)
        if responses.CREDIT.decide(status, code) is not Outcome.UNKNOWN
    }
    assert definite == {(422, "INELIGIBLE")}


@pytest.mark.parametrize(
    "table", [responses.VALIDATE_MEMBER, responses.CREATE_ORDER, responses.CREDIT, responses.DEBIT, responses.READ]
)
def test_no_error_is_ever_a_success_and_every_rule_is_documented(table: ResponseTable) -> None:
    for status, code in product(DOCUMENTED_STATUSES[3:], DOCUMENTED_CODES):
        assert table.decide(status, code) is not Outcome.OK
    for rule in table.rules:
        assert rule.source
        assert rule.status in DOCUMENTED_STATUSES
        assert rule.status < 300 or rule.code is None or rule.code in DOCUMENTED_CODES


def test_every_credit_status_is_decided() -> None:
    decided = {rule.code for rule in responses.CREDIT.rules if rule.status == 201}
    assert decided == set(CreditStatus)


@pytest.mark.parametrize("status", [500, 502, 503, 429, 301, 100])
def test_what_is_not_listed_is_unknown(status: int) -> None:
    assert responses.CREDIT.decide(status, "INTERNAL_SERVER_ERROR") is Outcome.UNKNOWN
    assert responses.CREDIT.decide(201, "debited") is Outcome.UNKNOWN


def test_a_look_up_concludes_for_every_pair_of_statuses() -> None:
    for order, credit in product(OrderStatus, [None, *CreditStatus]):
        answer = responses.conclude(order, credit)
        if answer is LookUpAnswer.ISSUED:
            assert credit is CreditStatus.SUCCESS
            assert order not in {OrderStatus.CREDIT_FAILED, OrderStatus.REVERSED}
        if answer is LookUpAnswer.REFUSED:
            assert credit is CreditStatus.FAILURE
            assert order is not OrderStatus.COMPLETE
        if credit is None:
            assert answer in {LookUpAnswer.NOT_FOUND, LookUpAnswer.UNKNOWN}
    for order in (OrderStatus.DEBIT_ERROR, OrderStatus.DEBIT_FAILED, OrderStatus.DEBIT_PENDING):
        assert {responses.conclude(order, credit) for credit in CreditStatus} == {LookUpAnswer.UNKNOWN}
    for order in (OrderStatus.CREDIT_ERROR, OrderStatus.CREDIT_FAILED, OrderStatus.CREDIT_PENDING):
        assert {responses.conclude(order, credit, "debit") for credit in CreditStatus} == {LookUpAnswer.UNKNOWN}


@pytest.mark.parametrize(
    ("order", "debit", "answer"),
    [
        ("complete", "success", LookUpAnswer.ISSUED),
        ("debitFailed", "failure", LookUpAnswer.REFUSED),
        ("debitError", "systemError", LookUpAnswer.UNKNOWN),
        ("debitPending", "pending", LookUpAnswer.PENDING),
        ("debitPending", "success", LookUpAnswer.ISSUED),
        ("statusPending", "failure", LookUpAnswer.REFUSED),
        ("complete", "failure", LookUpAnswer.UNKNOWN),
        ("reversed", "success", LookUpAnswer.CANCELLED),
    ],
)
def test_the_documented_status_map_of_debits(order: str, debit: str, answer: LookUpAnswer) -> None:
    """Source: API reference, Debits and Orders, read 2026-11-21."""
    assert responses.conclude(OrderStatus(order), CreditStatus(debit), "debit") is answer


@pytest.mark.parametrize(
    ("order", "credit", "answer"),
    [
        ("complete", "success", LookUpAnswer.ISSUED),
        ("creditFailed", "failure", LookUpAnswer.REFUSED),
        ("creditError", "systemError", LookUpAnswer.UNKNOWN),
        ("creditPending", "pending", LookUpAnswer.PENDING),
        ("statusPending", "success", LookUpAnswer.ISSUED),
        ("reversed", "success", LookUpAnswer.CANCELLED),
    ],
)
def test_the_documented_status_map(order: str, credit: str, answer: LookUpAnswer) -> None:
    """Source: reference manual, Update the Status of the Order, and API reference, Orders, read 2026-11-21."""
    assert responses.conclude(OrderStatus(order), CreditStatus(credit)) is answer


@pytest.mark.parametrize(
    "href",
    [
        "",
        "/v1/orders/or-1",
        "https://sandbox.lcp.example/v1/orders/",
        "https://sandbox.lcp.example/v1/orders/../apps/1",
        "https://sandbox.lcp.example/v1/orders/or-1?x=1",
        "https://sandbox.lcp.example/v1/orders/or-1#x",
        "https://sandbox.lcp.example/v1/orders/or-1\n",
        "https://sandbox.lcp.example/v1/orders/or%2F1",
        "https://sandbox.lcp.example?/v1/orders/or-1",
        "ftp://sandbox.lcp.example/v1/orders/or-1",
    ],
)
def test_an_odd_address_is_no_order(href: str) -> None:
    assert mapping.order_path(href) is None


def test_only_the_identifier_is_taken_from_an_address() -> None:
    assert mapping.order_path("https://elsewhere.example/v1/orders/or-1") == "/v1/orders/or-1"
    assert mapping.credit_path(f"{BASE}/lps/{PROGRAMME}/credits/cr-1", PROGRAMME) == f"/v1/lps/{PROGRAMME}/credits/cr-1"
    assert mapping.credit_path(f"{BASE}/lps/other/credits/cr-1", PROGRAMME) is None


@given(st.text())
def test_no_text_makes_the_address_reader_fail_or_leave_our_base(href: str) -> None:
    path = mapping.order_path(href)
    assert path is None or path.startswith("/v1/orders/")


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"loyalty_programme": 7},
        {"loyalty_programme": "x", "colour": "blue"},
        {"loyalty_programme": "x", "identifying_factors": ["lastName"]},
        {"loyalty_programme": "x", "identifying_factors": ["memberId", "password"]},
        {"loyalty_programme": "x", "credit_type": "gold"},
    ],
)
def test_wrong_options_stop_the_start(raw: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="skyward-miles"):
        mapping.read_options("skyward-miles", raw)


def test_the_shipped_partner_file_fits_the_adapter_and_its_simulator() -> None:
    file = read_partner_files(PACKAGED_FOLDER)["skyward-miles"]
    manifest = read_manifest(MANIFEST)
    assert file.partner.adapter == manifest.name
    assert mapping.read_options("skyward-miles", file.options).identifying_factors == ("memberId",)
    simulated = file.environments["simulator"]
    assert set(simulated.credentials) == set(manifest.credentials)
    assert simulated.credentials == {"mac_id": f"simulator:{MAC_ID}", "mac_key": f"simulator:{MAC_KEY}"}
    assert simulated.webhook_secrets, "unsigned callbacks need a secret path"
    assert file.risk is not None


def accept(body: bytes, secret: str | None = SECRET, secrets: tuple[str, ...] = (SECRET,)) -> str:
    headers = {} if secret is None else {"x-gateway-path-secret": secret}
    adapter, _ = make_adapter()
    return adapter.verify_webhook(headers, body, secrets, now=0)


def test_a_callback_on_the_secret_path_is_a_hint() -> None:
    body = fixture("callback").content
    adapter, _ = make_adapter()
    identifier = accept(body)
    event = adapter.read_webhook(identifier, body)
    assert event is not None
    assert (event.event_id, event.reference, event.kind) == (identifier, KEY, "credit.updated")
    assert event.occurred_at.isoformat() == "2026-11-21T06:00:00.999999+00:00"


def test_a_callback_about_a_debit_is_of_no_interest() -> None:
    body = fixture("callback_debit").content
    assert webhooks.read(accept(body), body) is None


def test_the_same_news_has_the_same_identifier_and_other_news_another() -> None:
    body = fixture("callback").body
    first = accept(json.dumps(body).encode())
    assert accept(json.dumps(body, indent=4).encode()) == first
    for changed in (
        body | {"orderUrl": body["orderUrl"] + "1"},
        body | {"update": body["update"] | {"status": "failure"}},
        body | {"update": body["update"] | {"resource": CREDIT_TOO}},
        body | {"update": body["update"] | {"updatedAt": "2026-11-21T06:00:01Z"}},
    ):
        assert accept(json.dumps(changed).encode()) != first


CREDIT_TOO = f"{BASE}/lps/{PROGRAMME}/credits/cr-3002"


@pytest.mark.parametrize(
    ("secret", "secrets"),
    [
        (None, (SECRET,)),
        ("", (SECRET,)),
        ("", ("",)),
        ("", ()),
        (SECRET, ()),
        (SECRET + "x", (SECRET,)),
        (SECRET[:-1], (SECRET,)),
        ("ключ", (SECRET,)),
    ],
)
def test_without_the_paths_secret_a_callback_is_refused(secret: str | None, secrets: tuple[str, ...]) -> None:
    with pytest.raises(WebhookError):
        accept(fixture("callback").content, secret, secrets)


def test_two_secrets_live_side_by_side_during_a_change() -> None:
    body = fixture("callback").content
    assert accept(body, "new", ("old", "new")) == accept(body, "old", ("old", "new"))


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"[1]", b'{"orderUrl": 1}', b"\xff"])
def test_what_is_no_callback_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookError):
        accept(body)


def test_a_callback_without_an_offset_is_refused() -> None:
    body = fixture("callback").body
    naive = body | {"update": body["update"] | {"updatedAt": "2026-11-21T06:00:00"}}
    with pytest.raises(WebhookError):
        accept(json.dumps(naive).encode())
