"""Partners of every profile on a bad line: requests and answers are lost, late or doubled, and processes die in calls.

The `Ledger` of a partner is the truth; a `Line` is how one process of the gateway speaks to it. Every partner keeps the
promises that its facts declare and no other, so whatever goes wrong is the gateway's fault.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from adapters.sdk.capabilities import Step
from adapters.sdk.manifest import Facts, KeyFacts
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, ReservationRequest, StepResult
from tests.support.clocks import ManualClock
from tests.support.partners import CAPABILITIES, PlainPartner

VALIDITY = timedelta(seconds=600)
SKEW = timedelta(seconds=60)
SOLD_OUT, SOLD_OUT_AGAIN = 0.15, 0.5
"""How often nothing is left; more often when the request itself has taken the last before."""

KEY = KeyFacts(field="key")
FACTS = {
    "A": Facts(key=KEY, on_repeat="replay", checks_key_first=True, look_up_staleness_seconds=30),
    "B": Facts(key=KEY, on_repeat="replay", validity_enforced=True, look_up_staleness_seconds=90),
    "C": Facts(key=KEY, on_repeat="refuse", look_up_staleness_seconds=30),
    "D": Facts(key=KEY, on_repeat="again", look_up_staleness_seconds=30),
    "E": Facts(key=KEY, on_repeat="again", look_up_staleness_seconds=30),
    "F": Facts(key=KEY, on_repeat="replay"),
    "G": Facts(key=KEY, on_repeat="again"),
}
"""What a partner of each profile declares."""


class CrashError(BaseException):
    """The process is gone: nothing of ours catches it."""


@dataclass
class Life:
    """One process, dead or alive."""

    dead: bool = False

    def check(self) -> None:
        """End whatever this process still tries after its death."""
        if self.dead:
            raise CrashError

    def die(self) -> None:
        """Kill the process here."""
        self.dead = True
        raise CrashError


@dataclass
class Ledger:
    """What the partner really did. ``in_flight`` are requests that it has not seen yet."""

    facts: Facts
    clock: ManualClock
    dice: Random
    troubled: bool = True
    granted: dict[str, int] = field(default_factory=dict)
    granted_at: dict[str, datetime] = field(default_factory=dict)
    cancelled_at: dict[str, datetime] = field(default_factory=dict)
    tombstones: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    in_flight: list[ReservationRequest] = field(default_factory=list)

    def stands(self, key: str) -> bool:
        """Say whether the member has the benefit."""
        return key in self.granted and key not in self.cancelled_at

    def process(self, request: ReservationRequest) -> StepResult:
        """Judge a request as it comes in."""
        key = request.key
        if key in self.granted and self.facts.checks_key_first:
            return self._repeated(key)
        if self.facts.validity_enforced and self.clock.now() > request.requested_at + VALIDITY + SKEW:
            return StepResult(outcome=Outcome.NO, code="too_late")
        if key in self.tombstones:
            return StepResult(outcome=Outcome.NO, code="cancelled")
        scarce = SOLD_OUT_AGAIN if key in self.granted else SOLD_OUT
        if self.troubled and self.dice.random() < scarce:
            return StepResult(outcome=Outcome.NO, code="sold_out")
        return self._repeated(key) if key in self.granted else self._grant(key)

    def _repeated(self, key: str) -> StepResult:
        if self.facts.on_repeat == "again":
            return self._grant(key)
        if self.facts.on_repeat == "replay" and self.stands(key):
            return StepResult(outcome=Outcome.OK, partner_reference=f"P-{key}")
        return StepResult(outcome=Outcome.UNKNOWN, code="duplicate")

    def _grant(self, key: str) -> StepResult:
        self.granted[key] = self.granted.get(key, 0) + 1
        self.granted_at[key] = self.clock.now()
        return StepResult(outcome=Outcome.OK, partner_reference=f"P-{key}")

    def deliver(self) -> None:
        """Let one late request arrive; nobody waits for its answer."""
        if self.in_flight:
            self.process(self.in_flight.pop(self.dice.randrange(len(self.in_flight))))

    def look_up(self, key: str) -> LookUpResult:
        """Tell what became of a key, as seen from a replica that may be behind."""
        lag = timedelta(seconds=self.dice.uniform(0, self.facts.look_up_staleness_seconds) if self.troubled else 0)
        seen_at = self.clock.now() - lag
        if key in self.cancelled_at and self.cancelled_at[key] <= seen_at:
            return LookUpResult(answer=LookUpAnswer.CANCELLED)
        if key in self.granted_at and self.granted_at[key] <= seen_at:
            return LookUpResult(answer=LookUpAnswer.ISSUED, partner_reference=f"P-{key}")
        return LookUpResult(answer=LookUpAnswer.NOT_FOUND)

    def fence(self, key: str) -> CancelResult:
        """Cancel by our key; nothing can be granted under it any more."""
        if self.stands(key) and (key in self.used or (self.troubled and self.dice.random() < 0.15)):
            self.used.add(key)
            return CancelResult(outcome=Outcome.NO, code="used")
        self.tombstones.add(key)
        if key in self.granted:
            self.cancelled_at.setdefault(key, self.clock.now())
        return CancelResult(outcome=Outcome.OK)

    def cancel(self, key: str) -> CancelResult:
        """Cancel what was granted; a key that is not known is left as it is."""
        if key not in self.granted:
            return CancelResult(outcome=Outcome.UNKNOWN, code="not_found")
        if self.stands(key) and self.troubled and self.dice.random() < 0.15:
            return CancelResult(outcome=Outcome.NO, code="not_any_more")
        self.cancelled_at.setdefault(key, self.clock.now())
        return CancelResult(outcome=Outcome.OK)


class Line(PlainPartner):
    """How one process speaks to a partner that only reserves (G), over a line that fails in every way."""

    def __init__(self, ledger: Ledger, life: Life) -> None:
        super().__init__()
        self.ledger = ledger
        self.life = life

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        self.life.check()
        if step != "book":
            return StepResult(outcome=self._any_of(Outcome.OK, Outcome.UNKNOWN, Outcome.BUSY), carried={"room": "7"})
        ledger, roll = self.ledger, self._roll()
        if roll < 0.015:
            self.life.die()
        if roll < 0.12:
            return StepResult(outcome=self._any_of(Outcome.NOT_SENT, Outcome.BUSY, Outcome.UNKNOWN), code="line")
        if roll < 0.22:
            ledger.in_flight.append(request)
            return StepResult(outcome=Outcome.UNKNOWN, code="timeout")
        result = ledger.process(request)
        if roll < 0.25:
            self.life.die()
        if roll < 0.45:
            return StepResult(outcome=Outcome.UNKNOWN, code="timeout")
        if roll < 0.50 and result.outcome is Outcome.OK and ledger.facts.on_repeat != "again":
            ledger.in_flight.append(request)
        return result

    def _roll(self) -> float:
        """Roll the dice; 1 means that nothing goes wrong."""
        return self.ledger.dice.random() if self.ledger.troubled else 1.0

    def _any_of(self, *outcomes: Outcome) -> Outcome:
        return self.ledger.dice.choice(outcomes) if self.ledger.troubled else outcomes[0]

    def _garbled(self, result: CancelResult) -> CancelResult:
        """Let a cancellation's answer, or the process, be lost after the partner acted."""
        roll = self._roll()
        if roll < 0.015:
            self.life.die()
        return CancelResult(outcome=Outcome.UNKNOWN, code="timeout") if roll < 0.25 else result


