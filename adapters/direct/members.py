"""What an answer about a member's account means. Pure."""

from __future__ import annotations

from datetime import datetime

from adapters.direct import wire
from adapters.direct.mapping import UNREADABLE, WRONG_ECHO
from adapters.direct.responses import GRANT, GRANTED, NOT_OFFERED, NOT_VALID, VALID, VALIDATE_MEMBER
from adapters.sdk.account_records import AccountCheck, AccountRequest, StatusGrant, StatusReport
from adapters.sdk.answers import retry_after_seconds
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import StepResult


def read_check(request: AccountRequest, answer: PartnerAnswer, now: datetime) -> AccountCheck:
    """Judge a validation: OK or NO only from an answer that repeats the account."""
    wait = retry_after_seconds(answer, now)
    try:
        if answer.status != 200:
            code = decode(answer.body, wire.Refusal).error.code
            outcome = VALIDATE_MEMBER.decide(answer.status, code)
            return AccountCheck(outcome=outcome, code=code, retry_after_seconds=wait)
        told = decode(answer.body, wire.MemberAnswer)
    except ProtocolError as error:
        return AccountCheck(outcome=Outcome.UNKNOWN, code=UNREADABLE, message=error.message, retry_after_seconds=wait)
    if told.account != request.account:
        return AccountCheck(outcome=Outcome.UNKNOWN, code=WRONG_ECHO)
    code = VALID if told.valid else NOT_VALID
    return AccountCheck(
        outcome=VALIDATE_MEMBER.decide(200, code), code=told.reason or code, masked=_masked(request, told.masked)
    )


def read_status(request: AccountRequest, answer: PartnerAnswer) -> StatusReport | None:
    """Read a tier; None where the partner offers no such answer.

    Raises:
        ProtocolError: unreadable, of an undocumented status, or about another account.
    """
    if answer.status == 501 and decode(answer.body, wire.Refusal).error.code == NOT_OFFERED:
        return None
    if answer.status != 200:
        raise ProtocolError("The status's answer is not one of the contract.", status=answer.status)
    told = decode(answer.body, wire.MemberStatus)
    if told.account != request.account:
        raise ProtocolError("The status is about another account.")
    if not told.known:
        return StatusReport(account=told.account, known=False, reference=told.reference)
    return StatusReport(
        account=told.account,
        tier=told.tier,
        valid_until_date=told.valid_until_date,
        provenance=told.provenance,
        reference=told.reference,
    )


def read_grant(request: StatusGrant, answer: PartnerAnswer, now: datetime) -> StepResult:
    """Judge the answer to a grant: OK only when it repeats key, account, tier and last day."""
    wait = retry_after_seconds(answer, now)
    try:
        if answer.status >= 300:
            refusal = decode(answer.body, wire.Refusal)
            outcome = GRANT.decide(answer.status, refusal.error.code)
            if outcome is Outcome.NO and refusal.key != request.key:
                return StepResult(outcome=Outcome.UNKNOWN, code=WRONG_ECHO)
            return StepResult(outcome=outcome, code=refusal.error.code, retry_after_seconds=wait)
        told = decode(answer.body, wire.Grant)
    except ProtocolError as error:
        return StepResult(outcome=Outcome.UNKNOWN, code=UNREADABLE, message=error.message, retry_after_seconds=wait)
    wanted = (request.key, request.account, request.tier, request.valid_until_date)
    if (told.key, told.account, told.tier, told.valid_until_date) != wanted:
        return StepResult(outcome=Outcome.UNKNOWN, code=WRONG_ECHO)
    outcome = GRANT.decide(answer.status, GRANTED)
    return StepResult(outcome=outcome, code=GRANTED, partner_reference=told.reference)


def _masked(request: AccountRequest, shown: dict[str, str]) -> dict[str, str]:
    open_ones = {factor.reveal() for factor in request.factors.values()}
    return {name: text for name, text in shown.items() if not any(value in text for value in open_ones)}
