"""No interleaving of an undoing gives points back for a benefit that stands, or keeps them for one that is gone."""

from __future__ import annotations

import pytest

from gateway.redemption.states import REVERSAL_TRANSITIONS, ReversalState
from tests.model.reversals import ABILITIES, Rules, explore

R = ReversalState
NOT_IN_THE_MODEL = {
    (R.MANUAL, R.APPLIED): "people say so, two of them with evidence, or the partner when it is asked anew",
    (R.MANUAL, R.REFUSED): "people say so",
    (R.REQUESTED, R.APPLIED): "the partner cancelled on its own, and a look-up said so (rule R13)",
}
BOTH, NOTHING = "given back, and the member has it", "refused, and the member has nothing"
WITHOUT = [
    ("lost_is_unknown", "cancels and cannot be asked", NOTHING),
    ("never_by_age", "fences and looks up", BOTH),
    ("repeats_are_ok", "cancels and cannot be asked", NOTHING),
    ("used_is_final", "fences and looks up", NOTHING),
]


def test_no_interleaving_gives_back_what_stands_or_keeps_what_is_gone() -> None:
    followed = set()
    for name, ability in ABILITIES.items():
        found = explore(ability)
        assert found.says is None, (name, found.says, found.depth)
        assert R.MANUAL in found.ends
        followed |= found.followed
        if ability.cancels:
            assert found.states > 500
            assert {R.APPLIED, R.REFUSED} <= found.ends
    assert REVERSAL_TRANSITIONS - followed == set(NOT_IN_THE_MODEL)


@pytest.mark.parametrize(("rule", "ability", "says"), WITHOUT)
def test_without_a_rule_something_goes_wrong(rule: str, ability: str, says: str) -> None:
    found = explore(ABILITIES[ability], Rules()._replace(**{rule: False}))
    assert found.says == says


def test_every_rule_is_taken_away_once() -> None:
    assert [rule for rule, _, _ in WITHOUT] == list(Rules._fields)
