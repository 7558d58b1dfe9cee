"""What every adapter does with an answer that it cannot read on. Pure.

Writes turn a failure into an outcome (`failed_step`, `failed_cancel`); reads raise (`readable`).
"""

from __future__ import annotations

from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.errors import AuthenticationError, OutcomeUnknownError, PartnerUnavailableError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import CancelResult, StepResult

RETRY_AFTER_LIMIT_SECONDS = 900
"""A partner may not put us off for longer than this (15 minutes)."""


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


def retry_after_seconds(answer: PartnerAnswer) -> int | None:
    """Read ``Retry-After`` in seconds, at most 15 minutes; None when absent or a date."""
    text = answer.headers.get("retry-after", "")
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        return None
    return min(int(text), RETRY_AFTER_LIMIT_SECONDS)
