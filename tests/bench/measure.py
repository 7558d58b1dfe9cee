"""Measures a row: the floor, ours and a peer in turn, in one run; medians, for machines are noisy."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median

import msgspec

ROUNDS = 9
SECONDS_A_ROUND = 0.15


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table. ``goal``: ours reaches at least this share of the floor's speed.

    Each callable does the work once; ``units`` is how many things that is.
    """

    name: str
    floor: Callable[[], object]
    ours: Callable[[], object]
    goal: float
    units: int = 1
    peer: Callable[[], object] | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured: microseconds per unit, and how our speed relates to the floor's and the peer's.

    ``goal`` and ``goal_of_peer`` are shares of speed, ``limits`` the most that a fact of ``facts`` may be.
    """

    name: str
    floor_microseconds: float
    ours_microseconds: float
    peer_microseconds: float | None
    of_floor: float
    of_peer: float | None
    goal: float
    goal_of_peer: float | None = None
    facts: dict[str, float] = {}
    limits: dict[str, float] = {}

    @property
    def reached(self) -> bool:
        """Whether the goals are reached in this run: of the floor, of the peer and of every fact with a limit."""
        ahead = self.goal_of_peer is None or (self.of_peer or 0) >= self.goal_of_peer
        return (
            self.of_floor >= self.goal and ahead and all(self.facts[name] <= most for name, most in self.limits.items())
        )


def measure(row: Row) -> Result:
    """Measure a row: every contender in turn, round by round, so that a busy machine slows all of them."""
    contenders = {"floor": row.floor, "ours": row.ours} | ({"peer": row.peer} if row.peer is not None else {})
    times: dict[str, list[float]] = {name: [] for name in contenders}
    counts = {name: _calibrated(work) for name, work in contenders.items()}
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for name, work in contenders.items():
                times[name].append(_timed(work, counts[name]) / row.units * 1e6)
            gc.collect()
    finally:
        gc.enable()
    floor, ours = median(times["floor"]), median(times["ours"])
    peer = median(times["peer"]) if "peer" in times else None
    return Result(
        name=row.name,
        floor_microseconds=floor,
        ours_microseconds=ours,
        peer_microseconds=peer,
        of_floor=floor / ours,
        of_peer=None if peer is None else peer / ours,
        goal=row.goal,
    )


def _timed(work: Callable[[], object], count: int) -> float:
    begin = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - begin) / count


def _calibrated(work: Callable[[], object]) -> int:
    """Say how often a work fits into a round; the first call warms it up."""
    work()
    return max(1, int(SECONDS_A_ROUND / max(_timed(work, 1), 1e-6)))
