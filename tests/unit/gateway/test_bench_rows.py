"""What the bench measures is the same work: floor and ours decide alike, and the figures are told as they are."""

from __future__ import annotations

from tests.bench import benefits
from tests.bench.__main__ import told
from tests.bench.measure import Result


def test_the_floor_decides_as_the_rules_do() -> None:
    row = benefits.row()
    assert row.units == len(benefits.straight(benefits.benefits())) == 200
    found = benefits.straight(benefits.benefits())
    refused = {refusal.code for one in found for refusal in one.refusals}
    assert refused == {"tier_not_eligible"}, "what costs time is passing, not failing"
    assert 0 < sum(1 for one in found if one.refusals) < 100


def test_a_goal_that_is_missed_is_told() -> None:
    result = Result(
        name="x",
        floor_microseconds=1.0,
        ours_microseconds=2.0,
        peer_microseconds=4.0,
        of_floor=0.5,
        of_peer=2.0,
        goal=0.6,
    )
    assert (
        told(result, None)
        == "x: 2.00 us each, 0.50 of the floor (1.00 us), goal 0.6 NOT reached, 2.00 of the peer's speed"
    )
    assert told(result, result).endswith("; last run 0.50")
