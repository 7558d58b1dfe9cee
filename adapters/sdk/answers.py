"""What every adapter does with an answer that it cannot read on. Pure.

Writes turn a failure into an outcome (`failed_step`, `failed_cancel`); reads raise (`readable`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.errors import AuthenticationError, OutcomeUnknownError, PartnerUnavailableError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import CancelResult, StepResult

RETRY_AFTER_LIMIT_SECONDS = 900
"""A partner may not put us off for longer than this (15 minutes)."""

_DIGITS = 9
"""A number of seconds with more digits is none."""


def readable(result: PartnerAnswer | CallFailure) -> PartnerAnswer:
    """Give the answer to a reading call whose status may mean something to the adapter.

    Raises:
        PartnerUnavailableError: nothing was sent, or the partner is busy or broken (429, 5xx).
        OutcomeUnknownError: the answer was lost.
        AuthenticationError: 401 or 403, or no token was to be had.
    """
    if isinstance(result, CallFailure):
        if result.reason.startswith("authentication:"):
            raise AuthenticationError("The partner gives us no token.", reason=result.reason)
        if result.outcome is Outcome.NOT_SENT:
            raise PartnerUnavailableError("The partner was not reached.", reason=result.reason)
        raise OutcomeUnknownError("The partner's answer was lost.", reason=result.reason)
    if result.status in (401, 403):
        raise AuthenticationError("The partner refused our credentials.", status=result.status)
    if result.status == 429 or result.status >= 500:
        raise PartnerUnavailableError("The partner cannot answer now.", status=result.status)
    return result


def failed_step(failure: CallFailure) -> StepResult:
    """Give the result of a step that got no answer."""
    return StepResult(outcome=failure.outcome, code=failure.reason)


def failed_cancel(failure: CallFailure) -> CancelResult:
    """Give the result of a cancel or fence that got no answer."""
    return CancelResult(outcome=failure.outcome, code=failure.reason)


def retry_after_seconds(answer: PartnerAnswer, now: datetime | None = None) -> int | None:
    """Read ``Retry-After``, seconds or an HTTP date, at most 15 minutes; None when absent or neither.

    A date is measured from the answer's own ``Date``, so that a partner whose clock is off puts us off no longer than
    it means to; from ``now`` where it gives none, and not at all without either. One that has passed asks for no wait.

    Source: RFC 9110, sections 5.6.7 and 10.2.3 (read 2026-11-28).
    """
    text = answer.headers.get("retry-after", "")
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        return min(int(text), RETRY_AFTER_LIMIT_SECONDS)
    until, since = http_date(text), http_date(answer.headers.get("date", "")) or now
    if until is None or since is None:
        return None
    wait = (until - since).total_seconds()
    return int(max(0, min(wait, RETRY_AFTER_LIMIT_SECONDS)))


def http_date(text: str) -> datetime | None:
    """Read an HTTP date; None for anything else."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
