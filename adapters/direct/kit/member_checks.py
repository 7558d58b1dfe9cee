"""What the contract demands of a partner that answers about its members, which it may leave alone."""

from __future__ import annotations

from adapters.direct import calls, wire
from adapters.direct.kit.bench import Bench, UnprovenError, read, require, require_refusal
from adapters.direct.responses import NOT_OFFERED
from adapters.sdk.account_records import AccountRequest
from adapters.sdk.calls import PartnerAnswer, PartnerCall

NO_ACCOUNT = "kit-there-is-none-0000"


async def member_validation(bench: Bench) -> None:
    """A member's account is valid, and one that there is not is not; both answers repeat the account."""
    for account, wanted in ((_account(bench), True), (NO_ACCOUNT, False)):
        answer = await offered(bench, calls.validate_member(AccountRequest(account=account)))
        told = read(answer, wire.MemberAnswer)
        require(told.account == account, f"the answer tells of the account {told.account!r}")
        require(told.valid is wanted, f"the account {account!r} is told to be valid={told.valid}")


async def member_status(bench: Bench) -> None:
    """The tier of a member's account is told; one that there is not is told as not known, without a tier."""
    for account, wanted in ((_account(bench), True), (NO_ACCOUNT, False)):
        answer = await offered(bench, calls.report_status(AccountRequest(account=account)))
        told = read(answer, wire.MemberStatus)
        require(told.account == account, f"the answer tells of the account {told.account!r}")
        require(told.known is wanted, f"the account {account!r} is told to be known={told.known}")
        require(told.known or told.tier is None, "an account that is not known has a tier")


async def offered(bench: Bench, call: PartnerCall) -> PartnerAnswer:
    """Make a call that the partner may have chosen not to serve.

    Raises:
        UnprovenError: it does not serve it, and says so as the contract has it.
        FailedError: it answers something else than 200.
    """
    answer = await bench.call(call)
    if answer.status == 501:
        require_refusal(answer, 501, NOT_OFFERED, None)
        raise UnprovenError("this server has chosen not to serve it")
    require(answer.status == 200, f"{call.operation} was answered with {answer.status}")
    return answer


def _account(bench: Bench) -> str:
    if not bench.settings.account:
        raise UnprovenError("start with --account, a member's account of yours")
    return bench.settings.account
