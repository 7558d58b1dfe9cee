"""One test per documented condition: the adapter is given a recorded answer and must say what it proves."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from adapters.airlines.points_lcp.adapter import PointsLcpAdapter
from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.outcomes import ECHO_FAULTS, LookUpAnswer, Outcome
from adapters.sdk.records import Stay, StepResult, Traveller
from tests.adapters.airlines.points_lcp import samples
from tests.adapters.airlines.points_lcp.samples import (
    BOTH,
    CREDIT,
    KEY,
    ORDER,
    PROGRAMME,
    VALIDATION,
    fixture,
    request,
)
from tests.adapters.airlines.points_lcp.stub import StubClient, make_adapter


async def step(name: str, answer: str, carried: dict[str, str] | None = None) -> StepResult:
    adapter, client = make_adapter(fixture(answer).answer)
    result = await adapter.run_step(name, request(carried))
    assert len(client.calls) == 1
    return result


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        ("mv_success", Outcome.OK, "success"),
        ("mv_other_member", Outcome.UNKNOWN, "wrong_echo"),
        ("mv_other_programme", Outcome.UNKNOWN, "wrong_echo"),
        ("mv_failure_status", Outcome.UNKNOWN, "failure"),
        ("mv_ineligible", Outcome.NO, "INELIGIBLE"),
        ("mv_attempts_exceeded", Outcome.NO, "MAXIMUM_ATTEMPTS_EXCEEDED"),
        ("mv_unknown_member", Outcome.NO, "UNKNOWN_MEMBER"),
        ("mv_upstream", Outcome.BUSY, "INVALID_UPSTREAM_RESPONSE"),
        ("mv_missing_fields", Outcome.NO, "MISSING_FIELD"),
        ("mv_mixed_errors", Outcome.UNKNOWN, "UNKNOWN_MEMBER"),
        ("unauthorised", Outcome.NO, "UNAUTHORIZED"),
        ("not_found", Outcome.NO, "NOT_FOUND"),
        ("unsupported_media_type", Outcome.NO, "UNSUPPORTED_MEDIA_TYPE"),
        ("internal_error", Outcome.UNKNOWN, "INTERNAL_SERVER_ERROR"),
    ],
)
async def test_member_validation(answer: str, outcome: Outcome, code: str) -> None:
    result = await step("validate_member", answer, carried={})
    assert (result.outcome, result.code) == (outcome, code)
    assert result.carried == ({"member_validation": VALIDATION} if outcome is Outcome.OK else {})


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        ("order_created", Outcome.OK, "initial"),
        ("order_other_key", Outcome.UNKNOWN, "wrong_echo"),
        ("order_foreign_link", Outcome.UNKNOWN, "wrong_echo"),
        ("order_key_known", Outcome.UNKNOWN, "VALUE_NOT_UNIQUE"),
        ("mv_ineligible", Outcome.NO, "INELIGIBLE"),
        ("mv_missing_fields", Outcome.NO, "MISSING_FIELD"),
        ("unauthorised", Outcome.NO, "UNAUTHORIZED"),
        ("not_found", Outcome.UNKNOWN, "NOT_FOUND"),
        ("internal_error", Outcome.UNKNOWN, "INTERNAL_SERVER_ERROR"),
    ],
)
async def test_order(answer: str, outcome: Outcome, code: str) -> None:
    result = await step("create_order", answer, carried={"member_validation": VALIDATION})
    assert (result.outcome, result.code) == (outcome, code)
    assert result.carried == ({"order": ORDER} if outcome is Outcome.OK else {})


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        ("credit_success", Outcome.OK, "success"),
        ("credit_failure", Outcome.NO, "failure"),
        ("credit_pending", Outcome.PENDING, "pending"),
        ("credit_system_error", Outcome.UNKNOWN, "systemError"),
        ("credit_new_status", Outcome.UNKNOWN, "protocol"),
        ("credit_amount_as_text", Outcome.UNKNOWN, "protocol"),
        ("credit_other_amount", Outcome.UNKNOWN, "wrong_echo"),
        ("credit_other_order", Outcome.UNKNOWN, "wrong_echo"),
        ("credit_other_validation", Outcome.UNKNOWN, "wrong_echo"),
        ("credit_without_order", Outcome.UNKNOWN, "wrong_echo"),
        ("credit_ineligible", Outcome.NO, "INELIGIBLE"),
        ("credit_mv_used", Outcome.UNKNOWN, "MV_ALREADY_USED"),
        ("credit_unknown_member", Outcome.UNKNOWN, "UNKNOWN_MEMBER"),
        ("mv_attempts_exceeded", Outcome.UNKNOWN, "MAXIMUM_ATTEMPTS_EXCEEDED"),
        ("mv_missing_fields", Outcome.UNKNOWN, "MISSING_FIELD"),
        ("unauthorised", Outcome.UNKNOWN, "UNAUTHORIZED"),
        ("not_found", Outcome.UNKNOWN, "NOT_FOUND"),
        ("internal_error", Outcome.UNKNOWN, "INTERNAL_SERVER_ERROR"),
        ("mv_upstream", Outcome.UNKNOWN, "INVALID_UPSTREAM_RESPONSE"),
    ],
)
async def test_credit(answer: str, outcome: Outcome, code: str) -> None:
    result = await step("credit", answer)
    assert (result.outcome, result.code) == (outcome, code)


@pytest.mark.parametrize("status", [200, 202, 203, 299, 302, 400, 422, 500])
async def test_a_good_body_under_another_status_proves_nothing(status: int) -> None:
    for name, answer in (
        ("validate_member", "mv_success"),
        ("create_order", "order_created"),
        ("credit", "credit_success"),
    ):
        adapter, _ = make_adapter(PartnerAnswer(status=status, headers={}, body=fixture(answer).content))
        assert (await adapter.run_step(name, request())).outcome is Outcome.UNKNOWN


async def test_a_credit_that_exists_is_carried_and_its_transaction_is_the_reference() -> None:
    done = await step("credit", "credit_success")
    queued = await step("credit", "credit_pending")
    assert (done.partner_reference, done.carried) == ("15786560", {"credit": CREDIT})
    assert (queued.partner_reference, queued.carried) == (None, {"credit": CREDIT})


@pytest.mark.parametrize(
    ("answers", "expected", "code"),
    [
        (("order_initial",), LookUpAnswer.NOT_FOUND, "initial"),
        (("not_found",), LookUpAnswer.NOT_FOUND, "NOT_FOUND"),
        (("order_complete", "credit_success"), LookUpAnswer.ISSUED, "success"),
        (("order_settled", "credit_success"), LookUpAnswer.ISSUED, "success"),
        (("order_pending", "credit_success"), LookUpAnswer.ISSUED, "success"),
        (("order_pending", "credit_pending"), LookUpAnswer.PENDING, "pending"),
        (("order_failed", "credit_failure"), LookUpAnswer.REFUSED, "failure"),
        (("order_error", "credit_system_error"), LookUpAnswer.UNKNOWN, "systemError"),
        (("order_error", "credit_failure"), LookUpAnswer.REFUSED, "failure"),
        (("order_reversed", "credit_success"), LookUpAnswer.CANCELLED, "success"),
        (("order_complete", "credit_failure"), LookUpAnswer.UNKNOWN, "failure"),
        (("order_failed", "credit_success"), LookUpAnswer.UNKNOWN, "success"),
        (("order_complete", "not_found"), LookUpAnswer.NOT_FOUND, "NOT_FOUND"),
        (("order_complete", "credit_other_amount"), LookUpAnswer.UNKNOWN, "wrong_echo"),
        (("order_complete", "credit_other_order"), LookUpAnswer.UNKNOWN, "wrong_echo"),
        (("order_complete", "internal_error"), LookUpAnswer.UNKNOWN, "INTERNAL_SERVER_ERROR"),
        (("order_other_key",), LookUpAnswer.UNKNOWN, "protocol"),
        (("order_two_credits",), LookUpAnswer.UNKNOWN, "several_credits"),
        (("order_new_status",), LookUpAnswer.UNKNOWN, "protocol"),
        (("unauthorised",), LookUpAnswer.UNKNOWN, "UNAUTHORIZED"),
        (("internal_error",), LookUpAnswer.UNKNOWN, "INTERNAL_SERVER_ERROR"),
    ],
)
async def test_look_up(answers: tuple[str, ...], expected: LookUpAnswer, code: str) -> None:
    adapter, client = make_adapter(*(as_read(name) for name in answers))
    result = await adapter.look_up(request())
    assert (result.answer, result.code) == (expected, code)
    paths = ["/v1/orders/or-2001", f"/v1/lps/{PROGRAMME}/credits/cr-3001"]
    assert [call.path for call in client.calls] == paths[: len(answers)]


def as_read(name: str) -> PartnerAnswer:
    """A resource recorded at its creation, as a GET answers it (a creation left as it is proves a bad status)."""
    found = fixture(name)
    status = 200 if found.status == 201 and name.startswith("credit") else found.status
    assert status is not None
    return PartnerAnswer(status=status, headers={"content-type": "application/json"}, body=found.content)


async def test_look_up_of_an_order_with_another_key_proves_nothing() -> None:
    found = fixture("order_other_key")
    adapter, _ = make_adapter(PartnerAnswer(status=200, headers={}, body=found.content))
    result = await adapter.look_up(request())
    assert (result.answer, result.code) == (LookUpAnswer.UNKNOWN, "wrong_echo")


async def test_look_up_uses_the_carried_credit_when_the_order_does_not_list_it_yet() -> None:
    adapter, client = make_adapter(as_read("order_initial"), as_read("credit_success"))
    result = await adapter.look_up(request(BOTH | {"credit": CREDIT}))
    assert (result.answer, len(client.calls)) == (LookUpAnswer.ISSUED, 2)


async def test_look_up_follows_no_credit_of_another_programme() -> None:
    body = json.loads(fixture("order_complete").content)
    body["updates"][1]["resource"] = "https://sandbox.lcp.example/v1/lps/other/credits/cr-3001"
    adapter, client = make_adapter(PartnerAnswer(status=200, headers={}, body=json.dumps(body).encode()))
    result = await adapter.look_up(request())
    assert (result.answer, result.code, len(client.calls)) == (LookUpAnswer.UNKNOWN, "foreign_credit", 1)


async def test_look_up_before_any_order_asks_nobody() -> None:
    adapter, client = make_adapter()
    result = await adapter.look_up(request({"member_validation": VALIDATION}))
    assert (result.answer, result.code, client.calls) == (LookUpAnswer.NOT_FOUND, "no_order", [])


ODD_BODIES = [
    b"",
    b"<html>maintenance</html>",
    b"[]",
    b"null",
    b'{"errors": []}',
    b'{"status": "success", "status": "failure"}',
    b'{"amount": NaN}',
    b"\xff\xfe",
    b"[" * 5000,
]


@pytest.mark.parametrize("body", ODD_BODIES)
@pytest.mark.parametrize("status", [200, 201, 202, 204, 301, 400, 422, 503])
async def test_an_odd_answer_is_unknown_at_every_step(status: int, body: bytes) -> None:
    for name in ("validate_member", "create_order", "credit"):
        adapter, _ = make_adapter(PartnerAnswer(status=status, headers={}, body=body))
        assert (await adapter.run_step(name, request())).outcome is Outcome.UNKNOWN
    adapter, _ = make_adapter(PartnerAnswer(status=status, headers={}, body=body))
    assert (await adapter.look_up(request())).answer is LookUpAnswer.UNKNOWN


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.UNKNOWN])
async def test_no_answer_is_passed_on_as_what_it_is(outcome: Outcome) -> None:
    failure = CallFailure(outcome=outcome, reason="reset")
    adapter, _ = make_adapter(failure, failure)
    result = await adapter.run_step("credit", request())
    assert (result.outcome, result.code) == (outcome, "reset")
    assert (await adapter.look_up(request())).answer is LookUpAnswer.UNKNOWN


async def test_steps_out_of_order_are_not_sent() -> None:
    adapter, client = make_adapter()
    for name, carried in (("create_order", {}), ("credit", {"order": ORDER}), ("credit", {"member_validation": "x"})):
        assert (await adapter.run_step(name, request(carried))).outcome is Outcome.NOT_SENT
    assert client.calls == []


async def test_what_cannot_be_sent_is_refused_without_a_call() -> None:
    adapter, client = make_adapter()
    other = Stay(check_in_date=date(2026, 12, 1), check_out_date=date(2026, 12, 2))
    for bad in (request(quantity=0), request(quantity=-5), request(service=other)):
        assert (await adapter.run_step("validate_member", bad)).outcome is Outcome.NO
    assert client.calls == []


async def test_the_family_name_leaves_only_where_the_programme_asks_for_it() -> None:
    named = request({}, traveller=Traveller(given_name="Wei", family_name=" Liu ", email="liu@example.cn"))
    without, plain = make_adapter(fixture("mv_success").answer)
    await without.run_step("validate_member", named)
    asking, client = make_adapter(
        fixture("mv_success").answer, options={"identifying_factors": ["memberId", "lastName"]}
    )
    await asking.run_step("validate_member", named)
    missing = await asking.run_step("validate_member", request({}))
    assert body_of(plain) == {"identifyingFactors": {"memberId": "80012345"}}
    assert body_of(client) == {"identifyingFactors": {"memberId": "80012345", "lastName": "Liu"}}
    assert (missing.outcome, missing.code) == (Outcome.NO, "missing_family_name")


async def test_what_is_sent_with_the_order_and_the_credit() -> None:
    adapter, client = make_adapter(fixture("order_created").answer, fixture("credit_success").answer)
    await adapter.run_step("create_order", request({"member_validation": VALIDATION}))
    await adapter.run_step("credit", request())
    assert json.loads(client.calls[0].body or b"") == {
        "orderType": "EXCHANGE_CREDIT",
        "partnerTransactionId": KEY,
        "data": {"orderDetails": {"basePoints": 2000}, "user": {"memberValidation": VALIDATION}},
    }
    assert json.loads(client.calls[1].body or b"") == {
        "amount": 2000,
        "memberValidation": VALIDATION,
        "order": ORDER,
    }


def body_of(client: StubClient) -> object:
    return json.loads(client.calls[0].body or b"")


def test_every_fixture_is_used_and_names_its_source() -> None:
    source = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for path in samples.FOLDER.glob("*.json"):
        assert f'"{path.stem}"' in source, f"{path.stem} is not used"
        assert "Points/Loyalty-Commerce-Platform" in fixture(path.stem).source


def test_the_commit_is_the_last_step() -> None:
    assert [(each.name, each.commit) for each in PointsLcpAdapter.steps] == [
        ("validate_member", False),
        ("create_order", False),
        ("credit", True),
    ]


async def test_nw_21_another_member_is_a_wrong_echo() -> None:
    result = await step("validate_member", "mv_other_member")
    assert result.outcome is Outcome.UNKNOWN
    assert result.code in ECHO_FAULTS
