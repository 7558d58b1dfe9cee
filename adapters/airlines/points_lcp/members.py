"""P: what a member validation says where the account itself is in question, not a credit to it."""

from __future__ import annotations

from adapters.airlines.points_lcp import responses
from adapters.airlines.points_lcp.mapping import ACCOUNT_FACTOR, FAMILY_NAME_FACTOR, PointsLcpOptions
from adapters.airlines.points_lcp.wire import Errors, MemberValidation, MemberValidationRequest
from adapters.sdk.account_records import AccountCheck, AccountRequest, StatusReport
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import Outcome

UNKNOWN_MEMBER = "UNKNOWN_MEMBER"


def missing(request: AccountRequest, options: PointsLcpOptions) -> str | None:
    """Name the first thing that the programme asks for and the request has not; None when nothing is missing."""
    if not request.account.strip():
        return ACCOUNT_FACTOR
    if FAMILY_NAME_FACTOR in options.identifying_factors and not (request.traveller.family_name or "").strip():
        return FAMILY_NAME_FACTOR
    return next((name for name in options.authenticating_factors if name not in request.factors), None)


def validation_request(request: AccountRequest, options: PointsLcpOptions) -> MemberValidationRequest:
    """Name the member, with the factors that the programme asks for and no others."""
    values = {
        ACCOUNT_FACTOR: request.account.strip(),
        FAMILY_NAME_FACTOR: (request.traveller.family_name or "").strip(),
    }
    proofs = {name: request.factors[name].reveal() for name in options.authenticating_factors}
    return MemberValidationRequest(
        identifying_factors={name: values[name] for name in options.identifying_factors},
        authenticating_factors=proofs or None,
    )


def read_check(request: AccountRequest, answer: PartnerAnswer, options: PointsLcpOptions) -> AccountCheck:
    """Judge a validation; every code of an error has to prove the same."""
    try:
        if answer.status != 201:
            codes = tuple(entry.code for entry in decode(answer.body, Errors).errors)
            outcome = responses.decide(responses.CHECK_MEMBER, answer.status, codes)
            return AccountCheck(outcome=outcome, code=codes[0])
        found = decode(answer.body, MemberValidation)
    except ProtocolError:
        return AccountCheck(outcome=Outcome.UNKNOWN, code="protocol")
    if not _echoes(found, request, options):
        return AccountCheck(outcome=Outcome.UNKNOWN, code="wrong_echo")
    open_ones = [factor.reveal() for factor in request.factors.values()]
    masked = {name: text for name, text in found.authenticating_factors.items() if _hides(text, open_ones)}
    return AccountCheck(outcome=responses.CHECK_MEMBER.decide(201, found.status), code=found.status, masked=masked)


def read_status(request: AccountRequest, answer: PartnerAnswer, options: PointsLcpOptions) -> StatusReport:
    """Read the membership level of a validation: the platform says neither since when nor until when.

    Raises:
        ProtocolError: another member's, or neither a validation nor the documented refusal of an unknown member.
    """
    if answer.status == 422:
        codes = {entry.code for entry in decode(answer.body, Errors).errors}
        if codes == {UNKNOWN_MEMBER}:
            return StatusReport(account=request.account, known=False)
    if answer.status != 201:
        raise ProtocolError("The platform gives no level of this account.", status=answer.status)
    found = decode(answer.body, MemberValidation)
    if found.status != "success" or not _echoes(found, request, options):
        raise ProtocolError("The validation is not this member's.")
    level = found.membership_level
    tier = None if level is None else options.levels.get(level, level)
    return StatusReport(account=request.account, tier=tier, reference=found.links.self_.href.rpartition("/")[2])


def _echoes(found: MemberValidation, request: AccountRequest, options: PointsLcpOptions) -> bool:
    programme = found.loyalty_program.rstrip("/").rpartition("/")[2]
    named = found.identifying_factors.get(ACCOUNT_FACTOR)
    return (named, programme) == (request.account.strip(), options.loyalty_programme)


def _hides(text: str, open_ones: list[str]) -> bool:
    return not any(value in text for value in open_ones)
