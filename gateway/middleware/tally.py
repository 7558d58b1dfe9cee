"""Counts what this process has answered: by route, method and status, and how long it took. Costs a few look-ups."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

NO_ROUTE = "no route"
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends in seconds, inclusive; what took longer is beyond the last."""


class Tally:
    """What was answered since the process started. Labels are few: routes as declared, never addresses."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self.seconds: dict[str, list[int]] = {}
        self.total_seconds: dict[str, float] = {}

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count one request.

        Args:
            method: as the caller wrote it; one that nobody serves is counted as ``other``.
            route: as it is declared; None when no route fits.
            status: of the answer; 0 when there was none.
            seconds: from its first byte to the end of the answer.
        """
        of = route or NO_ROUTE
        self.answers[method if method in METHODS else "other", of, status] += 1
        if of not in self.seconds:
            self.seconds[of] = [0] * (len(BUCKETS) + 1)
            self.total_seconds[of] = 0.0
        self.seconds[of][bisect_left(BUCKETS, seconds)] += 1
        self.total_seconds[of] += seconds
