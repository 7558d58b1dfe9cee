"""Between the gateway's records and the partner's messages, echo checks included."""

from __future__ import annotations

from datetime import datetime

from adapters.sdk.answers import retry_after_seconds
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import LookUpAnswer, Outcome, ResponseRule, ResponseTable
from adapters.sdk.records import CancelResult, LookUpResult, ReservationRequest, Ride, StepResult
from catalogue.values import Money
from valet_adapter import wire

SOURCE = "Valet jobs API, version 2"
RESERVE = ResponseTable(
    ResponseRule(201, "open", Outcome.OK, SOURCE),
    ResponseRule(200, "open", Outcome.OK, f"{SOURCE}, repeat"),
    ResponseRule(200, "cancelled", Outcome.NO, f"{SOURCE}, repeat after a cancellation"),
    ResponseRule(409, "dead_key", Outcome.NO, SOURCE),
    ResponseRule(409, "no_driver", Outcome.NO, SOURCE),
    ResponseRule(503, "later", Outcome.BUSY, SOURCE),
)
WITHDRAW = ResponseTable(
    ResponseRule(200, "cancelled", Outcome.OK, SOURCE),
    ResponseRule(200, "dead", Outcome.OK, SOURCE),
    ResponseRule(503, "later", Outcome.BUSY, SOURCE),
)
LOOK_UP = {
    wire.State.OPEN: LookUpAnswer.ISSUED,
    wire.State.CANCELLED: LookUpAnswer.CANCELLED,
    wire.State.DEAD: LookUpAnswer.CANCELLED,
}


def trip(ride: Ride) -> wire.Trip:
    """Write a ride as the partner does."""
    return wire.Trip(origin=ride.pick_up, destination=ride.drop_off, at=ride.pick_up_at, seats=ride.passengers)


def fare(price: Money | None) -> wire.Fare:
    """Write a price as the partner does."""
    assert price is not None, "every fare has a price"
    return wire.Fare(fen=price.amount, currency=price.currency)


def read_step(request: ReservationRequest, answer: PartnerAnswer, now: datetime) -> StepResult:
    """Judge the answer to a reservation: OK only when all that was asked is repeated."""
    try:
        if answer.status >= 300:
            fault = decode(answer.body, wire.Fault)
            outcome = RESERVE.decide(answer.status, fault.reason)
            wrong = outcome is Outcome.NO and fault.job_key != request.key
            return StepResult(
                outcome=Outcome.UNKNOWN if wrong else outcome,
                code=fault.reason,
                retry_after_seconds=retry_after_seconds(answer, now),
            )
        job = decode(answer.body, wire.Job)
    except ProtocolError as error:
        return StepResult(outcome=Outcome.UNKNOWN, code="unreadable", message=error.message)
    outcome = RESERVE.decide(answer.status, job.state)
    if not _echoes(request, job) or job.job_id is None:
        return StepResult(outcome=Outcome.UNKNOWN, code="wrong_echo")
    return StepResult(outcome=outcome, code=job.state, partner_reference=job.job_id)


def read_look_up(request: ReservationRequest, answer: PartnerAnswer) -> LookUpResult:
    """Judge the answer to a look-up."""
    try:
        if answer.status == 404:
            fault = decode(answer.body, wire.Fault)
            absent = (fault.reason, fault.job_key) == ("unknown_key", request.key)
            return LookUpResult(answer=LookUpAnswer.NOT_FOUND if absent else LookUpAnswer.UNKNOWN)
        if answer.status != 200:
            return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=f"status_{answer.status}")
        job = decode(answer.body, wire.Job)
    except ProtocolError:
        return LookUpResult(answer=LookUpAnswer.UNKNOWN, code="unreadable")
    found = LOOK_UP[job.state]
    right = _echoes(request, job) if found is LookUpAnswer.ISSUED else job.job_key == request.key
    return LookUpResult(answer=found if right else LookUpAnswer.UNKNOWN, partner_reference=job.job_id)


def read_withdrawal(key: str, answer: PartnerAnswer) -> CancelResult:
    """Judge the answer to a cancel or a fence."""
    try:
        if answer.status >= 300:
            reason = decode(answer.body, wire.Fault).reason
            return CancelResult(outcome=WITHDRAW.decide(answer.status, reason), code=reason)
        job = decode(answer.body, wire.Job)
    except ProtocolError:
        return CancelResult(outcome=Outcome.UNKNOWN, code="unreadable")
    if job.job_key != key:
        return CancelResult(outcome=Outcome.UNKNOWN, code="wrong_echo")
    return CancelResult(outcome=WITHDRAW.decide(answer.status, job.state), code=job.state)


def _echoes(request: ReservationRequest, job: wire.Job) -> bool:
    assert isinstance(request.service, Ride)
    return (job.job_key, job.trip, job.fare) == (request.key, trip(request.service), fare(request.price))
