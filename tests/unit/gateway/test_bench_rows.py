"""What the bench measures is the same work: floor and ours decide alike, and the figures are told as they are."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.console import Console

from tests.bench import benefits
from tests.bench.measure import Result
from tests.bench.telling import table


def test_the_floor_decides_as_the_rules_do() -> None:
    row = benefits.row()
    assert row.units == len(benefits.straight(benefits.benefits())) == 200
    found = benefits.straight(benefits.benefits())
    refused = {refusal.code for one in found for refusal in one.refusals}
    assert refused == {"tier_not_eligible"}, "what costs time is passing, not failing"
    assert 0 < sum(1 for one in found if one.refusals) < 100


def test_a_goal_that_is_missed_is_told() -> None:
    result = Result(
        name="x", floor_microseconds=1.0, ours_microseconds=2.0, peer_microseconds=4.0, of_floor=0.5, of_peer=2.0,
        goal=0.4, goal_of_peer=1.5, facts={"cpu ms": 0.5}, limits={"cpu ms": 0.5},
    )  # fmt: skip
    cases: tuple[dict[str, Any], ...] = ({"goal": 0.6}, {"goal_of_peer": 3.0}, {"limits": {"cpu ms": 0.4}})
    for missed in cases:
        told = _told({"x": msgspec.structs.replace(result, **missed)}, {})
        assert "NO" in told, missed
        assert "yes" not in told, missed
    told = _told({"x": result}, {"x": msgspec.structs.replace(result, of_floor=0.123)})
    for cell in ("yes", "0.500", "0.123", ">= 0.4 of floor, >= 1.5 of peer, cpu ms <= 0.5", "cpu ms 0.50"):
        assert cell in told


def _told(found: dict[str, Result], last: dict[str, Result]) -> str:
    console = Console(width=250)
    with console.capture() as captured:
        console.print(table(found, last))
    return captured.get()
