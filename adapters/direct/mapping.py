"""Between the contract's wire types and the canonical records. Pure."""

from __future__ import annotations

from datetime import datetime

from msgspec import structs

from adapters.direct import wire
from adapters.direct.responses import LOOK_UP, NOT_OFFERED, REVERSE, REVERSED
from adapters.sdk.account_records import PointsReversal
from adapters.sdk.answers import retry_after_seconds
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.codec import decimal_text, decode, minor_units
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import LookUpAnswer, Outcome, ResponseTable
from adapters.sdk.records import (
    CancelResult,
    LookUpResult,
    Offer,
    OfferRequest,
    OfferSearch,
    PartnerEvent,
    PartnerVoucher,
    ReservationRequest,
    StepResult,
)
from catalogue.values import Money

WRONG_ECHO = "wrong_echo"
"""Code of an answer that is about something other than what was asked: UNKNOWN, and an alarm."""
UNREADABLE = "unreadable"
EVENT_KINDS = frozenset({"visit.reported", "reservation.cancelled", "reservation.changed", "reservation.no_show"})


def to_amount(money: Money) -> wire.Amount:
    """Write money as the contract does."""
    return wire.Amount(amount=decimal_text(money.amount, money.currency), currency=money.currency)


def to_money(amount: wire.Amount) -> Money:
    """Read the contract's money.

    Raises:
        ProtocolError: not a decimal of that currency.
    """
    return Money(minor_units(amount.amount, amount.currency), amount.currency)


def reserve_body(request: ReservationRequest) -> wire.ReserveBody:
    """Write a reservation request; the same request gives the same bytes for every attempt."""
    return wire.ReserveBody(
        offer=request.offer_token,
        service=request.service,
        requested_at=request.requested_at,
        price=to_amount(request.price) if request.price else None,
    )


def read_offers(request: OfferRequest, body: bytes) -> tuple[Offer, ...]:
    """Read offers.

    Raises:
        ProtocolError: unreadable, or priced in another currency than asked for.
    """
    offers = tuple(_offer(request, item) for item in decode(body, wire.OffersAnswer).offers)
    if any(offer.price is None or offer.price.currency != request.currency for offer in offers):
        raise ProtocolError("An offer is priced in another currency than was asked for.")
    return offers


def not_offered(answer: PartnerAnswer) -> bool:
    """Say whether a 501 is that of an endpoint which the partner has chosen not to serve.

    Raises:
        ProtocolError: unreadable.
    """
    return decode(answer.body, wire.Refusal).error.code == NOT_OFFERED


def read_found(request: OfferSearch, body: bytes) -> tuple[Offer, ...]:
    """Read what a search found, cut at its limit.

    Raises:
        ProtocolError: unreadable, of another kind of service, or priced in another currency than asked for.
    """
    found = decode(body, wire.SearchAnswer).offers[: max(request.limit, 0)]
    offers = tuple(structs.replace(_offer(request.request(), one), service=one.service) for one in found)
    if any(offer.price is None or offer.price.currency != request.currency for offer in offers):
        raise ProtocolError("An offer is priced in another currency than was asked for.")
    if any(type(offer.service) is not type(request.service) for offer in offers):
        raise ProtocolError("An offer is of another kind of service than was asked for.")
    return offers


def read_step(request: ReservationRequest, answer: PartnerAnswer, table: ResponseTable, now: datetime) -> StepResult:
    """Judge the answer to the reservation: OK only when the whole echo is right."""
    wait = retry_after_seconds(answer, now)
    try:
        if answer.status >= 300:
            return structs.replace(_refused_step(request.key, answer, table), retry_after_seconds=wait)
        reservation = decode(answer.body, wire.Reservation)
        wrong = _wrong_echo(request, reservation)
    except ProtocolError as error:
        return StepResult(outcome=Outcome.UNKNOWN, code=UNREADABLE, message=error.message, retry_after_seconds=wait)
    outcome = table.decide(answer.status, reservation.status)
    if outcome is Outcome.NO and reservation.key == request.key:
        return StepResult(outcome=outcome, code=reservation.status.value)
    if wrong is not None or reservation.reference is None:
        return StepResult(outcome=Outcome.UNKNOWN, code=WRONG_ECHO, message=f"not what was asked: {wrong}")
    return StepResult(
        outcome=outcome,
        code=reservation.status.value,
        partner_reference=reservation.reference,
        carried=_carried(reservation),
    )


def read_look_up(request: ReservationRequest, answer: PartnerAnswer, now: datetime) -> LookUpResult:
    """Judge the answer to a look-up by key; one that decides nothing may say when to ask again."""
    found = _read_look_up(request, answer)
    if found.answer is not LookUpAnswer.UNKNOWN:
        return found
    return structs.replace(found, retry_after_seconds=retry_after_seconds(answer, now))


def _read_look_up(request: ReservationRequest, answer: PartnerAnswer) -> LookUpResult:
    try:
        if answer.status == 404:
            refusal = decode(answer.body, wire.Refusal)
            absent = refusal.error.code == "not_found" and refusal.key == request.key
            return LookUpResult(
                answer=LookUpAnswer.NOT_FOUND if absent else LookUpAnswer.UNKNOWN, code=refusal.error.code
            )
        if answer.status != 200:
            return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=f"status_{answer.status}")
        reservation = decode(answer.body, wire.Reservation)
        found = LOOK_UP[reservation.status]
        wrong = _wrong_echo(request, reservation) if found is LookUpAnswer.ISSUED else _wrong_key(request, reservation)
        told = reservation.refund if found is LookUpAnswer.CANCELLED else None
        refund = to_money(told) if told else None
    except ProtocolError as error:
        return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=f"{UNREADABLE}: {error.message}")
    if wrong is not None:
        return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=WRONG_ECHO)
    return LookUpResult(
        answer=found,
        partner_reference=reservation.reference,
        carried=_carried(reservation),
        code=reservation.status.value,
        refund=refund,
    )


