"""The state of an itinerary follows from its legs and from what became of taking them back."""

from __future__ import annotations

import pytest

from gateway.redemption.states import ReversalState, State
from gateway.services.itineraries import ItineraryState, Policy, derive_state

C, V, H, U, M = State.CAPTURED, State.VOIDED, State.HELD, State.UNKNOWN, State.MANUAL
APPLIED, REFUSED, ASKED = ReversalState.APPLIED, ReversalState.REFUSED, ReversalState.REQUESTED


@pytest.mark.parametrize("policy", ["all_or_nothing", "best_effort"])
@pytest.mark.parametrize(
    ("legs", "state"),
    [
        ([(C, None), (C, None)], "confirmed"),
        ([(C, None), (C, REFUSED)], "confirmed"),
        ([(V, None), (V, None)], "undone"),
        ([(C, APPLIED), (V, None)], "undone"),
        ([(C, None), (V, None)], "partly_confirmed"),
        ([(C, REFUSED), (V, None)], "partly_confirmed"),
        ([(C, None), (C, APPLIED)], "partly_confirmed"),
        ([(C, ASKED), (V, None)], "undoing"),
        ([(C, ReversalState.MANUAL), (C, None)], "undoing"),
        ([(C, None), (U, None)], "processing"),
        ([(H, None), (H, None)], "processing"),
        ([(M, None), (C, None)], "processing"),
    ],
)
def test_under_either_policy(policy: Policy, legs: list[tuple[State, ReversalState | None]], state: str) -> None:
    assert derive_state(policy, legs) is ItineraryState(state)
    assert derive_state(policy, legs[::-1]) is ItineraryState(state)


def test_one_end_begins_to_undo_only_what_is_all_or_nothing() -> None:
    legs: list[tuple[State, ReversalState | None]] = [(V, None), (U, None)]
    assert derive_state("all_or_nothing", legs) is ItineraryState.UNDOING
    assert derive_state("best_effort", legs) is ItineraryState.PROCESSING
