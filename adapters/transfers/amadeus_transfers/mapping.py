"""Between our records and the partner's messages, echo checks included. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from adapters.sdk.codec import local_instant
from adapters.sdk.currencies import minor_units
from adapters.sdk.errors import ProtocolError, RejectedError
from adapters.sdk.records import Offer, OfferRequest, ReservationRequest, Ride, Service
from adapters.transfers.amadeus_transfers import wire
from adapters.transfers.amadeus_transfers.options import Place, TransferOptions
from catalogue.values import Money

PAYMENT = "TRAVEL_ACCOUNT"
"""The one way of payment that is booked: the club's account, without a card."""

NOTE = "Ref "
"""What goes before our key in the note."""

_UNITS = {"MINUTES": timedelta(minutes=1), "HOURS": timedelta(hours=1), "DAYS": timedelta(days=1)}
_FAR = 10_000


class OfferToken(msgspec.Struct, frozen=True):
    """What an offer needs to be booked."""

    offer_id: str


def read_token(text: str) -> OfferToken | None:
    """Read a token of our own; None when it is not one."""
    try:
        return msgspec.json.decode(text, type=OfferToken)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def start_time(ride: Ride, place: Place) -> str:
    """Tell when a ride begins by the clock of its place, as the partner writes it."""
    return f"{ride.pick_up_at.astimezone(ZoneInfo(place.time_zone)):%Y-%m-%dT%H:%M:%S}"


def search(service: Service, currency: str, options: TransferOptions) -> wire.Search:
    """Write a search.

    Raises:
        RejectedError: not a ride, or not from a configured airport to a configured place.
    """
    if not isinstance(service, Ride):
        raise RejectedError("This partner drives passengers only.")
    start, end = options.places.get(service.pick_up), options.places.get(service.drop_off)
    if start is None or end is None:
        raise RejectedError("The ride names a place that is not configured for this partner.")
    if not start.airport:
        raise RejectedError("This partner fetches passengers from airports only.")
    return wire.Search(
        start_date_time=start_time(service, start),
        start_location_code=start.airport,
        end_location_code=end.airport,
        end_address_line=end.line,
        end_zip_code=end.zip,
        end_country_code=end.country_code,
        end_city_name=end.city,
        end_geo_code=end.geo_code,
        end_name=end.name,
        transfer_type=options.transfer_type,
        passengers=service.passengers,
        language=options.language,
        currency=currency,
    )


def offers(
    request: OfferRequest, found: tuple[wire.Offer, ...], options: TransferOptions, now: datetime
) -> tuple[Offer, ...]:
    """Read the offers that can be booked, the cheapest first.

    Passed over: another start than asked (the partner may move it, warning 101), an estimated price, another currency,
    no travel account, or a company that needs what we do not send (a card, a billing address, a flight number).

    Raises:
        ProtocolError: an amount or a time cannot be read.
    """
    assert isinstance(request.service, Ride)
    place = options.places[request.service.pick_up]
    made = []
    for offer in found:
        price = price_in(offer, request.currency)
        bookable = PAYMENT in offer.methods_of_payment_accepted and not offer.service_provider.settings
        if price is None or not bookable or not _starts_as_asked(offer, request.service, place):
            continue
        made.append(
            Offer(
                token=msgspec.json.encode(OfferToken(offer_id=offer.id)).decode(),
                service=request.service,
                title=f"{offer.vehicle.description}, {offer.service_provider.name}"[:200],
                price=price,
                expires_at=now + timedelta(seconds=options.offer_seconds),
                refundable_until_at=_free_until(offer, place),
            )
        )
    return tuple(sorted(made, key=lambda offer: offer.price.amount if offer.price else 0))


def price_in(priced: wire.Priced, currency: str) -> Money | None:
    """Find the firm price in a currency: the converted one, else the company's own; None when there is none.

    Raises:
        ProtocolError: it is no amount in the currency's scale.
    """
    for quotation in (priced.converted, priced.quotation):
        if quotation is not None and quotation.currency_code == currency and not quotation.is_estimated:
            return Money(minor_units(quotation.monetary_amount, currency), currency)
    return None


def order(request: ReservationRequest, options: TransferOptions) -> wire.OrderParams | None:
    """Write a booking; None when a declared personal field is not there."""
    traveller = request.traveller
    if not (traveller.given_name and traveller.family_name and traveller.email and traveller.phone):
        return None
    return wire.OrderParams(
        note=NOTE + request.key,
        passengers=(
            wire.Passenger(
                first_name=traveller.given_name,
                last_name=traveller.family_name,
                contacts=wire.Contact(phone_number=traveller.phone, email=traveller.email),
            ),
        ),
        payment=wire.Payment(method_of_payment=PAYMENT, payment_reference=options.payment_reference),
    )


def fault_of_order(
    made: wire.Order, request: ReservationRequest, offer_id: str, options: TransferOptions
) -> str | None:
    """Name what an order has otherwise than asked: ``several_rides``, ``wrong_echo``, ``status_...``; None: nothing.

    Raises:
        ProtocolError: the amount cannot be read.
    """
    if len(made.transfers) != 1:
        return "several_rides"
    ride, asked = made.transfers[0], request.service
    assert isinstance(asked, Ride)
    place = options.places.get(asked.pick_up)
    currency = request.price.currency if request.price else ""
    ours = ride.offer_id == offer_id and ride.note == NOTE + request.key and price_in(ride, currency) == request.price
    if not ours or place is None or not _starts_as_asked(ride, asked, place):
        return "wrong_echo"
    return None if ride.status == "CONFIRMED" else f"status_{ride.status.lower()}"


def _starts_as_asked(priced: wire.Priced, ride: Ride, place: Place) -> bool:
    return (priced.start.date_time, priced.start.location_code) == (start_time(ride, place), place.airport)


def _free_until(offer: wire.Offer, place: Place) -> datetime | None:
    """Work out until when cancelling costs nothing: the nearest edge of a rule without a fee; None: none is told."""
    free = [rule for rule in offer.cancellation_rules if _is_zero(rule.fee_value) and rule.metric_type in _UNITS]
    edges = [
        int(rule.metric_min) * _UNITS[rule.metric_type]
        for rule in free
        if rule.metric_min.isascii() and rule.metric_min.isdigit() and len(rule.metric_min) < len(str(_FAR))
    ]
    if not edges:
        return None
    try:
        return local_instant(offer.start.date_time, place.time_zone) - min(edges)
    except OverflowError as error:
        raise ProtocolError("A cancellation rule names no time.") from error


def _is_zero(text: str) -> bool:
    return bool(text) and not text.strip("0").strip(".").strip("0")
