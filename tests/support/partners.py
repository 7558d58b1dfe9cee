"""A partner in memory: keeps a book by key, and answers as the test scripts it. The profile is the test's choice."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from adapters.sdk.capabilities import Step
from adapters.sdk.manifest import Facts, KeyFacts, Limits, Manifest
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, ReservationRequest, StepResult
from catalogue.values import Money
from config.partner_files import PartnerEnvironment, PartnerFile, PartnerIdentity, PartnerRisk
from gateway.partners import ConnectedPartner

Script = Callable[["Book", ReservationRequest], StepResult]


class Book:
    """What the partner really did, by key: the truth that redemptions are compared with."""

    def __init__(self) -> None:
        self.issued: dict[str, int] = {}
        self.cancelled: set[str] = set()
        self.tombstones: set[str] = set()

    def issue(self, key: str) -> bool:
        """Grant the benefit once per key; a tombstone refuses it."""
        if key in self.tombstones:
            return False
        self.issued.setdefault(key, 0)
        self.issued[key] = 1
        return True


def ok(book: Book, request: ReservationRequest) -> StepResult:
    """Grant and say so."""
    granted = book.issue(request.key)
    return StepResult(outcome=Outcome.OK, partner_reference="P-1") if granted else no(book, request)


def no(book: Book, request: ReservationRequest) -> StepResult:
    """Refuse in a documented way."""
    return StepResult(outcome=Outcome.NO, code="sold_out")


def granted_then_lost(book: Book, request: ReservationRequest) -> StepResult:
    """Grant, and let the answer be lost."""
    book.issue(request.key)
    return StepResult(outcome=Outcome.UNKNOWN, code="timeout")


def lost(book: Book, request: ReservationRequest) -> StepResult:
    """Grant nothing, and let the answer be lost."""
    return StepResult(outcome=Outcome.UNKNOWN, code="timeout")


def not_sent(book: Book, request: ReservationRequest) -> StepResult:
    """Fail before the first byte."""
    return StepResult(outcome=Outcome.NOT_SENT, code="connect")


def queued(book: Book, request: ReservationRequest) -> StepResult:
    """Queue it for the night."""
    return StepResult(outcome=Outcome.PENDING, code="pending", carried={"address": "credit/1"})


class PlainPartner:
    """Reserves, and nothing else (profile G)."""

    steps: tuple[Step, ...] = (Step("book", commit=True),)

    def __init__(self) -> None:
        self.book = Book()
        self.scripts: deque[Script] = deque()
        self.calls: list[str] = []
        self.keys: list[str] = []
        self.before_answer: Callable[[], Awaitable[None]] | None = None

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        self.calls.append(step)
        self.keys.append(request.key)
        script = self.scripts.popleft() if self.scripts else ok
        result = script(self.book, request)
        if self.before_answer is not None:
            await self.before_answer()
        return result


class LookingUpPartner(PlainPartner):
    """Tells by key what became of a reservation."""

    def __init__(self) -> None:
        super().__init__()
        self.look_ups: deque[LookUpAnswer] = deque()
        self.guests = 0
        self.refund: Money | None = None

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        self.calls.append("look_up")
        answer = self.look_ups.popleft() if self.look_ups else self._truth(request.key)
        carried = {"guests": str(self.guests)} if self.guests else {}
        refund = self.refund if answer is LookUpAnswer.CANCELLED else None
        return LookUpResult(answer=answer, partner_reference="P-1", carried=carried, refund=refund)

    def _truth(self, key: str) -> LookUpAnswer:
        if key in self.book.cancelled:
            return LookUpAnswer.CANCELLED
        return LookUpAnswer.ISSUED if key in self.book.issued else LookUpAnswer.NOT_FOUND


class FencingPartner(LookingUpPartner):
    """Fences by key and leaves a tombstone (profile A)."""

    fence_outcomes: deque[Outcome]

    def __init__(self) -> None:
        super().__init__()
        self.fence_outcomes = deque()

    async def fence(self, request: ReservationRequest) -> CancelResult:
        self.calls.append("fence")
        outcome = self.fence_outcomes.popleft() if self.fence_outcomes else Outcome.OK
        if outcome is Outcome.OK:
            self.book.tombstones.add(request.key)
            self.book.issued.pop(request.key, None)
            self.book.cancelled.add(request.key)
        return CancelResult(outcome=outcome)


CAPABILITIES: dict[type[PlainPartner], tuple[Any, ...]] = {
    PlainPartner: ("reserves",),
    LookingUpPartner: ("reserves", "looks_up"),
    FencingPartner: ("reserves", "looks_up", "fences"),
}


def connected(
    adapter: PlainPartner,
    *,
    partner: str,
    facts: Facts | None = None,
    deadline_seconds: float = 1.0,
    points_at_risk_cap: int = 1_000_000,
) -> ConnectedPartner:
    """Put a partner in memory behind the gateway's partner seam."""
    manifest = Manifest(
        name="fake",
        title="Fake",
        segment="any",
        api_version=1,
        capabilities=CAPABILITIES[type(adapter)],
        auth="none",
        credentials={},
        facts=facts or Facts(key=KeyFacts(field="key"), on_repeat="replay", checks_key_first=True),
        limits=Limits(deadline_seconds=deadline_seconds, validity_seconds=600, cancel_deadline_seconds=900),
    )
    file = PartnerFile(
        partner=PartnerIdentity(id=partner, name={"en": "Fake"}, segment="any", adapter="fake"),
        environments={},
        contract={},
        risk=PartnerRisk(points_at_risk_cap=points_at_risk_cap, settlement_file=True),
    )
    environment = PartnerEnvironment(base_url="http://fake.test")
    return ConnectedPartner(file=file, environment=environment, manifest=manifest, adapter=adapter)
