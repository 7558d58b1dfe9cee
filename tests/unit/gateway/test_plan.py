"""The pure decisions of a redemption: every state, every answer, every kind of partner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Literal

import msgspec
import pytest

from adapters.sdk.manifest import Capability, Facts, KeyFacts, Manifest
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from gateway.errors import TransitionError
from gateway.redemption.plan import (
    MAX_SUBMISSIONS,
    SKEW,
    Action,
    Powers,
    Situation,
    after_commit,
    after_look_up,
    after_preparation,
    look_again_at,
    next_action,
)
from gateway.redemption.states import HOLDING, TERMINAL, TRANSITIONS, Event, State, target

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
FLAGS = (False, True)
ALL_POWERS = [
    Powers(
        idempotent=idempotent,
        checks_key_first=first,
        look_up=look_up,
        fence=fence,
        validity_enforced=validity,
        processing=timedelta(seconds=60),
    )
    for idempotent, first, look_up, fence, validity in product(FLAGS, repeat=5)
]


def situation(state: State, **changes: object) -> Situation:
    facts: dict[str, object] = {
        "maybe_sent": state is not State.HELD,
        "submissions": 0 if state is State.HELD else 1,
        "window_ends_at": LATER,
        "cancel_deadline_at": LATER,
        **changes,
    }
    return Situation(state=state, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("powers", ALL_POWERS)
def test_only_a_fence_a_refusal_or_an_enforced_window_can_void(powers: Powers) -> None:
    for answer, window in product(LookUpAnswer, (EARLIER, LATER)):
        held = situation(State.UNKNOWN, window_ends_at=window, cancel_deadline_at=EARLIER)
        finding = after_look_up(powers, held, answer, NOW, NOW)
        if finding.event is None or target(State.UNKNOWN, finding.event) is not State.VOIDED:
            continue
        refused = answer in {LookUpAnswer.REFUSED, LookUpAnswer.CANCELLED}
        assert refused or (answer is LookUpAnswer.NOT_FOUND and powers.validity_enforced and window is EARLIER)


@pytest.mark.parametrize("powers", ALL_POWERS)
def test_nothing_is_sent_twice_to_a_partner_that_is_not_idempotent(powers: Powers) -> None:
    finding = after_look_up(powers, situation(State.UNKNOWN), LookUpAnswer.NOT_FOUND, NOW, NOW)
    assert finding.resubmit == powers.idempotent
    if not powers.idempotent:
        assert next_action(powers, situation(State.UNKNOWN), NOW) is not Action.RESUBMIT


@pytest.mark.parametrize("powers", [powers for powers in ALL_POWERS if powers.idempotent])
@pytest.mark.parametrize(
    "closed",
    [{"submissions": MAX_SUBMISSIONS}, {"window_ends_at": NOW}, {"withdrawal_asked": True}, {"blocked": True}],
)
def test_no_resubmission_without_attempts_window_wish_or_turn(powers: Powers, closed: dict[str, object]) -> None:
    assert not after_look_up(powers, situation(State.UNKNOWN, **closed), LookUpAnswer.NOT_FOUND, NOW, NOW).resubmit


@pytest.mark.parametrize("powers", ALL_POWERS)
def test_a_no_to_a_repeat_is_never_final_and_is_fenced_where_the_key_is_judged_first(powers: Powers) -> None:
    """The first copy may have taken the last room, or be under way and find one."""
    assert after_commit(powers, situation(State.HELD), Outcome.NO) is Event.PARTNER_NO
    assert after_commit(powers, situation(State.UNKNOWN), Outcome.NO) is Event.OUTCOME_LOST
    fenced = next_action(powers, situation(State.UNKNOWN, refused=True), NOW) is Action.RAISE_FENCE
    assert fenced == (powers.fence and powers.checks_key_first)


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.BUSY])
def test_a_hold_is_kept_open_for_release_only_while_nothing_was_ever_sent(outcome: Outcome) -> None:
    powers = ALL_POWERS[0]
    assert after_commit(powers, situation(State.HELD), outcome) is Event.NOTHING_SENT
    assert after_commit(powers, situation(State.UNKNOWN), outcome) is Event.OUTCOME_LOST


@pytest.mark.parametrize("outcome", list(Outcome))
def test_before_the_commit_only_a_no_ends_it(outcome: Outcome) -> None:
    assert after_preparation(outcome, maybe_sent=False) is (Event.PARTNER_NO if outcome is Outcome.NO else None)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_once_the_commit_may_have_been_sent_no_step_before_it_ends_anything(outcome: Outcome) -> None:
    assert after_preparation(outcome, maybe_sent=True) is None


def test_an_enforced_window_needs_skew_and_processing_time_before_the_look_up() -> None:
    powers = next(powers for powers in ALL_POWERS if powers.validity_enforced and not powers.idempotent)
    exactly = NOW - SKEW - powers.processing
    held = situation(State.UNKNOWN, window_ends_at=exactly)
    assert after_look_up(powers, held, LookUpAnswer.NOT_FOUND, NOW, NOW).event is None
    just = situation(State.UNKNOWN, window_ends_at=exactly - timedelta(milliseconds=1))
    assert after_look_up(powers, just, LookUpAnswer.NOT_FOUND, NOW, NOW).event is Event.WINDOW_ENDED


@pytest.mark.parametrize("powers", ALL_POWERS)
def test_an_overdue_unknown_is_fenced_where_possible_and_never_just_dropped(powers: Powers) -> None:
    overdue = situation(State.UNKNOWN, cancel_deadline_at=EARLIER, window_ends_at=EARLIER)
    action = next_action(powers, overdue, NOW)
    if powers.fence:
        assert action is Action.RAISE_FENCE
    else:
        assert action is (Action.LOOK_UP if powers.look_up else Action.GIVE_TO_PEOPLE)


@pytest.mark.parametrize("powers", ALL_POWERS)
def test_cancelling_is_one_way(powers: Powers) -> None:
    for asked, deadline in product(FLAGS, (EARLIER, LATER)):
        state = situation(State.CANCELLING, withdrawal_asked=asked, cancel_deadline_at=deadline)
        assert next_action(powers, state, NOW) is Action.FENCE


def test_a_blocked_leg_waits_and_a_free_one_goes() -> None:
    powers = ALL_POWERS[0]
    assert next_action(powers, situation(State.HELD, blocked=True), NOW) is Action.WAIT
    assert next_action(powers, situation(State.HELD), NOW) is Action.STEP
    assert next_action(powers, situation(State.HELD, window_ends_at=NOW), NOW) is Action.WITHDRAW


def test_terminal_states_have_no_way_out_and_every_other_has_one() -> None:
    leaving = {state for state, _ in TRANSITIONS}
    assert leaving.isdisjoint(TERMINAL)
    assert leaving == HOLDING
    for state, event in product(State, Event):
        if (state, event) not in TRANSITIONS:
            with pytest.raises(TransitionError):
                target(state, event)


def test_cancelling_leads_only_to_what_the_cancel_answer_says() -> None:
    ways = {event: to for (state, event), to in TRANSITIONS.items() if state is State.CANCELLING}
    assert ways == {Event.FENCED: State.VOIDED, Event.ALREADY_USED: State.CAPTURED}


def manifest(*capabilities: Capability, on_repeat: Literal["replay", "again"]) -> Manifest:
    return Manifest(
        name="fake",
        title="Fake",
        segment="any",
        api_version=1,
        capabilities=capabilities,
        auth="none",
        credentials={},
        facts=Facts(key=KeyFacts(field="key"), on_repeat=on_repeat, look_up_staleness_seconds=30),
    )


def test_a_fence_alone_makes_no_partner_idempotent() -> None:
    assert not Powers.of(manifest("reserves", "fences", on_repeat="again")).idempotent
    assert Powers.of(manifest("reserves", "fences", on_repeat="replay")).idempotent


def test_what_only_we_issue_is_issued_again_after_a_crash_while_its_window_is_open() -> None:
    ours = msgspec.structs.replace(manifest("reserves", on_repeat="again"), facts=Facts(issues_nothing=True))
    powers = Powers.of(ours)
    assert (ours.profile, powers.idempotent, powers.look_up, powers.fence) == ("G", True, False, False)
    crashed = situation(State.UNKNOWN)
    assert next_action(powers, crashed, NOW) is Action.RESUBMIT
    late = situation(State.UNKNOWN, window_ends_at=EARLIER)
    assert next_action(powers, late, NOW) is Action.GIVE_TO_PEOPLE


def test_absence_is_believed_only_when_a_replica_can_no_longer_be_behind() -> None:
    powers = Powers.of(manifest("reserves", "looks_up", on_repeat="replay"))
    powers = msgspec.structs.replace(powers, validity_enforced=True)
    assert powers.staleness == timedelta(seconds=30)
    from_then = NOW - SKEW - powers.processing - powers.staleness
    for window, event in ((from_then, None), (from_then - timedelta(seconds=1), Event.WINDOW_ENDED)):
        over = situation(State.UNKNOWN, window_ends_at=window, cancel_deadline_at=EARLIER)
        assert after_look_up(powers, over, LookUpAnswer.NOT_FOUND, NOW, NOW).event is event


@pytest.mark.parametrize("powers", ALL_POWERS)
def test_people_are_asked_only_where_nothing_else_can_decide(powers: Powers) -> None:
    over = situation(State.UNKNOWN, window_ends_at=NOW, cancel_deadline_at=NOW)
    finding = after_look_up(powers, over, LookUpAnswer.UNKNOWN, NOW, NOW)
    decides_itself = powers.fence or powers.validity_enforced
    assert finding.event is (None if decides_itself else Event.GIVEN_TO_PEOPLE)
    silent = situation(State.UNKNOWN, window_ends_at=NOW - timedelta(days=2), cancel_deadline_at=NOW)
    finding = after_look_up(powers, silent, LookUpAnswer.UNKNOWN, NOW, NOW)
    assert finding.event is (None if powers.fence else Event.GIVEN_TO_PEOPLE)


@pytest.mark.parametrize("powers", [powers for powers in ALL_POWERS if powers.fence])
def test_a_queued_request_is_fenced_when_overdue_or_unwanted(powers: Powers) -> None:
    for changes in ({"withdrawal_asked": True}, {"cancel_deadline_at": EARLIER}):
        assert next_action(powers, situation(State.ACCEPTED, **changes), NOW) is Action.RAISE_FENCE


@pytest.mark.parametrize("powers", ALL_POWERS)
@pytest.mark.parametrize("state", list(State))
def test_whatever_is_undecided_is_looked_at_again(powers: Powers, state: State) -> None:
    again_at = look_again_at(powers, situation(state, cancel_deadline_at=NOW + timedelta(minutes=1)), NOW, LATER)
    if state in TERMINAL or state is State.MANUAL:
        assert again_at is None
    else:
        assert again_at is not None
        assert NOW < again_at <= LATER
        assert (again_at < LATER) == (state in {State.UNKNOWN, State.ACCEPTED, State.SUBMITTING})


@pytest.mark.parametrize("powers", [powers for powers in ALL_POWERS if not powers.fence])
def test_a_queued_request_without_a_fence_is_asked_for_or_waits_for_its_deadline(powers: Powers) -> None:
    waiting = Action.LOOK_UP if powers.look_up else Action.WAIT
    ended = Action.LOOK_UP if powers.look_up else Action.GIVE_TO_PEOPLE
    assert next_action(powers, situation(State.ACCEPTED), NOW) is waiting
    assert next_action(powers, situation(State.ACCEPTED, cancel_deadline_at=NOW), NOW) is ended


@pytest.mark.parametrize("powers", ALL_POWERS)
def test_what_has_ended_or_is_with_people_rests(powers: Powers) -> None:
    for state in (*TERMINAL, State.MANUAL):
        assert next_action(powers, situation(state, cancel_deadline_at=EARLIER), NOW) is Action.WAIT


@pytest.mark.parametrize("powers", ALL_POWERS)
@pytest.mark.parametrize("maybe_sent", FLAGS)
def test_a_yes_and_a_queue_are_believed_whatever_came_before(powers: Powers, maybe_sent: bool) -> None:
    before = situation(State.SUBMITTING, maybe_sent=maybe_sent)
    assert after_commit(powers, before, Outcome.OK) is Event.PARTNER_OK
    assert after_commit(powers, before, Outcome.PENDING) is Event.PARTNER_PENDING


@pytest.mark.parametrize("powers", [powers for powers in ALL_POWERS if not powers.fence])
def test_a_queue_that_is_still_a_queue_goes_to_people_at_its_deadline(powers: Powers) -> None:
    for deadline, event in (LATER, None), (NOW, Event.GIVEN_TO_PEOPLE):
        queued = situation(State.ACCEPTED, cancel_deadline_at=deadline)
        assert after_look_up(powers, queued, LookUpAnswer.PENDING, NOW, NOW).event is event
