"""No interleaving loses or doubles a benefit; and without any one of the rules the checker finds one that does."""

from __future__ import annotations

import pytest

from gateway.redemption.states import TRANSITIONS, Event, State
from tests.model.checker import explore
from tests.model.rules import ALL, Rules
from tests.model.world import MODELLED, PROFILES, REFUSES_OLD, SIGNED, Profile

NOT_IN_THE_MODEL = {
    (State.HELD, Event.PARTNER_NO): "a step before the commit; nothing can have been granted by then",
    (State.MANUAL, Event.PEOPLE_SAY_ISSUED): "people may be wrong; what they say needs evidence and two of them",
    (State.MANUAL, Event.PEOPLE_SAY_NOT_ISSUED): "the same",
}
"""Rows of the code's table that no step of the model follows, and why."""

TWICE, NOTHING, BOTH = "granted twice", "paid, and the member has nothing", "given back, and the member has it"
WITHOUT = [
    ("hold_first", "A", "captured without a hold"),
    ("attempt_first", "G", BOTH),
    ("same_key", "B", TWICE),
    ("only_two_are_definite", "G", BOTH),
    ("never_by_age", "C", BOTH),
    ("absence_proves_nothing", "E", BOTH),
    ("window_with_margins", "B", BOTH),
    ("resubmit_to_idempotent_only", "G", TWICE),
    ("cancelling_is_one_way", "A", NOTHING),
    ("guarded", "F", BOTH),
    ("webhooks_are_hints", "F", NOTHING),
    ("no_to_a_repeat_is_not_final", "F", BOTH),
    ("signed_once", SIGNED.letter, BOTH),
    ("signature_kept", SIGNED.letter, BOTH),
]
AS_WE_SIGN = ALL._replace(signed_once=False, signature_kept=False)
"""Each copy anew, when it is sent."""


def test_every_profile_of_the_model_is_the_one_that_its_facts_derive() -> None:
    assert [profile.manifest.profile for profile in PROFILES.values()] == list(PROFILES)


def test_no_interleaving_loses_or_doubles_a_benefit_and_each_can_end() -> None:
    used: set[tuple[State, Event]] = set()
    for profile in MODELLED:
        found = explore(profile)
        assert found.fault is None, f"{profile.letter}: {found.fault}"
        assert found.states > 400
        used |= found.used
    assert set(TRANSITIONS) - used == set(NOT_IN_THE_MODEL), "every row of the code's table is explored"


@pytest.mark.parametrize("profile", [PROFILES["B"], REFUSES_OLD], ids=lambda each: each.letter)
def test_signing_each_copy_anew_harms_only_where_a_signature_is_relied_on_as_a_fence(profile: Profile) -> None:
    found = explore(profile, AS_WE_SIGN)
    assert found.fault is None, found.fault
    assert explore(SIGNED, AS_WE_SIGN).fault is not None


def test_every_rule_is_taken_away_once() -> None:
    assert [rule for rule, _, _ in WITHOUT] == list(Rules._fields)


@pytest.mark.parametrize(("rule", "letter", "says"), WITHOUT)
def test_without_a_rule_something_goes_wrong(rule: str, letter: str, says: str) -> None:
    found = explore(next(each for each in MODELLED if each.letter == letter), ALL._replace(**{rule: False}))
    assert found.fault is not None
    assert found.fault.says == says
    assert len(found.fault.way) <= 12
