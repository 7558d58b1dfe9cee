"""What the checker explores: one redemption's row, two workers, the line, and what the partner really did. Pure.

Time is a handful of instants that lie on both sides of everything the plan compares, so that the code's own decisions
are asked with real instants. A message may be lost, late, or answered to nobody; a worker may die or sleep anywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from adapters.sdk.manifest import Capability, Facts, KeyFacts, Manifest
from adapters.sdk.outcomes import Outcome
from gateway.redemption.plan import SILENCE, SKEW, Powers
from gateway.redemption.states import TERMINAL, State

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
RESTING = TERMINAL | {State.MANUAL}
TOLD_APART = frozenset({Outcome.NO, Outcome.NOT_SENT, Outcome.BUSY})
"""What the plan tells apart of the outcomes of attempts; any other may have been sent."""

VALIDITY, PROCESSING, STALENESS, DEADLINE = (timedelta(seconds=each) for each in (600, 60, 90, 900))
WINDOW_ENDS_AT, CANCEL_DEADLINE_AT = START + VALIDITY, START + DEADLINE
LAST_EFFECT_AT = WINDOW_ENDS_AT + SKEW + PROCESSING
"""Until then a partner that enforces the window may still grant: its clock is behind, or it was slow."""

INSTANTS = (
    START + timedelta(seconds=1),
    WINDOW_ENDS_AT + timedelta(seconds=30),
    LAST_EFFECT_AT + timedelta(seconds=30),
    max(LAST_EFFECT_AT + STALENESS, CANCEL_DEADLINE_AT) + timedelta(seconds=1),
    LAST_EFFECT_AT + STALENESS + SILENCE + timedelta(seconds=2),
)
"""Before the window's end; after it; too late for grants and not for stale reads; all over; people were waited for."""

SIGNED_INSTANTS = (INSTANTS[0], WINDOW_ENDS_AT - timedelta(seconds=1), *INSTANTS[1:])
"""With one more, at which an attempt within the window is signed at another time than the first."""


class Profile(NamedTuple):
    """A partner by its facts: the letters of design, and what each can do.

    ``signed``: it refuses a request whose signature is older than the window.
    """

    letter: str
    facts: Facts
    look_up: bool
    fence: bool
    queues: bool = False
    signed: bool = False

    @property
    def manifest(self) -> Manifest:
        """The manifest that a partner of this kind declares."""
        able: list[Capability] = ["reserves"]
        able += ["looks_up"] if self.look_up else []
        able += ["fences"] if self.fence else []
        return Manifest(
            name="modelled",
            title="Modelled",
            segment="any",
            api_version=1,
            capabilities=tuple(able),
            auth="none",
            credentials={},
            facts=self.facts,
        )

    @property
    def powers(self) -> Powers:
        """What the code's plan knows of it, with the times of this model."""
        return msgspec.structs.replace(Powers.of(self.manifest), processing=PROCESSING, staleness=STALENESS)

    @property
    def instants(self) -> tuple[datetime, ...]:
        """The instants at which something happens; a `World.now` is a place among them."""
        return SIGNED_INSTANTS if self.signed else INSTANTS

    @property
    def has_file(self) -> bool:
        """Whether a closed settlement file ends what nothing else does."""
        return not self.fence and not self.facts.validity_enforced


_KEY = KeyFacts(field="key")
PROFILES = {
    each.letter: each
    for each in (
        Profile("A", Facts(key=_KEY, on_repeat="replay", checks_key_first=True), look_up=True, fence=True),
        Profile("B", Facts(key=_KEY, on_repeat="replay", validity_enforced=True), look_up=True, fence=False),
        Profile("C", Facts(key=_KEY, on_repeat="refuse"), look_up=True, fence=False),
        Profile("D", Facts(key=_KEY, on_repeat="again"), look_up=True, fence=True, queues=True),
        Profile("E", Facts(key=_KEY, on_repeat="again"), look_up=True, fence=False, queues=True),
        Profile("F", Facts(key=_KEY, on_repeat="replay"), look_up=False, fence=True),
        Profile("G", Facts(key=_KEY, on_repeat="again"), look_up=False, fence=False),
    )
}
SIGNED = PROFILES["B"]._replace(letter="B, signed", signed=True)
"""Ends as a B does, where the age of a signature is the fence: no adapter does so yet."""
REFUSES_OLD = PROFILES["C"]._replace(letter="C, signed", signed=True)
"""Refuses what was signed long ago, and is not relied on for it: what a manifest has to say of such a partner."""

MODELLED = (*PROFILES.values(), SIGNED)
"""Everything that the checker explores."""


class Order(NamedTuple):
    """A call that a worker is about to make, or has the answer of.

    ``fresh``: nothing changed the row since. ``attempt``: its place among the commit attempts, -1 for none.
    ``signed``: when the signature was made that is kept with the attempt. ``answer`` is empty until something, or
    nothing, came back.
    """

    operation: str
    asked: int
    attempt: int
    maybe_sent: bool
    submissions: int
    fresh: bool = True
    signed: int = 0
    answer: str = ""


class Row(NamedTuple):
    """The redemption in our database.

    ``owner`` is the worker that holds the lease, -1 for none; a lease may end at any time. ``attempts`` are the
    outcomes of the commit attempts, None for one that nobody knows of.
    """

    state: State = State.HELD
    attempts: tuple[Outcome | None, ...] = ()
    withdrawal: bool = False
    owner: int = -1
    held: bool = True


class Partner(NamedTuple):
    """What the partner really did. ``hidden``: its reads may not show the grant yet."""

    grants: int = 0
    standing: bool = False
    hidden: bool = False
    tombstone: bool = False
    used: bool = False
    queued: bool = False
    refused: bool = False
    closed: bool = False


class World(NamedTuple):
    """One state of everything. ``requests`` and ``fences`` are on their way and may still arrive.

    Of a request it is known when it was signed.
    """

    now: int = 0
    row: Row = Row()
    workers: tuple[Order | None, ...] = (None, None)
    partner: Partner = Partner()
    requests: tuple[int, ...] = ()
    fences: int = 0
    submissions: int = 0


def canonical(world: World) -> World:
    """Make states alike that nothing can tell apart: which worker is which, and what nobody will read again."""
    row, resting = world.row, world.row.state in RESTING
    if resting:
        row = row._replace(attempts=(), withdrawal=False, owner=-1)
    else:
        known = tuple(each if each in TOLD_APART else None for each in row.attempts)
        row = row._replace(attempts=known)
    first, second = (_readable(order, resting) for order in world.workers)
    if second is not None and (first is None or first > second):
        first, second = second, first
        row = row._replace(owner=1 - row.owner if row.owner >= 0 else -1)
    return world._replace(row=row, workers=(first, second), requests=tuple(sorted(world.requests)))


def _readable(order: Order | None, resting: bool) -> Order | None:
    """Keep of an order what still matters: a stale result only says what became of its attempt."""
    if order is None or (order.answer and (resting or (not order.fresh and order.attempt < 0))):
        return None
    if order.fresh and not resting:
        return order
    kept = order._replace(asked=0, maybe_sent=False, submissions=0, fresh=False)
    return kept._replace(attempt=-1) if resting else kept


class Move(NamedTuple):
    """A step of the world, in words, and where it leads."""

    words: str
    world: World
