"""Every step that the world may take next. What our side decides is asked of the code: `gateway.redemption.plan`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import msgspec

from adapters.sdk.outcomes import LookUpAnswer, Outcome
from gateway.errors import TransitionError
from gateway.redemption import plan
from gateway.redemption.plan import Action, Finding, Situation
from gateway.redemption.states import HOLDING, Event, State, target
from tests.model import partner as partners
from tests.model.rules import Rules
from tests.model.world import CANCEL_DEADLINE_AT, RESTING, WINDOW_ENDS_AT, Move, Order, Profile, Row, World

COMMIT, LOOK_UP, FENCE = "commit", "look_up", "fence"
MAX_LATE = 2
"""Requests that are on their way at once."""


class Steps:
    """The steps of one profile under some rules; ``submissions`` bounds how often our side sends."""

    def __init__(self, profile: Profile, rules: Rules, submissions: int) -> None:
        """Take what the plan is told of the partner; a rule that is off may tell it something wrong."""
        powers = profile.powers
        if not rules.resubmit_to_idempotent_only:
            powers = msgspec.structs.replace(powers, idempotent=True)
        self.profile, self.rules, self.powers, self.limit = profile, rules, powers, submissions
        self.instants = profile.instants
        self.used: set[tuple[State, Event]] = set()
        self.next_action = cache(self._next_action)
        self.after_commit = cache(self._after_commit)
        self.after_look_up = cache(self._after_look_up)

    def of(self, world: World) -> Iterator[Move]:
        """List every step from a state of the world."""
        yield from self._around(world)
        yield from self._partner_moves(world)
        for worker, order in enumerate(world.workers):
            if order is None:
                yield from self._prepares(world, worker)
            else:
                yield Move(f"worker {worker} dies", _with_worker(world, worker, None))
                if not order.answer:
                    yield from self._calls(world, worker, order)
                else:
                    yield Move(f"worker {worker} records {order.answer}", self._recorded(world, worker, order))

    # What happens around us

    def _around(self, world: World) -> Iterator[Move]:
        row = world.row
        if world.now + 1 < len(self.instants):
            # The instants are further apart than reads are ever behind.
            seen = world.partner._replace(hidden=False)
            yield Move("time passes", world._replace(now=world.now + 1, partner=seen))
        if row.state in HOLDING and not row.withdrawal:
            yield Move("the member wants it no more", world._replace(row=row._replace(withdrawal=True)))
        if not row.held:
            yield Move("the points are held", world._replace(row=row._replace(held=True)))
        if not self.rules.webhooks_are_hints and row.state in HOLDING:
            yield Move("a callback says issued", _ended(world, State.CAPTURED))
        if not self.rules.never_by_age and row.state is State.UNKNOWN and self.instants[world.now] > CANCEL_DEADLINE_AT:
            yield Move("a timer releases it", _ended(world, State.VOIDED))
        if self.profile.has_file and self.instants[world.now] > CANCEL_DEADLINE_AT and not world.partner.closed:
            yield from self._file(world)

    def _file(self, world: World) -> Iterator[Move]:
        """The partner closes its books: nothing is granted under the key any more, and the file says what was."""
        closed = world._replace(partner=world.partner._replace(closed=True, queued=False), requests=())
        if world.row.state in {State.MANUAL, State.UNKNOWN, State.ACCEPTED}:
            event = Event.FILE_SAYS_ISSUED if world.partner.standing else Event.FILE_SAYS_NOT_ISSUED
            yield Move("the closed file settles it", _ended(closed, self._to(world.row.state, event)))

    def _partner_moves(self, world: World) -> Iterator[Move]:
        partner = world.partner
        for place, signed in enumerate(world.requests):
            left = world.requests[:place] + world.requests[place + 1 :]
            for after, _ in partners.reserve(self.profile, self.rules, partner, world.now, signed):
                yield Move("a late request arrives", world._replace(partner=after, requests=left))
        if world.fences:
            for after, _ in partners.fence(partner):
                yield Move("a late cancel arrives", world._replace(partner=after, fences=world.fences - 1))
        if partner.standing and not partner.used and self.profile.fence:
            yield Move("the member uses it", world._replace(partner=partner._replace(used=True)))
        for after in partners.work_off_queue(partner):
            yield Move("the batch runs", world._replace(partner=after))

    # A worker prepares: as `gateway.redemption.ordering`

    def _prepares(self, world: World, worker: int) -> Iterator[Move]:
        row = world.row
        if row.state in RESTING:
            return
        row = row._replace(owner=worker)
        if row.state is State.SUBMITTING:
            row = row._replace(state=self._to(State.SUBMITTING, Event.OUTCOME_LOST))
        taken = _changed(world._replace(row=row))
        yield Move(f"worker {worker} takes it up", self._decided(taken, worker))

    def _decided(self, world: World, worker: int) -> World:
        row = world.row
        action = self.next_action(row, world.now)
        if action is Action.WITHDRAW:
            return _ended(world, self._to(row.state, Event.WITHDRAWN))
        if action is Action.GIVE_TO_PEOPLE:
            return _ended(world, self._to(row.state, Event.GIVEN_TO_PEOPLE))
        if action is Action.LOOK_UP:
            return self._ordered(world, worker, LOOK_UP)
        if action is Action.RAISE_FENCE:
            world = world._replace(row=row._replace(state=self._to(row.state, Event.FENCE_RAISED)))
        if action in {Action.RAISE_FENCE, Action.FENCE}:
            return self._ordered(world, worker, FENCE)
        if action in {Action.STEP, Action.RESUBMIT}:
            return self._submitted(world, worker)
        return _released(world)

    def _submitted(self, world: World, worker: int) -> World:
        if world.submissions >= self.limit:
            return _released(world)
        ordered = self._ordered(world, worker, COMMIT)._replace(submissions=world.submissions + 1)
        if not self.rules.attempt_first:
            return ordered
        row = world.row
        moved = row._replace(state=self._to(row.state, Event.SUBMIT), attempts=(*row.attempts, None))
        return ordered._replace(row=moved)

    def _ordered(self, world: World, worker: int, operation: str) -> World:
        seen = _situation(world.row)
        attempt = len(world.row.attempts) if operation == COMMIT and self.rules.attempt_first else -1
        if operation == COMMIT:
            signed = 0 if self.rules.signed_once or not self.profile.signed else world.now
            order = Order(operation, 0, attempt, seen.maybe_sent, seen.submissions, signed=signed)
        else:
            order = Order(operation, world.now if operation == LOOK_UP else 0, attempt, False, 0)
        return _with_worker(world, worker, order)

    # A worker calls

    def _calls(self, world: World, worker: int, order: Order) -> Iterator[Move]:
        def answered(words: str, answer: str, after: World = world) -> Move:
            said = _with_worker(after, worker, order._replace(answer=answer, signed=0))
            return Move(f"worker {worker}: {order.operation} {words}", said)

        yield answered("is lost", Outcome.UNKNOWN)
        if order.operation == LOOK_UP:
            for look_up_answer in partners.look_up(world.partner):
                yield answered(f"is answered {look_up_answer}", look_up_answer)
        elif order.operation == FENCE:
            yield answered("is late", Outcome.UNKNOWN, world._replace(fences=1))
            for after, outcome in partners.fence(world.partner):
                there = world._replace(partner=after)
                yield answered(f"is answered {outcome}", outcome, there)
                yield answered(f"is done ({outcome}) and the answer lost", Outcome.UNKNOWN, there)
        else:
            yield answered("is not sent", Outcome.NOT_SENT)
            signed = world.now if self.profile.signed and not self.rules.signature_kept else order.signed
            if len(world.requests) < MAX_LATE:
                late = world._replace(requests=(*world.requests, signed))
                yield answered("is late", Outcome.UNKNOWN, late)
            for after, outcome in partners.reserve(self.profile, self.rules, world.partner, world.now, signed):
                there = world._replace(partner=after)
                yield answered(f"is answered {outcome}", outcome, there)
                yield answered(f"is done ({outcome}) and the answer lost", Outcome.UNKNOWN, there)

    # A worker records: as `gateway.redemption.recording`

    def _recorded(self, world: World, worker: int, order: Order) -> World:
        row, mine = world.row, world.row.owner == worker and order.fresh
        if order.attempt >= 0:
            outcomes = list(row.attempts)
            outcomes[order.attempt] = Outcome(order.answer)
            row = row._replace(attempts=tuple(outcomes))
        world = _with_worker(world._replace(row=row), worker, None)
        if not mine and self.rules.guarded:
            return world
        try:
            return self._applied(_changed(world), worker, order)
        except TransitionError:
            return world

    def _applied(self, world: World, worker: int, order: Order) -> World:
        row = world.row
        if order.operation == LOOK_UP:
            return self._looked_up(world, worker, order)
        outcome = Outcome(order.answer)
        if order.operation == FENCE:
            if outcome in {Outcome.OK, Outcome.NO}:
                return _ended(world, self._to(row.state, Event.FENCED if outcome is Outcome.OK else Event.ALREADY_USED))
            return _released(world)
        event = self.after_commit(order.maybe_sent, order.submissions, outcome)
        if not self.rules.attempt_first:
            row = row._replace(state=self._to(row.state, Event.SUBMIT), attempts=(*row.attempts, outcome))
        return _ended(world._replace(row=row), self._to(row.state, event))

    def _looked_up(self, world: World, worker: int, order: Order) -> World:
        found = self.after_look_up(world.row, LookUpAnswer(order.answer), order.asked, world.now)
        if found.resubmit:
            return self._submitted(world, worker)
        if found.event is None:
            return _released(world)
        return _ended(world, self._target(world.row.state, found.event))

    def _to(self, state: State, event: Event) -> State:
        """Follow the code's own table, and remember which of its rows were used."""
        found = target(state, event)
        self.used.add((state, event))
        return found

    def _target(self, state: State, event: Event) -> State:
        if state is State.CANCELLING and not self.rules.cancelling_is_one_way:
            return State.CAPTURED if event is Event.PARTNER_OK else State.VOIDED
        return self._to(state, event)

    # The code's decisions, and what they would be without a rule

    def _next_action(self, row: Row, now: int) -> Action:
        if row.state is State.CANCELLING and not self.rules.cancelling_is_one_way and self.powers.look_up:
            return Action.LOOK_UP
        return plan.next_action(self.powers, _situation(row), self.instants[now])

    def _after_commit(self, maybe_sent: bool, submissions: int, outcome: Outcome) -> Event:
        if not self.rules.only_two_are_definite and outcome is Outcome.UNKNOWN:
            return Event.PARTNER_NO
        if not self.rules.no_to_a_repeat_is_not_final and outcome is Outcome.NO:
            return Event.PARTNER_NO
        before = _situation(Row(state=State.SUBMITTING, attempts=(None,) * submissions))
        return plan.after_commit(self.powers, _replaced(before, maybe_sent=maybe_sent), outcome)

    def _after_look_up(self, row: Row, answer: LookUpAnswer, asked: int, now: int) -> Finding:
        absent = answer is LookUpAnswer.NOT_FOUND and row.state is State.UNKNOWN
        if absent and not self.rules.absence_proves_nothing:
            return Finding(event=Event.WINDOW_ENDED)
        without_margins = self.powers.validity_enforced and not self.rules.window_with_margins
        if absent and without_margins and self.instants[asked] > WINDOW_ENDS_AT:
            return Finding(event=Event.WINDOW_ENDED)
        return plan.after_look_up(self.powers, _situation(row), answer, self.instants[asked], self.instants[now])


