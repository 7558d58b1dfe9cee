"""Notices that a partner answers again after a run of failures, so that what waits for it need not wait for its turn.

A waiting redemption is looked at less and less often. When its partner was out for an hour the next look may be an hour
away, although the first answer proves that everything can be decided now.
"""

from __future__ import annotations

from collections import Counter

from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, StepResult

FAILURES_IN_A_ROW = 5
"""So many calls without an answer worth reading are an outage; fewer are the ordinary bad line."""

_UNREAD = frozenset({Outcome.UNKNOWN, Outcome.NOT_SENT, Outcome.BUSY})


class Recovery:
    """The failures of each partner since it answered last, as this process saw them."""

    def __init__(self) -> None:
        """Begin with every partner well."""
        self._failed: Counter[str] = Counter()

    def is_back(self, partner: str, result: StepResult | LookUpResult | CancelResult) -> bool:
        """Count a result; True when it is the first answer after an outage."""
        if _answered(result):
            return self._failed.pop(partner, 0) >= FAILURES_IN_A_ROW
        self._failed[partner] += 1
        return False


def _answered(result: StepResult | LookUpResult | CancelResult) -> bool:
    if isinstance(result, LookUpResult):
        return result.answer is not LookUpAnswer.UNKNOWN
    return result.outcome not in _UNREAD