def read_cancel(key: str, answer: PartnerAnswer, table: ResponseTable, now: datetime) -> CancelResult:
    """Judge the answer to a cancel or a fence: OK only when it names our key."""
    wait = retry_after_seconds(answer, now)
    try:
        if answer.status >= 300:
            refused = _refused_step(key, answer, table)
            return CancelResult(outcome=refused.outcome, code=refused.code, retry_after_seconds=wait)
        reservation = decode(answer.body, wire.Reservation)
        refund = to_money(reservation.refund) if reservation.refund else None
    except ProtocolError:
        return CancelResult(outcome=Outcome.UNKNOWN, code=UNREADABLE, retry_after_seconds=wait)
    if reservation.key != key:
        return CancelResult(outcome=Outcome.UNKNOWN, code=WRONG_ECHO)
    return CancelResult(
        outcome=table.decide(answer.status, reservation.status), code=reservation.status.value, refund=refund
    )


def read_voucher(key: str, reference: str, answer: PartnerAnswer) -> PartnerVoucher | None:
    """Read a voucher; None where the reservation has none, or the partner gives none at all.

    Raises:
        ProtocolError: unreadable, of an undocumented status, or of another reservation.
    """
    if answer.status in (404, 501):
        code = decode(answer.body, wire.Refusal).error.code
        if (answer.status, code) in {(404, "not_found"), (501, NOT_OFFERED)}:
            return None
    if answer.status != 200:
        raise ProtocolError("The voucher's answer is not one of the contract.", status=answer.status)
    told = decode(answer.body, wire.Voucher)
    if (told.key, told.reference) != (key, reference) or not told.code:
        raise ProtocolError("The voucher is not of this reservation.")
    return PartnerVoucher(
        code=told.code, symbology=told.symbology, valid_from_at=told.valid_from_at, valid_to_at=told.valid_to_at
    )


def read_reversal(request: PointsReversal, answer: PartnerAnswer, now: datetime) -> CancelResult:
    """Judge the answer to a reversal: OK only when it is this one, of this quantity."""
    wait = retry_after_seconds(answer, now)
    key = request.original.key
    try:
        if answer.status >= 300:
            refused = _refused_step(key, answer, REVERSE)
            return CancelResult(outcome=refused.outcome, code=refused.code, retry_after_seconds=wait)
        told = decode(answer.body, wire.Reversal)
    except ProtocolError:
        return CancelResult(outcome=Outcome.UNKNOWN, code=UNREADABLE, retry_after_seconds=wait)
    wanted = request.reversed_before + request.quantity
    if (told.key, told.reversal, told.quantity) != (key, request.key, request.quantity) or told.reversed < wanted:
        return CancelResult(outcome=Outcome.UNKNOWN, code=WRONG_ECHO)
    return CancelResult(outcome=REVERSE.decide(answer.status, REVERSED), code=REVERSED)


def read_event(message_id: str, body: bytes) -> PartnerEvent | None:
    """Read a webhook's body; None for a kind that this version does not know.

    Raises:
        ProtocolError: unreadable.
    """
    event = decode(body, wire.Event)
    if event.type not in EVENT_KINDS:
        return None
    return PartnerEvent(
        event_id=message_id,
        kind=event.type,
        reference=event.reservation.key,
        occurred_at=event.occurred_at,
        sequence=event.sequence,
        partner_reference=event.reservation.reference,
        guests=event.reservation.guests,
    )


def _offer(request: OfferRequest, item: wire.OfferItem) -> Offer:
    return Offer(
        token=item.id,
        service=request.service,
        title=item.title,
        price=to_money(item.price),
        expires_at=item.expires_at,
        refundable_until_at=item.refundable_until_at,
    )


def _refused_step(key: str, answer: PartnerAnswer, table: ResponseTable) -> StepResult:
    refusal = decode(answer.body, wire.Refusal)
    outcome = table.decide(answer.status, refusal.error.code)
    if outcome is Outcome.NO and refusal.key != key:
        return StepResult(outcome=Outcome.UNKNOWN, code=WRONG_ECHO)
    return StepResult(outcome=outcome, code=refusal.error.code)


def _wrong_key(request: ReservationRequest, reservation: wire.Reservation) -> str | None:
    return None if reservation.key == request.key else "key"


def _wrong_echo(request: ReservationRequest, reservation: wire.Reservation) -> str | None:
    """Name the first part of the echo that is not what was asked for."""
    price = to_money(reservation.price) if reservation.price else None
    parts = {
        "key": reservation.key == request.key,
        "offer": reservation.offer == request.offer_token,
        "service": reservation.service == request.service,
        "price": price == request.price,
        "guests": reservation.guests is None or reservation.guests >= 0,
    }
    return next((name for name, right in parts.items() if not right), None)


def _carried(reservation: wire.Reservation) -> dict[str, str]:
    carried = {}
    if reservation.guests is not None:
        carried["guests"] = str(reservation.guests)
    if reservation.used_at is not None:
        carried["used_at"] = reservation.used_at.isoformat()
    return carried