def _situation(row: Row) -> Situation:
    """Gather what the plan is told, as `gateway.redemption.ordering.Ordering.situation` does."""
    return Situation(
        state=row.state,
        maybe_sent=any(outcome not in {Outcome.NOT_SENT, Outcome.BUSY} for outcome in row.attempts),
        submissions=sum(outcome is not Outcome.NOT_SENT for outcome in row.attempts),
        window_ends_at=WINDOW_ENDS_AT,
        cancel_deadline_at=CANCEL_DEADLINE_AT,
        withdrawal_asked=row.withdrawal,
        refused=Outcome.NO in row.attempts,
    )


def _replaced(situation: Situation, *, maybe_sent: bool) -> Situation:
    return msgspec.structs.replace(situation, maybe_sent=maybe_sent)


def _with_worker(world: World, worker: int, order: Order | None) -> World:
    workers = list(world.workers)
    workers[worker] = order
    return world._replace(workers=tuple(workers))


def _changed(world: World) -> World:
    """The row has a new version: whoever read the old one is stale."""
    stale = tuple(None if order is None else order._replace(fresh=False) for order in world.workers)
    return world._replace(workers=stale)


def _released(world: World) -> World:
    return world._replace(row=world.row._replace(owner=-1))


def _ended(world: World, state: State) -> World:
    return _changed(world._replace(row=world.row._replace(state=state, owner=-1)))
