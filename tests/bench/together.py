"""Measures what runs concurrently: floor, ours and peer in turn; medians of the rounds, percentiles of all calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

import msgspec

from tests.bench.measure import Result

Work = Callable[[], Awaitable[object]]
ROUNDS = 3


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """A row of asynchronous work: ``concurrent`` callers that each call ``each`` times a round.

    ``limits`` may name ``added p50 ms``, ``added p99 ms`` (over the floor's), ``p99 of floor`` (a ratio) and
    ``cpu ms`` (of this process, per call). Callers begin one after the other over ``spread_seconds``, as they come in
    service; where that is given, it is told, too, what is added when all of them come in one instant.
    """

    name: str
    floor: Work
    ours: Work
    goal: float
    concurrent: int
    each: int
    peer: Work | None = None
    goal_of_peer: float | None = None
    limits: dict[str, float] = {}
    spread_seconds: float = 0.0


class Pace(msgspec.Struct):
    """What one contender took, in seconds: per call of each round by the wall and by the processor, and each call."""

    wall: list[float]
    processor: list[float]
    calls: list[float]

    def percentile(self, share: float) -> float:
        """Give a percentile of all calls, in milliseconds."""
        return sorted(self.calls)[min(len(self.calls) - 1, int(len(self.calls) * share))] * 1e3


async def measure_together(row: Together) -> Result:
    """Measure a row; each contender is warmed up by one call of each caller."""
    works = {"floor": row.floor, "ours": row.ours} | ({} if row.peer is None else {"peer": row.peer})
    paces = {name: Pace([], [], []) for name in works}
    for work in works.values():
        await _round(work, row.concurrent, 1, Pace([], [], []))
    herds = {name: Pace([], [], []) for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            if row.spread_seconds:
                await _round(work, row.concurrent, 1, herds[name])
            await _round(work, row.concurrent, row.each, paces[name], row.spread_seconds)
    return _result(row, paces, herds)


async def _round(work: Work, concurrent: int, each: int, pace: Pace, spread_seconds: float = 0.0) -> None:
    async def caller(number: int) -> None:
        await asyncio.sleep(spread_seconds * number / concurrent)
        for _ in range(each):
            begin = time.perf_counter()
            await work()
            pace.calls.append(time.perf_counter() - begin)

    wall, processor = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller(number) for number in range(concurrent)))
    calls = concurrent * each
    pace.wall.append((time.perf_counter() - wall) / calls)
    pace.processor.append((time.process_time() - processor) / calls)


def _result(row: Together, paces: dict[str, Pace], herds: dict[str, Pace]) -> Result:
    micros = {name: median(pace.wall) * 1e6 for name, pace in paces.items()}
    floor, ours = paces["floor"], paces["ours"]
    facts = {
        "p50 ms": ours.percentile(0.5),
        "p99 ms": ours.percentile(0.99),
        "added p50 ms": ours.percentile(0.5) - floor.percentile(0.5),
        "added p99 ms": ours.percentile(0.99) - floor.percentile(0.99),
        "p99 of floor": ours.percentile(0.99) / floor.percentile(0.99),
        "cpu ms": median(ours.processor) * 1e3,
    }
    if row.spread_seconds:
        facts["added p50 ms when all come at once"] = herds["ours"].percentile(0.5) - herds["floor"].percentile(0.5)
    return Result(
        name=row.name,
        floor_microseconds=micros["floor"],
        ours_microseconds=micros["ours"],
        peer_microseconds=micros.get("peer"),
        of_floor=micros["floor"] / micros["ours"],
        of_peer=micros["peer"] / micros["ours"] if "peer" in micros else None,
        goal=row.goal,
        goal_of_peer=row.goal_of_peer,
        facts=facts,
        limits=row.limits,
    )
