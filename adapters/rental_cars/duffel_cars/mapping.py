"""Between our records and the partner's messages, echo checks included. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from adapters.rental_cars.duffel_cars import wire
from adapters.rental_cars.duffel_cars.options import DuffelOptions, Station
from adapters.sdk.currencies import minor_units
from adapters.sdk.errors import ProtocolError, RejectedError
from adapters.sdk.records import Offer, OfferRequest, Rental, ReservationRequest, Service
from catalogue.values import Money

KEY = "redemption"
"""The name in ``metadata`` under which a booking carries our key: for the echo, the statement and callbacks."""

SOLD = "postpaid"
"""The one way of payment that is booked: the supplier bills the club. The others take a card, and none exists here."""


class OfferToken(msgspec.Struct, frozen=True):
    """What an offer needs to be booked."""

    rate_id: str


def read_token(text: str) -> OfferToken | None:
    """Read a token of our own; None when it is not one."""
    try:
        return msgspec.json.decode(text, type=OfferToken)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def times(rental: Rental, options: DuffelOptions) -> wire.Times | None:
    """Tell a rental's instants by its stations' clocks; None when a station is not configured."""
    pick_up, drop_off = options.stations.get(rental.pick_up_station), options.stations.get(rental.drop_off_station)
    if pick_up is None or drop_off is None:
        return None
    fetched = rental.pick_up_at.astimezone(ZoneInfo(pick_up.time_zone))
    returned = rental.drop_off_at.astimezone(ZoneInfo(drop_off.time_zone))
    return wire.Times(
        pickup_date=fetched.date().isoformat(),
        pickup_time=f"{fetched:%H:%M}",
        dropoff_date=returned.date().isoformat(),
        dropoff_time=f"{returned:%H:%M}",
    )


def search(service: Service, options: DuffelOptions) -> wire.SearchParams:
    """Write a search.

    Raises:
        RejectedError: not a rental, an unknown station, or the driver's date of birth is missing.
    """
    if not isinstance(service, Rental):
        raise RejectedError("This partner rents out cars only.")
    when = times(service, options)
    if when is None:
        raise RejectedError("The rental names a station that is not configured for this partner.")
    if service.driver_birth_date is None:
        raise RejectedError("This partner prices by the driver's age: the rental names no date of birth.")
    return wire.SearchParams(
        pickup_date=when.pickup_date,
        pickup_time=when.pickup_time,
        dropoff_date=when.dropoff_date,
        dropoff_time=when.dropoff_time,
        pickup_location=_location(options.stations[service.pick_up_station]),
        dropoff_location=_location(options.stations[service.drop_off_station]),
        driver=wire.SearchDriver(
            age=_age(service.driver_birth_date, date.fromisoformat(when.pickup_date)),
            residence_country_code=options.residence_country_code,
        ),
    )


def offers(request: OfferRequest, found: wire.Search, options: DuffelOptions, now: datetime) -> tuple[Offer, ...]:
    """Read the rates that can be booked, the cheapest first; those in another currency or to be paid by card are not.

    Raises:
        ProtocolError: the search echoes other times, or an amount cannot be read.
    """
    assert isinstance(request.service, Rental)
    if not _same_times(found, times(request.service, options)):
        raise ProtocolError("The partner answered for other times than were asked for.")
    sold = [rate for rate in found.rates if (rate.payment_type, rate.total_currency) == (SOLD, request.currency)]
    made = [
        Offer(
            token=msgspec.json.encode(OfferToken(rate_id=rate.id)).decode(),
            service=request.service,
            title=f"{rate.car.name}, {rate.supplier.name}",
            price=price(rate),
            expires_at=now + timedelta(seconds=options.offer_seconds),
        )
        for rate in sold
    ]
    return tuple(sorted(made, key=lambda offer: offer.price.amount if offer.price else 0))


def price(priced: wire.Price) -> Money:
    """Read a price.

    Raises:
        ProtocolError: it is no amount in its currency's scale.
    """
    return Money(minor_units(priced.total_amount, priced.total_currency), priced.total_currency)


def fault_of_quote(quote: wire.Quote, rate_id: str, request: ReservationRequest, options: DuffelOptions) -> str | None:
    """Name what a quote has otherwise than asked: ``wrong_echo``, ``price_changed``; None when nothing.

    Raises:
        ProtocolError: the amount cannot be read.
    """
    assert isinstance(request.service, Rental)
    if quote.rate_id != rate_id or not _same_times(quote, times(request.service, options)):
        return "wrong_echo"
    if price(quote) != request.price or quote.payment_type != SOLD:
        return "price_changed"
    return None


def booking(request: ReservationRequest) -> wire.BookingParams | None:
    """Write a booking; None when the quote or a declared personal field is not there."""
    traveller, rental = request.traveller, request.service
    quote_id = request.carried.get("quote_id")
    if not isinstance(rental, Rental) or rental.driver_birth_date is None or not quote_id:
        return None
    if not (traveller.given_name and traveller.family_name and traveller.email and traveller.phone):
        return None
    return wire.BookingParams(
        quote_id=quote_id,
        driver=wire.Driver(
            given_name=traveller.given_name,
            family_name=traveller.family_name,
            date_of_birth=rental.driver_birth_date.isoformat(),
            email=traveller.email,
            phone_number=traveller.phone,
        ),
        metadata={KEY: request.key},
    )


def is_ours(booked: wire.Booking, request: ReservationRequest, options: DuffelOptions) -> bool:
    """Say whether a booking is of our key, for our times, at our price, by our quote where one is carried.

    Raises:
        ProtocolError: the amount cannot be read.
    """
    assert isinstance(request.service, Rental)
    return (
        (booked.metadata or {}).get(KEY) == request.key
        and booked.quote_id == request.carried.get("quote_id", booked.quote_id)
        and _same_times(booked, times(request.service, options))
        and price(booked) == request.price
    )


def stands(booked: wire.Booking) -> bool:
    """Say whether a booking is confirmed and nothing in it contradicts that."""
    return booked.status == "confirmed" and booked.confirmed_at is not None and booked.cancelled_at is None


def _same_times(answered: wire.Times | wire.DatedPrice, asked: wire.Times | None) -> bool:
    return asked is not None and all(
        getattr(answered, name) == getattr(asked, name) for name in wire.Times.__struct_fields__
    )


def _location(station: Station) -> wire.SearchLocation:
    return wire.SearchLocation(
        radius=station.radius,
        geographic_coordinates=wire.Coordinates(latitude=station.latitude, longitude=station.longitude),
    )


def _age(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
