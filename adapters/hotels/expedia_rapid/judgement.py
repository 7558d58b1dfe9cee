"""What a body with a good status really proves: every echo is checked here. Pure."""

from __future__ import annotations

from adapters.hotels.expedia_rapid import wire
from adapters.hotels.expedia_rapid.links import follow
from adapters.hotels.expedia_rapid.mapping import read_amount, read_token
from adapters.sdk.outcomes import LookUpAnswer
from adapters.sdk.records import LookUpResult, ReservationRequest, Stay
from catalogue.values import Money

_STATUSES = {
    "booked": LookUpAnswer.ISSUED,
    "canceled": LookUpAnswer.CANCELLED,
    "pending": LookUpAnswer.PENDING,
}
"""StatusItinerary of a room (Rapid v3 OpenAPI file, read 2026-11-22)."""


def fault_of_creation(creation: wire.ItineraryCreation) -> str | None:
    """Say what is wrong with a booking's answer; None when it is a plain, unheld, paid booking.

    Our key is not echoed in this answer. The one echo it has is the retrieve link, which must name the same itinerary.
    """
    links = creation.links
    if links.complete_payment_session is not None:
        return "payment_challenged"
    if links.resume is not None:
        return "held"
    target = follow("retrieve", links.retrieve.href) if links.retrieve else None
    if target is None or target.identifiers != (creation.itinerary_id,):
        return "wrong_echo"
    return None


def judge_itineraries(itineraries: list[wire.Itinerary], request: ReservationRequest) -> LookUpResult:
    """Say what a retrieve by our key proves. An empty list is NOT_FOUND, which proves nothing (rule R5).

    Raises:
        ProtocolError: an amount cannot be read.
    """
    if not itineraries:
        return LookUpResult(answer=LookUpAnswer.NOT_FOUND)
    if len(itineraries) > 1:
        ours = sum(itinerary.affiliate_reference_id == request.key for itinerary in itineraries)
        return LookUpResult(answer=LookUpAnswer.UNKNOWN, code="several_itineraries", copies=max(ours, 1))
    return judge_itinerary(itineraries[0], request)


def judge_itinerary(
    itinerary: wire.Itinerary, request: ReservationRequest, asked_for: str | None = None
) -> LookUpResult:
    """Say what one retrieved itinerary proves.

    One that is not readable yet has no key; a partial answer (206) may lack dates and prices, never the key.

    Args:
        itinerary: as retrieved.
        request: whose key, stay and quoted price must be echoed.
        asked_for: the partner's number when it was asked by that; None takes the one carried, if any.

    Raises:
        ProtocolError: an amount cannot be read.
    """
    known = asked_for or request.carried.get("itinerary_id")
    fault = "another_itinerary" if known not in (None, itinerary.itinerary_id) else _fault_of_echo(itinerary, request)
    if fault is not None:
        return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=fault)
    status = itinerary.rooms[0].status or ""
    answer = _STATUSES.get(status, LookUpAnswer.UNKNOWN)
    return LookUpResult(
        answer=answer,
        partner_reference=itinerary.itinerary_id,
        carried={"itinerary_id": itinerary.itinerary_id},
        code=None if answer is not LookUpAnswer.UNKNOWN else "unlisted_status",
    )


def _fault_of_echo(itinerary: wire.Itinerary, request: ReservationRequest) -> str | None:
    if itinerary.affiliate_reference_id is None:
        return "not_readable_yet"
    if itinerary.affiliate_reference_id != request.key:
        return "wrong_echo"
    if len(itinerary.rooms) != 1:
        return "unexpected_rooms"
    if _differs_in_service(itinerary, request):
        return "another_service"
    billed, quoted = _billed(itinerary.rooms[0]), _quoted(request)
    if billed is not None and quoted is not None and billed != quoted:
        return "another_amount"
    return None


def _differs_in_service(itinerary: wire.Itinerary, request: ReservationRequest) -> bool:
    stay, room, token = request.service, itinerary.rooms[0], read_token(request.offer_token)
    if not isinstance(stay, Stay) or token is None:
        return True
    expected = (token.property_id, stay.check_in_date.isoformat(), stay.check_out_date.isoformat())
    echoed = (itinerary.property_id, room.checkin, room.checkout)
    return any(echo is not None and echo != value for echo, value in zip(echoed, expected, strict=True))


def _quoted(request: ReservationRequest) -> Money | None:
    token = read_token(request.offer_token)
    return token.billable if token else None


def _billed(room: wire.ItineraryRoom) -> Money | None:
    totals = room.rate.pricing.totals if room.rate and room.rate.pricing else None
    charge = totals.inclusive if totals else None
    return read_amount(charge.billable_currency) if charge and charge.billable_currency else None
