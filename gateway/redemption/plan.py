"""What is done next, decided from facts alone: no clock, no database, no partner is asked here.

`next_action` answers for a redemption that is due; `after_commit`, `after_preparation` and `after_look_up` answer what
a partner's answer proves. The rules R1 to R12 named here are listed in ``ARCHITECTURE.md``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from adapters.sdk.manifest import Manifest
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from gateway.redemption.states import TERMINAL, Event, State

SKEW = timedelta(seconds=60)
"""How far the partner's clock may be from ours when it judges a validity window (rule R5)."""

MAX_BUSY = timedelta(minutes=15)
"""The longest wait a partner's Retry-After may ask for."""

MAX_SUBMISSIONS = 5
"""How often one redemption is sent at most, the first time included."""

HEAD_START = timedelta(seconds=2)
"""Whoever took a redemption in speaks to the partner first; the sweeper only when that has not begun by then."""

SILENCE = timedelta(hours=24)
"""How long look-ups may stay without an answer before people take over from a partner whose window would decide."""

_TICK = timedelta(seconds=1)


class Powers(msgspec.Struct, frozen=True):
    """What the partner can do, from its manifest; decides how a redemption can end."""

    idempotent: bool
    checks_key_first: bool
    look_up: bool
    fence: bool
    validity_enforced: bool
    processing: timedelta
    staleness: timedelta = timedelta()

    @classmethod
    def of(cls, manifest: Manifest) -> Powers:
        """Read the powers off a manifest. A fence alone makes no partner idempotent: that is a fact of its own."""
        return cls(
            idempotent=manifest.idempotent
            and (manifest.profile in {"A", "B", "C", "F"} or manifest.facts.issues_nothing),
            checks_key_first=manifest.facts.checks_key_first,
            look_up="looks_up" in manifest.capabilities,
            fence="fences" in manifest.capabilities,
            validity_enforced=manifest.facts.validity_enforced,
            processing=timedelta(seconds=manifest.limits.processing_seconds),
            staleness=timedelta(seconds=manifest.facts.look_up_staleness_seconds),
        )


class Situation(msgspec.Struct, frozen=True):
    """A redemption as far as the plan needs to know it.

    ``maybe_sent``: some commit attempt may have reached the partner. ``submissions``: commit attempts so far.
    ``withdrawal_asked``: the member or the itinerary wants it undone. ``blocked``: an earlier leg is not captured yet.
    ``refused``: a repeat was answered NO while an earlier attempt may still be under way.
    ``distrusted``: the partner has granted twice under one key, whatever it declares.
    """

    state: State
    maybe_sent: bool
    submissions: int
    window_ends_at: datetime
    cancel_deadline_at: datetime
    withdrawal_asked: bool = False
    blocked: bool = False
    refused: bool = False
    distrusted: bool = False


class Action(StrEnum):
    """What the engine does with a redemption that is due."""

    STEP = "step"
    WITHDRAW = "withdraw"
    LOOK_UP = "look_up"
    RAISE_FENCE = "raise_fence"
    FENCE = "fence"
    GIVE_TO_PEOPLE = "give_to_people"
    RESUBMIT = "resubmit"
    WAIT = "wait"


def next_action(powers: Powers, situation: Situation, now: datetime) -> Action:
    """Decide what a due redemption needs.

    A SUBMITTING redemption is due only when its lease has ended: whoever called is gone, so its outcome is lost and the
    engine moves it to UNKNOWN before it asks again.
    """
    state = situation.state
    if state is State.HELD:
        return _next_when_held(situation, now)
    if state is State.CANCELLING:
        return Action.FENCE
    if state in {State.UNKNOWN, State.SUBMITTING}:
        return _next_when_unknown(powers, situation, now)
    if state is State.ACCEPTED:
        return _next_when_accepted(powers, situation, now)
    return Action.WAIT


def _next_when_accepted(powers: Powers, situation: Situation, now: datetime) -> Action:
    """A queued request is fenced like an unknown one; otherwise only the partner's word or the file ends it."""
    if powers.fence and _overdue(situation, now):
        return Action.RAISE_FENCE
    if powers.look_up:
        return Action.LOOK_UP
    return Action.GIVE_TO_PEOPLE if situation.cancel_deadline_at <= now else Action.WAIT


def _next_when_held(situation: Situation, now: datetime) -> Action:
    """A held redemption was provably never sent, so it may simply be withdrawn."""
    if situation.withdrawal_asked or situation.window_ends_at <= now:
        return Action.WITHDRAW
    return Action.WAIT if situation.blocked else Action.STEP


def _next_when_unknown(powers: Powers, situation: Situation, now: datetime) -> Action:
    overdue = _overdue(situation, now)
    if powers.fence and (overdue or (situation.refused and powers.checks_key_first)):
        return Action.RAISE_FENCE
    if powers.look_up:
        return Action.LOOK_UP
    if _may_resubmit(powers, situation, now):
        return Action.RESUBMIT
    return Action.GIVE_TO_PEOPLE if overdue or not powers.fence else Action.WAIT


