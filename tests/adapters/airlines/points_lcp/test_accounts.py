"""Whose an account is and which level it has: each documented condition, and the simulator over real HTTP."""

from __future__ import annotations

import json

import msgspec
import pytest

from adapters.sdk.account_records import AccountRequest, StatusReport
from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.errors import AuthenticationError, PartnerError, ProtocolError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import Traveller
from config.secrets import Secret
from tests.adapters.airlines.points_lcp.conftest import Partner
from tests.adapters.airlines.points_lcp.samples import fixture
from tests.adapters.airlines.points_lcp.stub import make_adapter

MEMBER = AccountRequest(account="80012345")
LEVELS = {"levels": {"Silver": "silver"}}


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
        ("mv_missing_fields", Outcome.UNKNOWN, "MISSING_FIELD"),
        ("mv_mixed_errors", Outcome.UNKNOWN, "UNKNOWN_MEMBER"),
        ("unauthorised", Outcome.UNKNOWN, "UNAUTHORIZED"),
        ("not_found", Outcome.UNKNOWN, "NOT_FOUND"),
        ("internal_error", Outcome.UNKNOWN, "INTERNAL_SERVER_ERROR"),
    ],
)
async def test_whose_an_account_is(answer: str, outcome: Outcome, code: str) -> None:
    adapter, client = make_adapter(fixture(answer).answer)
    result = await adapter.validate_member(MEMBER)
    assert (result.outcome, result.code) == (outcome, code)
    assert len(client.calls) == 1


async def test_factors_are_sent_as_the_programme_asks_and_come_back_masked_or_not_at_all() -> None:
    options = {"identifying_factors": ["memberId", "lastName"], "authenticating_factors": ["password"]}
    asked = AccountRequest(
        account=" 80012345 ",
        traveller=Traveller(family_name=" Liu "),
        factors={"password": Secret("open-sesame"), "pin": Secret("991177")},
    )
    answers = [fixture("mv_success").body, json.loads(fixture("mv_success").content)]
    answers[1]["authenticatingFactors"] = {"password": "open-sesame"}
    results = []
    for body in answers:
        answer = PartnerAnswer(status=201, headers={}, body=json.dumps(body).encode())
        adapter, client = make_adapter(answer, options=options)
        results.append(await adapter.validate_member(asked))
        assert json.loads(client.calls[0].body or b"") == {
            "identifyingFactors": {"memberId": "80012345", "lastName": "Liu"},
            "authenticatingFactors": {"password": "open-sesame"},
        }
    assert [result.masked for result in results] == [{"password": "*****"}, {}]
    assert "open-sesame" not in repr((asked, results))


@pytest.mark.parametrize(
    ("options", "request_"),
    [
        ({"authenticating_factors": ["password"]}, MEMBER),
        ({"identifying_factors": ["memberId", "lastName"]}, MEMBER),
        ({}, AccountRequest(account=" ")),
    ],
)
async def test_what_cannot_be_asked_is_not_sent(options: dict[str, list[str]], request_: AccountRequest) -> None:
    adapter, client = make_adapter(options=options)
    assert (await adapter.validate_member(request_)).outcome is Outcome.NOT_SENT
    assert await adapter.report_status(request_) is None
    assert client.calls == []


async def test_a_level_is_told_in_our_words_where_the_file_translates_it() -> None:
    for options, tier in ((LEVELS, "silver"), ({}, "Silver")):
        adapter, _ = make_adapter(fixture("mv_success").answer, options=options)
        assert await adapter.report_status(MEMBER) == StatusReport(account="80012345", tier=tier, reference="mv-1001")


async def test_only_the_documented_refusal_says_that_there_is_no_such_account() -> None:
    adapter, _ = make_adapter(fixture("mv_unknown_member").answer)
    assert await adapter.report_status(MEMBER) == StatusReport(account="80012345", known=False)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("mv_other_member", ProtocolError),
        ("mv_other_programme", ProtocolError),
        ("mv_failure_status", ProtocolError),
        ("mv_ineligible", ProtocolError),
        ("mv_mixed_errors", ProtocolError),
        ("mv_missing_fields", ProtocolError),
        ("mv_upstream", PartnerError),
        ("unauthorised", AuthenticationError),
    ],
)
async def test_everything_else_reports_nothing(answer: str, error: type[PartnerError]) -> None:
    adapter, _ = make_adapter(fixture(answer).answer)
    with pytest.raises(error):
        await adapter.report_status(MEMBER)


async def test_a_lost_answer_says_nothing() -> None:
    adapter, _ = make_adapter(CallFailure(Outcome.UNKNOWN, "lost:ReadError"))
    assert (await adapter.validate_member(MEMBER)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("account", "outcome", "level"),
    [("80012347", Outcome.OK, "Gold"), ("80012345", Outcome.OK, None), ("80010000", Outcome.NO, None)],
)
async def test_the_simulator_knows_its_members(
    partner: Partner, account: str, outcome: Outcome, level: str | None
) -> None:
    asked = msgspec.structs.replace(MEMBER, account=account)
    assert (await partner.adapter.validate_member(asked)).outcome is outcome
    report = await partner.adapter.report_status(asked)
    assert report is not None
    assert (report.known, report.tier) == (outcome is Outcome.OK, level)
    assert partner.credits() == ()