class LookingLine(Line):
    """Looks up and cancels by the partner's reference (B, C, E)."""

    steps = (Step("hold"), Step("book", commit=True))

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        self.life.check()
        roll = self._roll()
        if roll < 0.015:
            self.life.die()
        return LookUpResult(answer=LookUpAnswer.UNKNOWN) if roll < 0.2 else self.ledger.look_up(request.key)

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        self.life.check()
        if self._roll() < 0.15:
            return CancelResult(outcome=self._any_of(Outcome.NOT_SENT, Outcome.BUSY, Outcome.UNKNOWN))
        return self._garbled(self.ledger.cancel(request.key))


class FencingLine(Line):
    """Fences and cannot be asked (F)."""

    async def fence(self, request: ReservationRequest) -> CancelResult:
        self.life.check()
        if self._roll() < 0.15:
            return CancelResult(outcome=self._any_of(Outcome.NOT_SENT, Outcome.BUSY, Outcome.UNKNOWN))
        return self._garbled(self.ledger.fence(request.key))


class FencingLookingLine(FencingLine):
    """Fences and looks up (A, D)."""

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        self.life.check()
        roll = self._roll()
        if roll < 0.015:
            self.life.die()
        return LookUpResult(answer=LookUpAnswer.UNKNOWN) if roll < 0.2 else self.ledger.look_up(request.key)


LINES: dict[str, type[Line]] = {
    "A": FencingLookingLine,
    "B": LookingLine,
    "C": LookingLine,
    "D": FencingLookingLine,
    "E": LookingLine,
    "F": FencingLine,
    "G": Line,
}
CAPABILITIES |= {
    Line: ("reserves",),
    LookingLine: ("reserves", "looks_up", "cancels"),
    FencingLine: ("reserves", "fences"),
    FencingLookingLine: ("reserves", "looks_up", "fences"),
}