def _overdue(situation: Situation, now: datetime) -> bool:
    return situation.withdrawal_asked or situation.cancel_deadline_at <= now


def _may_resubmit(powers: Powers, situation: Situation, now: datetime) -> bool:
    """Rule R6: only the same key, only to an idempotent partner, attempts left, window open, its turn in the trip."""
    trusted = powers.idempotent and not situation.distrusted and not situation.blocked
    return trusted and situation.submissions < MAX_SUBMISSIONS and now < situation.window_ends_at


def after_preparation(outcome: Outcome, *, maybe_sent: bool) -> Event | None:
    """Decide what a step before the commit proves: a NO ends it, anything else but OK is tried again (None).

    Nothing can have been granted before the commit step was ever sent. One that may have been, in a time that is lost
    (`gateway.redemption.restored`), may have taken what the step finds gone.
    """
    return Event.PARTNER_NO if outcome is Outcome.NO and not maybe_sent else None


def after_commit(powers: Powers, situation: Situation, outcome: Outcome) -> Event:
    """Decide what the answer to the commit step proves.

    Args:
        situation: as it was before this attempt: ``maybe_sent`` speaks of the earlier ones.
    """
    if outcome is Outcome.OK:
        return Event.PARTNER_OK
    if outcome is Outcome.PENDING:
        return Event.PARTNER_PENDING
    if outcome is Outcome.NO:
        # R12: our own first call may have taken the last room; where the key is judged first it did not, but it may
        # still be under way and be granted later, for a refusal need not be remembered. A fence makes it certain.
        return Event.OUTCOME_LOST if situation.maybe_sent else Event.PARTNER_NO
    if outcome in {Outcome.NOT_SENT, Outcome.BUSY} and not situation.maybe_sent:
        return Event.NOTHING_SENT
    return Event.OUTCOME_LOST


class Finding(msgspec.Struct, frozen=True):
    """What a look-up led to: an event, a resubmission, or nothing yet (neither)."""

    event: Event | None = None
    resubmit: bool = False


_LOOK_UP_PROVES = {
    LookUpAnswer.ISSUED: Event.PARTNER_OK,
    LookUpAnswer.REFUSED: Event.PARTNER_NO,
    LookUpAnswer.CANCELLED: Event.PARTNER_NO,
    LookUpAnswer.PENDING: Event.PARTNER_PENDING,
}


def after_look_up(
    powers: Powers, situation: Situation, answer: LookUpAnswer, asked_at: datetime, now: datetime
) -> Finding:
    """Decide what a look-up by our key proves.

    NOT_FOUND proves nothing by itself (rule R5): it allows a resubmission with the same key, or a void where the
    partner enforces the window and the look-up was made when no copy of the request could still show up.
    """
    event = _LOOK_UP_PROVES.get(answer)
    if event is not None:
        if event is Event.PARTNER_PENDING and situation.state is State.ACCEPTED:
            return _people_or_later(powers, situation, now)
        return Finding(event=event)
    if answer is LookUpAnswer.NOT_FOUND and situation.state is State.UNKNOWN:
        if powers.validity_enforced and _absence_proves_from(powers, situation) < asked_at:
            return Finding(event=Event.WINDOW_ENDED)
        if not situation.withdrawal_asked and _may_resubmit(powers, situation, now):
            return Finding(resubmit=True)
    return _people_or_later(powers, situation, now)


def _absence_proves_from(powers: Powers, situation: Situation) -> datetime:
    """After this instant a request cannot begin to count any more, nor a look-up miss one that did."""
    return situation.window_ends_at + SKEW + powers.processing + powers.staleness


def _people_at(powers: Powers, situation: Situation) -> datetime:
    """When people take over; a partner whose window decides is given the time to do so."""
    if powers.validity_enforced and situation.state is State.UNKNOWN:
        return max(situation.cancel_deadline_at, _absence_proves_from(powers, situation) + SILENCE)
    return situation.cancel_deadline_at


def _people_or_later(powers: Powers, situation: Situation, now: datetime) -> Finding:
    if not powers.fence and _people_at(powers, situation) <= now:
        return Finding(event=Event.GIVEN_TO_PEOPLE)
    return Finding()


def look_again_at(powers: Powers, situation: Situation, now: datetime, again_at: datetime) -> datetime | None:
    """Say when a waiting redemption is looked at again: after a delay, and not later than something can be decided.

    Returns:
        None for a redemption that rests: ended, or with people.
    """
    state = situation.state
    if state in TERMINAL or state is State.MANUAL:
        return None
    moments: list[datetime] = []
    if state is State.HELD:
        moments = [situation.window_ends_at]
    elif state in {State.UNKNOWN, State.ACCEPTED, State.SUBMITTING}:
        moments = [situation.cancel_deadline_at, _people_at(powers, situation)]
        if powers.validity_enforced:
            moments.append(_absence_proves_from(powers, situation) + _TICK)
    return min([again_at, *(moment for moment in moments if moment > now)])
