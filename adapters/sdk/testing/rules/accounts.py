"""Rules about a member's account at the partner: whose it is, and which tier it has."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from adapters.sdk.account_records import AccountRequest, StatusGrant
from adapters.sdk.calls import CallFailure
from adapters.sdk.outcomes import Outcome
from adapters.sdk.testing.bench import Bench
from adapters.sdk.testing.rules.rule import require, require_none
from adapters.sdk.testing.rules.undoing import NONSENSE


async def validation_is_not_misled(bench: Bench) -> None:
    """A validation that got nonsense says neither that the account is the member's nor that it is not."""
    known, _ = asked(bench)
    faults = []
    for answer in NONSENSE:
        bench.client.substitute = lambda call, answer=answer: answer  # type: ignore[misc]
        said = answer.reason if isinstance(answer, CallFailure) else str(answer.status)
        result = await bench.adapter.validate_member(known)
        if result.outcome in (Outcome.OK, Outcome.NO, Outcome.PENDING):
            faults.append(f"validate_member, told {said}, was {result.outcome}")
    require_none(faults)


async def members_are_told_apart(bench: Bench) -> None:
    """A member's account is his, a stranger's is refused, and what he proved himself with is not handed on."""
    known, stranger = asked(bench)
    result = await bench.adapter.validate_member(known)
    require(result.outcome is Outcome.OK, f"a member's own account was {result.outcome} ({result.code})")
    shown = [name for name, value in known.factors.items() if value.reveal() in repr(result)]
    require_none([f"the factor {name} stands open in the result" for name in shown])
    other = await bench.adapter.validate_member(stranger)
    require(other.outcome is Outcome.NO, f"an account that there is not was {other.outcome} ({other.code})")


async def status_is_the_accounts(bench: Bench) -> None:
    """The report is about the account that was asked for; of one that there is not, nothing is reported."""
    known, stranger = asked(bench)
    report = await bench.adapter.report_status(known)
    require(report is not None and report.known, "the example's account has no report")
    require(report.account == known.account, f"the report is about the account {report.account!r}")
    require(bool(report.tier), "the example's account has no tier: give one that has")
    other = await bench.adapter.report_status(stranger)
    nothing = other is not None and not other.known and other.tier is None
    require(nothing, "an account that there is not is reported as one that there is")


async def grant_is_by_key(bench: Bench) -> None:
    """A tier is granted once for each key, to accounts that there are; nonsense proves nothing."""
    known, stranger = asked(bench)
    grant = StatusGrant(
        key=bench.key("grant"),
        account=known.account,
        programme="bench",
        tier=bench.subject.tier_to_grant,
        provenance="matched",
        valid_from_date=bench.today(),
        valid_until_date=bench.today() + timedelta(days=365),
    )
    for _ in range(2):
        result = await bench.adapter.grant_status(grant)
        require(result.outcome is Outcome.OK, f"a grant was {result.outcome} ({result.code})")
        count = bench.subject.grants(bench.simulator, grant.key)
        require(count == 1, f"the partner's book has {count} grants for one key")
    other = msgspec.structs.replace(grant, key=bench.key("grantstranger"), account=stranger.account)
    result = await bench.adapter.grant_status(other)
    require(result.outcome is Outcome.NO, f"a grant to an account that there is not was {result.outcome}")
    faults = []
    for answer in NONSENSE:
        bench.client.substitute = lambda call, answer=answer: answer  # type: ignore[misc]
        said = answer.reason if isinstance(answer, CallFailure) else str(answer.status)
        result = await bench.adapter.grant_status(grant)
        if result.outcome not in (Outcome.UNKNOWN, Outcome.NOT_SENT):
            faults.append(f"grant_status, told {said}, was {result.outcome}")
    require_none(faults)


def asked(bench: Bench) -> tuple[AccountRequest, AccountRequest]:
    """Give the account that is known and the one that is not.

    Raises:
        RuleBrokenError: the subject gives one of them not.
    """
    known, stranger = bench.subject.account_request, bench.subject.stranger
    require(known is not None and stranger is not None, "conformance.py gives no account_request or no stranger")
    assert known is not None
    assert stranger is not None
    return known, stranger
