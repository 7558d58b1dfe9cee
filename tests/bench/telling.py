"""The table that a run of the measurements ends with."""

from __future__ import annotations

from rich.table import Table

from tests.bench.measure import Result


def table(found: dict[str, Result], last: dict[str, Result]) -> Table:
    """Lay the rows out: times per unit, ratios of speed, the goal, whether it is reached, and the last run's ratio."""
    drawn = Table("row", title="microseconds each; ratios of speed: more is faster")
    for heading in ("floor", "peer", "ours", "of floor", "of peer"):
        drawn.add_column(heading, justify="right")
    for heading in ("goal", "reached", "last run", "beside"):
        drawn.add_column(heading)
    for name, result in found.items():
        before = last.get(name)
        drawn.add_row(*_cells(result), "" if before is None else f"{before.of_floor:.3f}", _beside(result))
    return drawn


def _cells(result: Result) -> tuple[str, ...]:
    peer, of_peer = result.peer_microseconds, result.of_peer
    goals = [f">= {result.goal:g} of floor"] if result.goal else []
    goals += [] if result.goal_of_peer is None else [f">= {result.goal_of_peer:g} of peer"]
    goals += [f"{name} <= {most:g}" for name, most in result.limits.items()]
    return (
        result.name,
        f"{result.floor_microseconds:.1f}",
        "" if peer is None else f"{peer:.1f}",
        f"{result.ours_microseconds:.1f}",
        f"{result.of_floor:.3f}",
        "" if of_peer is None else f"{of_peer:.2f}",
        ", ".join(goals),
        "yes" if result.reached else "NO",
    )


def _beside(result: Result) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in result.facts.items())
