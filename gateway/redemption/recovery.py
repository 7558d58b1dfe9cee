"""Notices that a partner answers again after a run of failures, so that what waits for it need not wait for its turn.

A waiting redemption is looked at less and less often. When its partner was out for an hour the next look may be an hour
away, although the first answer proves that everything can be decided now. Nor may the first answer be left to chance:
as long as a partner is out, one of what waits there is looked at every few seconds.
"""

from __future__ import annotations

from collections import Counter

from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, StepResult

FAILURES_IN_A_ROW = 5
"""So many calls without an answer worth reading are an outage; fewer are the ordinary bad line."""
SCOUT_SECONDS = 5.0
"""How often a partner that is out is asked whether it is back, by each process that noticed."""
ROUNDS = 3
"""How often what waits is woken once more after the first answer: until the breaker closes, most is turned away."""

_UNREAD = frozenset({Outcome.UNKNOWN, Outcome.NOT_SENT, Outcome.BUSY})


class Recovery:
    """The failures of each partner since it answered last, as this process saw them."""

    def __init__(self) -> None:
        """Begin with every partner well."""
        self._failed: Counter[str] = Counter()
        self._rounds: Counter[str] = Counter()
        self._woken: dict[str, float] = {}

    def is_back(self, partner: str, result: StepResult | LookUpResult | CancelResult) -> bool:
        """Count a result; True when it is the first answer after an outage."""
        if not _answered(result):
            self._failed[partner] += 1
            return False
        if self._failed.pop(partner, 0) < FAILURES_IN_A_ROW:
            return False
        self._rounds[partner] = ROUNDS
        return True

    def to_wake(self, now: float) -> dict[str, int | None]:
        """Name the partners at which something is looked at now, and how much: one where nobody answers, else all.

        They count as woken from now on.

        Args:
            now: of the monotonic clock, in seconds.
        """
        out = {partner: 1 for partner, failed in self._failed.items() if failed >= FAILURES_IN_A_ROW}
        found = {
            partner: at_most
            for partner, at_most in {**dict.fromkeys(self._rounds), **out}.items()
            if now - self._woken.get(partner, -SCOUT_SECONDS) >= SCOUT_SECONDS
        }
        self._woken.update(dict.fromkeys(found, now))
        self._rounds -= Counter({partner for partner, at_most in found.items() if at_most is None})
        return found


def _answered(result: StepResult | LookUpResult | CancelResult) -> bool:
    if isinstance(result, LookUpResult):
        return result.answer is not LookUpAnswer.UNKNOWN
    return result.outcome not in _UNREAD
