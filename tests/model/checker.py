"""Explore every state that can be reached, breadth first, and judge each; the shortest way to a fault is told. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from gateway.redemption.states import Event, State
from tests.model.rules import ALL, Rules
from tests.model.steps import Steps
from tests.model.world import RESTING, Profile, World, canonical


class Fault(NamedTuple):
    """What is wrong, and the shortest way there."""

    says: str
    way: tuple[str, ...]

    def __str__(self) -> str:
        """Tell it step by step."""
        return "\n".join([self.says, *(f"  {number}. {words}" for number, words in enumerate(self.way, start=1))])


class Exploration(NamedTuple):
    """How many states there are, the first fault, and which rows of the code's table led anywhere."""

    states: int
    fault: Fault | None
    used: frozenset[tuple[State, Event]]


def wrong_with(world: World) -> str | None:
    """Judge one state: what must hold at every instant, whatever comes next."""
    state, partner = world.row.state, world.partner
    if partner.grants > 1:
        return "granted twice"
    if state is State.CAPTURED and not partner.standing:
        return "paid, and the member has nothing"
    if state is State.CAPTURED and not world.row.held:
        return "captured without a hold"
    if state is State.VOIDED and partner.standing:
        return "given back, and the member has it"
    return None


def explore(profile: Profile, rules: Rules = ALL, *, submissions: int = 2) -> Exploration:
    """Visit every reachable state; stop at the first fault.

    Args:
        profile: of the partner.
        rules: that hold.
        submissions: how often our side sends the commit step at most.
    """
    steps = Steps(profile, rules, submissions)
    start = World()._replace(row=World().row._replace(held=rules.hold_first))
    came_from: dict[World, tuple[World, str] | None] = {start: None}
    leads_to: dict[World, list[World]] = {}
    waiting = deque([start])
    while waiting:
        world = waiting.popleft()
        following = leads_to[world] = []
        for words, reached in steps.of(world):
            after = canonical(reached)
            following.append(after)
            if after in came_from:
                continue
            came_from[after] = (world, words)
            says = wrong_with(after)
            if says is not None:
                return Exploration(len(came_from), Fault(says, tuple(_way(came_from, after))), frozenset(steps.used))
            waiting.append(after)
    return Exploration(len(came_from), _never_ends(came_from, leads_to), frozenset(steps.used))


def _way(came_from: dict[World, tuple[World, str] | None], world: World) -> Iterator[str]:
    steps: list[str] = []
    before = came_from[world]
    while before is not None:
        steps.append(before[1])
        before = came_from[before[0]]
    return reversed(steps)


def _never_ends(came_from: dict[World, tuple[World, str] | None], leads_to: dict[World, list[World]]) -> Fault | None:
    """Find a state from which no end, and no handing over to people, can be reached."""
    comes_after: dict[World, list[World]] = {}
    for world, following in leads_to.items():
        for after in following:
            comes_after.setdefault(after, []).append(world)
    ends = [world for world in came_from if world.row.state in RESTING]
    seen, waiting = set(ends), deque(ends)
    while waiting:
        for world in comes_after.get(waiting.popleft(), ()):
            if world not in seen:
                seen.add(world)
                waiting.append(world)
    stuck = next((world for world in came_from if world not in seen), None)
    return None if stuck is None else Fault(f"never ends: {stuck.row.state}", tuple(_way(came_from, stuck)))
