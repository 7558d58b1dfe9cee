"""Every interleaving of the undoing of one captured redemption; what our side decides is asked of the code itself.

Two workers, cancels that are lost, late or doubled, answers that are lost, deaths, sleep past a lease, and a member who
uses the benefit meanwhile. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult
from gateway.redemption.reversal_engine import CANCEL, LOOK_UP, after_cancel, after_look_up, operation_of
from gateway.redemption.states import REVERSAL_TRANSITIONS, ReversalState

R = ReversalState
ENDED = frozenset({R.APPLIED, R.REFUSED})
TRIES = 3
"""How often our side asks for the cancellation at most; the deadline comes after any of them."""


class Rules(NamedTuple):
    """What keeps it right, our rules and what we rely on of a partner; one that is off is broken on purpose."""

    lost_is_unknown: bool = True
    """R4: an answer that proves nothing refuses nothing."""
    never_by_age: bool = True
    """R4: no timer gives points back."""
    repeats_are_ok: bool = True
    """A partner answers the cancellation of what is cancelled as it did the first."""
    used_is_final: bool = True
    """A partner cancels nothing that was used."""


class Ability(NamedTuple):
    """What the partner can do: fence by our key or cancel by its own reference; be asked."""

    looks_up: bool
    cancels: bool = True


ABILITIES = {
    "fences and looks up": Ability(looks_up=True),
    "cancels and cannot be asked": Ability(looks_up=False),
    "looks up and cannot cancel": Ability(looks_up=True, cancels=False),
}


class Call(NamedTuple):
    """A call that a worker is about to make, or has the answer of. ``fresh``: nothing changed the row since."""

    operation: str
    fresh: bool = True
    answer: str = ""


class World(NamedTuple):
    """One state of everything. ``cancels`` are on their way; ``given``: the points are back."""

    state: ReversalState = R.REQUESTED
    owner: int = -1
    asked: int = 0
    overdue: bool = False
    given: bool = False
    stands: bool = True
    used: bool = False
    cancels: int = 0
    workers: tuple[Call | None, Call | None] = (None, None)


class Steps:
    """The steps of one kind of partner under some rules."""

    def __init__(self, ability: Ability, rules: Rules) -> None:
        self.ability = ability
        self.rules = rules
        self.followed: set[tuple[ReversalState, ReversalState]] = set()

    def of(self, world: World) -> Iterator[World]:
        """List where the world may go next."""
        yield from self._around(world)
        for worker, call in enumerate(world.workers):
            if call is None:
                yield from self._takes_up(world, worker)
                continue
            yield _with(world, worker, None)
            if call.answer:
                yield self._records(world, worker, call)
            else:
                yield from self._calls(world, worker, call)

    def _around(self, world: World) -> Iterator[World]:
        if not world.overdue:
            yield world._replace(overdue=True)
        if world.stands and not world.used:
            yield world._replace(used=True)
        if world.cancels:
            yield self._late(world)._replace(cancels=world.cancels - 1)
        if not self.rules.never_by_age and world.overdue and world.state is R.UNKNOWN:
            yield self._to(world, R.APPLIED)

    def _late(self, world: World) -> World:
        return _cancelled(world if self.rules.used_is_final else world._replace(used=False))

    def _takes_up(self, world: World, worker: int) -> Iterator[World]:
        """As `ReversalEngine._prepare`; a lease may have ended at any time."""
        if world.state in ENDED or world.state is R.MANUAL:
            return
        world = world._replace(owner=worker)
        if world.state is R.SUBMITTING:
            world = self._to(world, R.UNKNOWN)
        operation = operation_of(
            can_cancel=self.ability.cancels,
            can_be_asked=self.ability.looks_up,
            state=world.state,
        )
        if operation is None or (world.state is R.UNKNOWN and world.overdue):
            yield self._to(world, R.MANUAL)
            return
        if operation == CANCEL:
            if world.asked >= TRIES:
                return
            world = self._to(world._replace(asked=world.asked + 1), R.SUBMITTING)
        yield _with(_changed(world)._replace(owner=worker), worker, Call(operation))

    def _calls(self, world: World, worker: int, call: Call) -> Iterator[World]:
        def answered(answer: str, after: World = world) -> World:
            return _with(after, worker, call._replace(answer=answer))

        yield answered(Outcome.UNKNOWN if call.operation == CANCEL else LookUpAnswer.UNKNOWN)
        if call.operation == LOOK_UP:
            yield answered(LookUpAnswer.ISSUED if world.stands else LookUpAnswer.CANCELLED)
            return
        yield answered(Outcome.NOT_SENT)
        yield answered(Outcome.UNKNOWN, world._replace(cancels=min(world.cancels + 1, 2)))
        refused = (world.stands and world.used) or (not world.stands and not self.rules.repeats_are_ok)
        yield answered(Outcome.NO if refused else Outcome.OK, _cancelled(world))
        yield answered(Outcome.UNKNOWN, _cancelled(world))

    def _records(self, world: World, worker: int, call: Call) -> World:
        """As `ReversalEngine._record`: a result whose lease or version is gone is dropped."""
        mine = world.owner == worker and call.fresh
        world = _with(world, worker, None)
        if not mine:
            return world
        result: Any
        if call.operation == LOOK_UP:
            result = LookUpResult(answer=LookUpAnswer(call.answer))
            return self._to(world, after_look_up(result))
        outcome = Outcome(call.answer)
        if not self.rules.lost_is_unknown and outcome is Outcome.UNKNOWN:
            outcome = Outcome.NO
        result = CancelResult(outcome=outcome)
        return self._to(world, after_cancel(result))

    def _to(self, world: World, state: ReversalState) -> World:
        """Follow the code's own table; what it does not hold is dropped, as the store drops it."""
        if state is not world.state:
            if (world.state, state) not in REVERSAL_TRANSITIONS:
                return world
            self.followed.add((world.state, state))
        given = world.given or state is R.APPLIED
        return _changed(world._replace(state=state, owner=-1, given=given))


