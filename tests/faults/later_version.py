"""``python -m tests.faults.later_version``: the nursery of gateways of a later version, which know one state more.

What this version calls UNKNOWN they call VERIFYING from now on: the same in everything but the word. They are made by
changing the table and the plan before anything else is imported, as a later version's files would be changed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import msgspec

from config import migrate
from gateway.redemption import plan, states
from gateway.redemption.states import TRANSITIONS, Event, State

VERIFYING = "verifying"
REVISION = "9999"


def main() -> None:
    """Become the later version and start what is asked for."""
    _know_one_more()
    known = migrate.revisions()
    migrate.revisions = lambda: (*known, REVISION)  # type: ignore[assignment]
    importlib.import_module("tests.campaign.nursery").main()


def _know_one_more() -> None:
    verifying: Any = str.__new__(State, VERIFYING)
    verifying._name_, verifying._value_ = VERIFYING.upper(), VERIFYING
    State._member_map_[VERIFYING.upper()] = State._value2member_map_[VERIFYING] = verifying
    State._member_names_.append(VERIFYING.upper())
    TRANSITIONS.update({(verifying, event): to for (state, event), to in TRANSITIONS.items() if state is State.UNKNOWN})
    TRANSITIONS[State.SUBMITTING, Event.OUTCOME_LOST] = verifying
    states.HOLDING = states.HOLDING | {verifying}
    for name in ("next_action", "after_commit", "after_look_up", "look_again_at"):
        setattr(plan, name, _as_unknown(getattr(plan, name), verifying))


def _as_unknown(decide: Callable[..., Any], verifying: State) -> Callable[..., Any]:
    """Decide of what is VERIFYING as of what is UNKNOWN."""

    def deciding(powers: plan.Powers, situation: plan.Situation, *more: Any) -> Any:
        if situation.state is verifying:
            situation = msgspec.structs.replace(situation, state=State.UNKNOWN)
        return decide(powers, situation, *more)

    return deciding


if __name__ == "__main__":
    main()
