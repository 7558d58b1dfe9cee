"""The states of a redemption and of a reversal, and every transition there is, as data.

The store writes a transition only through `target`; the guard in its ``UPDATE`` is `sources`. A model checker reads
the same table.
"""

from __future__ import annotations

from enum import StrEnum

from gateway.errors import TransitionError


class State(StrEnum):
    """Where a redemption stands. ACCEPTED: a batch partner queued it. MANUAL: a file or two people end it."""

    HELD = "held"
    SUBMITTING = "submitting"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    CANCELLING = "cancelling"
    MANUAL = "manual"
    CAPTURED = "captured"
    VOIDED = "voided"


class Event(StrEnum):
    """What moves a redemption; each is something proven or decided, never merely elapsed."""

    SUBMIT = "submit"
    PARTNER_OK = "partner_ok"
    PARTNER_NO = "partner_no"
    PARTNER_PENDING = "partner_pending"
    NOTHING_SENT = "nothing_sent"
    OUTCOME_LOST = "outcome_lost"
    WITHDRAWN = "withdrawn"
    FENCE_RAISED = "fence_raised"
    FENCED = "fenced"
    ALREADY_USED = "already_used"
    WINDOW_ENDED = "window_ended"
    GIVEN_TO_PEOPLE = "given_to_people"
    FILE_SAYS_ISSUED = "file_says_issued"
    FILE_SAYS_NOT_ISSUED = "file_says_not_issued"
    PEOPLE_SAY_ISSUED = "people_say_issued"
    PEOPLE_SAY_NOT_ISSUED = "people_say_not_issued"


S, E = State, Event

TRANSITIONS: dict[tuple[State, Event], State] = {
    (S.HELD, E.SUBMIT): S.SUBMITTING,
    (S.HELD, E.PARTNER_NO): S.VOIDED,
    (S.HELD, E.WITHDRAWN): S.VOIDED,
    (S.SUBMITTING, E.PARTNER_OK): S.CAPTURED,
    (S.SUBMITTING, E.PARTNER_NO): S.VOIDED,
    (S.SUBMITTING, E.PARTNER_PENDING): S.ACCEPTED,
    (S.SUBMITTING, E.NOTHING_SENT): S.HELD,
    (S.SUBMITTING, E.OUTCOME_LOST): S.UNKNOWN,
    (S.UNKNOWN, E.SUBMIT): S.SUBMITTING,
    (S.UNKNOWN, E.PARTNER_OK): S.CAPTURED,
    (S.UNKNOWN, E.PARTNER_NO): S.VOIDED,
    (S.UNKNOWN, E.PARTNER_PENDING): S.ACCEPTED,
    (S.UNKNOWN, E.WINDOW_ENDED): S.VOIDED,
    (S.UNKNOWN, E.FENCE_RAISED): S.CANCELLING,
    (S.UNKNOWN, E.GIVEN_TO_PEOPLE): S.MANUAL,
    (S.UNKNOWN, E.FILE_SAYS_ISSUED): S.CAPTURED,
    (S.UNKNOWN, E.FILE_SAYS_NOT_ISSUED): S.VOIDED,
    (S.ACCEPTED, E.PARTNER_OK): S.CAPTURED,
    (S.ACCEPTED, E.PARTNER_NO): S.VOIDED,
    (S.ACCEPTED, E.FENCE_RAISED): S.CANCELLING,
    (S.ACCEPTED, E.GIVEN_TO_PEOPLE): S.MANUAL,
    (S.ACCEPTED, E.FILE_SAYS_ISSUED): S.CAPTURED,
    (S.ACCEPTED, E.FILE_SAYS_NOT_ISSUED): S.VOIDED,
    (S.CANCELLING, E.FENCED): S.VOIDED,
    (S.CANCELLING, E.ALREADY_USED): S.CAPTURED,
    (S.MANUAL, E.FILE_SAYS_ISSUED): S.CAPTURED,
    (S.MANUAL, E.FILE_SAYS_NOT_ISSUED): S.VOIDED,
    (S.MANUAL, E.PEOPLE_SAY_ISSUED): S.CAPTURED,
    (S.MANUAL, E.PEOPLE_SAY_NOT_ISSUED): S.VOIDED,
}
"""Every transition; a pair that is not here is refused."""

TERMINAL = frozenset({State.CAPTURED, State.VOIDED})
"""Ended: only new entries from here on (rule R10)."""

HOLDING = frozenset(State) - TERMINAL
"""States in which the member's points are held; no timer releases them."""


def target(state: State, event: Event) -> State:
    """Answer where an event leads.

    Raises:
        TransitionError: there is no such transition; the caller drops its result and reads again (rule R8).
    """
    found = TRANSITIONS.get((state, event))
    if found is None:
        raise TransitionError(f"A redemption that is {state} does not move by {event}.", state=state, event=event)
    return found


class ReversalState(StrEnum):
    """Where the undoing of a captured redemption stands. REFUSED: the member keeps the benefit, no points move."""

    REQUESTED = "requested"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    APPLIED = "applied"
    REFUSED = "refused"
    MANUAL = "manual"


R = ReversalState

REVERSAL_TRANSITIONS: frozenset[tuple[ReversalState, ReversalState]] = frozenset(
    {
        (R.REQUESTED, R.SUBMITTING),
        (R.SUBMITTING, R.APPLIED),
        (R.SUBMITTING, R.REFUSED),
        (R.SUBMITTING, R.REQUESTED),
        (R.SUBMITTING, R.UNKNOWN),
        (R.UNKNOWN, R.SUBMITTING),
        (R.UNKNOWN, R.APPLIED),
        (R.UNKNOWN, R.REQUESTED),
        (R.UNKNOWN, R.MANUAL),
        (R.REQUESTED, R.MANUAL),
        (R.REQUESTED, R.APPLIED),
        (R.MANUAL, R.APPLIED),
        (R.MANUAL, R.REFUSED),
    }
)
"""Every transition of a reversal. From MANUAL it is applied when the partner says, asked anew, that it is done; or two
people say what became of it."""