def _cancelled(world: World) -> World:
    """The partner cancels what was not used; what is cancelled stays so."""
    return world if world.used and world.stands else world._replace(stands=False)


def _changed(world: World) -> World:
    first, second = (None if call is None else call._replace(fresh=False) for call in world.workers)
    return world._replace(workers=(first, second))


def _with(world: World, worker: int, call: Call | None) -> World:
    first, second = world.workers
    return world._replace(workers=(call, second) if worker == 0 else (first, call))


class Found(NamedTuple):
    """How an exploration ended: what is wrong and after how many steps, or nothing; how much was looked at."""

    says: str | None
    depth: int
    states: int
    followed: set[tuple[ReversalState, ReversalState]]
    ends: set[ReversalState]


def explore(ability: Ability, rules: Rules | None = None) -> Found:
    """Look at every state that can be reached, nearest first."""
    steps = Steps(ability, rules or Rules())
    seen, waiting = {World()}, deque([(World(), 0)])
    ends: set[ReversalState] = set()
    while waiting:
        world, depth = waiting.popleft()
        wrong = fault(world)
        if wrong is not None:
            return Found(wrong, depth, len(seen), steps.followed, ends)
        if world.state in ENDED or world.state is R.MANUAL:
            ends.add(world.state)
        for after in steps.of(world):
            if after not in seen:
                seen.add(after)
                waiting.append((after, depth + 1))
    return Found(None, 0, len(seen), steps.followed, ends)


def fault(world: World) -> str | None:
    """Say what nobody may ever see."""
    if world.given and world.stands and not world.cancels:
        return "given back, and the member has it"
    if world.state is R.REFUSED and not world.stands:
        return "refused, and the member has nothing"
    if world.given != (world.state is R.APPLIED):
        return "given back without being applied, or the reverse"
    return None
