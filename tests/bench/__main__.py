"""``python -m tests.bench [MEASURE ...]``: measure every row, or those named, print the table and keep the figures."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from tests.bench import benefits, holds
from tests.bench.measure import Result, measure

KEPT = Path("var/bench.json")
MEASURES: dict[str, Callable[[], Iterable[Result]]] = {
    "benefits": lambda: [measure(benefits.row())],
    "holds": holds.results,
}


def main() -> None:
    """Measure and tell; nothing is asserted, a machine may be busy."""
    last = msgspec.json.decode(KEPT.read_bytes(), type=dict[str, Result]) if KEPT.exists() else {}
    found = dict(last)
    for result in itertools.chain.from_iterable(MEASURES[name]() for name in sys.argv[1:] or MEASURES):
        sys.stdout.write(f"{told(result, last.get(result.name))}\n")
        found[result.name] = result
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2))


def told(result: Result, before: Result | None) -> str:
    """Tell one row in words."""
    peer = (
        ""
        if result.of_peer is None
        else f", {result.of_peer:.2f} of the peer's speed ({result.peer_microseconds:.0f} us)"
    )
    peer += "" if result.goal_of_peer is None else f", goal {result.goal_of_peer:g} of the peer's"
    last = "" if before is None else f"; last run {before.of_floor:.2f}"
    mark = "reached" if result.reached else "NOT reached"
    return (
        f"{result.name}: {result.ours_microseconds:.2f} us each, {result.of_floor:.2f} of the floor "
        f"({result.floor_microseconds:.2f} us), goal {result.goal} {mark}{peer}{last}"
    )


if __name__ == "__main__":
    main()
